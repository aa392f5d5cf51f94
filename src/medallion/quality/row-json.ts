import { type DataType, decimalOf, isStruct, type StructType } from '../../delta/schema.ts';
import { literal, quote } from '../plan/sql.ts';

type Fields = StructType['fields'];

/**
 * A row as JSON text, in SQL of DuckDB. What JSON, or a reader of its numbers, would make something else of is a text: `"NaN"`,
 * `"Infinity"` and `"-Infinity"`, as Spark's `to_json` writes them, decimals by their digits, bytes in Base64.
 */
export function rowJson({ fields }: StructType): string {
  return `CAST(${objectJson(fields, (name) => quote(name), 0)} AS VARCHAR)`;
}

function objectJson(fields: Fields, of: (name: string) => string, depth: number): string {
  const pairs = fields.map(({ name, type }) => `${literal(name, 'duckdb')}, ${encoded(of(name), type, depth)}`);
  return `json_object(${pairs.join(', ')})`;
}

function encoded(value: string, type: DataType, depth: number): string {
  if (!some(type, isText)) return value;
  if (type === 'binary') return `base64(${value})`;
  if (typeof type !== 'string') return nested(value, type, depth);
  if (decimalOf(type) !== undefined) return `CAST(${value} AS VARCHAR)`;
  const special = `CASE WHEN isnan(${value}) THEN '"NaN"' WHEN ${value} > 0 THEN '"Infinity"' ELSE '"-Infinity"' END`;
  const json = `CASE WHEN isfinite(${value}) THEN to_json(${value}) ELSE CAST(${special} AS JSON) END`;
  return unlessNull(value, json);
}

function nested(value: string, type: Exclude<DataType, string>, depth: number): string {
  if (isStruct(type))
    return unlessNull(
      value,
      objectJson(type.fields, (name) => `${value}.${quote(name)}`, depth),
    );
  const element = `_resaca_e${depth}`;
  const list = (values: string, of: DataType) => `[${encoded(element, of, depth + 1)} FOR ${element} IN ${values}]`;
  if (type.type === 'array') return unlessNull(value, `to_json(${list(value, type.elementType)})`);
  return unlessNull(value, `to_json(map(map_keys(${value}), ${list(`map_values(${value})`, type.valueType)}))`);
}

function unlessNull(value: string, made: string): string {
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE ${made} END`;
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
