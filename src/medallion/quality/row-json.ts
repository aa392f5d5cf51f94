import { type DataType, decimalOf, isStruct, type StructType } from '../../delta/schema.ts';
import { duckDbType } from '../engine/types.ts';
import { literal, quote } from '../plan/sql.ts';

type Fields = StructType['fields'];

/**
 * A row as JSON text, in SQL of DuckDB. What JSON, or a reader of its numbers, would make something else of is a text: `"NaN"`,
 * `"Infinity"` and `"-Infinity"`, as Spark's `to_json` writes them, decimals by their digits, bytes in Base64.
 */
export function rowJson({ fields }: StructType): string {
  return `CAST(${objectJson(fields, (name) => quote(name), 0)} AS VARCHAR)`;
}

/** A column of a row of `rowJson`, or of one that Spark wrote; null where the row lacks it. */
export function columnOfJson(json: string, name: string, type: DataType): string {
  const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const value = `json_object('v', json_extract(${json}, ${literal(pointer, 'duckdb')}))`;
  return decoded(`CAST(${value} AS STRUCT(v ${duckDbType(encodedType(type), name)})).v`, type, 0);
}

function objectJson(fields: Fields, of: (name: string) => string, depth: number): string {
  const pairs = fields.map(({ name, type }) => `${literal(name, 'duckdb')}, ${encoded(of(name), type, depth)}`);
  return `json_object(${pairs.join(', ')})`;
}

function encoded(value: string, type: DataType, depth: number): string {
  if (!some(type, isText)) return value;
  if (type === 'binary') return `base64(${value})`;
  if (typeof type !== 'string') {
    return each(value, type, depth, encoded, (fields, of) => objectJson(fields, of, depth), 'to_json');
  }
  if (decimalOf(type) !== undefined) return `CAST(${value} AS VARCHAR)`;
  const special = `CASE WHEN isnan(${value}) THEN '"NaN"' WHEN ${value} > 0 THEN '"Infinity"' ELSE '"-Infinity"' END`;
  const json = `CASE WHEN isfinite(${value}) THEN to_json(${value}) ELSE CAST(${special} AS JSON) END`;
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE ${json} END`;
}

function decoded(value: string, type: DataType, depth: number): string {
  if (!some(type, (one) => one === 'binary')) return value;
  if (typeof type === 'string') return `from_base64(${value})`;
  const pack = (fields: Fields, of: (name: string) => string) =>
    `struct_pack(${fields.map(({ name, type: own }) => `${quote(name)} := ${decoded(of(name), own, depth)}`).join(', ')})`;
  return each(value, type, depth, decoded, pack, '');
}

/** A nested value whose parts are put through `part`. */
function each(
  value: string,
  type: Exclude<DataType, string>,
  depth: number,
  part: (value: string, type: DataType, depth: number) => string,
  struct: (fields: Fields, of: (name: string) => string) => string,
  whole: string,
): string {
  const unlessNull = (made: string) => `CASE WHEN ${value} IS NULL THEN NULL ELSE ${made} END`;
  if (isStruct(type)) return unlessNull(struct(type.fields, (name) => `${value}.${quote(name)}`));
  const element = `_resaca_e${depth}`;
  const list = (values: string, of: DataType) => `[${part(element, of, depth + 1)} FOR ${element} IN ${values}]`;
  if (type.type === 'array') return unlessNull(`${whole}(${list(value, type.elementType)})`);
  return unlessNull(`${whole}(map(map_keys(${value}), ${list(`map_values(${value})`, type.valueType)}))`);
}

function isText(type: DataType): boolean {
  return type === 'double' || type === 'float' || type === 'binary' || decimalOf(type) !== undefined;
}

/** Whether a type, or a part of it, is such. Keys of maps are texts in JSON in any case. */
function some(type: DataType, is: (type: DataType) => boolean): boolean {
  if (typeof type === 'string') return is(type);
  if (type.type === 'array') return some(type.elementType, is);
  if (type.type === 'map') return some(type.valueType, is);
  return type.fields.some((field) => some(field.type, is));
}

/** The type of what stands in the JSON. */
function encodedType(type: DataType): DataType {
  if (typeof type === 'string') return type === 'binary' ? 'string' : type;
  if (type.type === 'array') return { ...type, elementType: encodedType(type.elementType) };
  if (type.type === 'map') return { ...type, valueType: encodedType(type.valueType) };
  return { ...type, fields: type.fields.map((field) => ({ ...field, type: encodedType(field.type) })) };
}
