import type { ArrayType, ColumnPath, DataType, MapType, StructType } from '../../delta/schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import { type CellColumn, emptyStruct, mismatch, required, type ToCell, unknownField } from './cell-column.ts';
import { primitiveToCell } from './cell-primitives.ts';
import type { TimestampUnit } from './cell-time.ts';
import { type Datum, type DatumObject, isDatumObject } from './datum.ts';

export interface JsonCellOptions {
  /** Where the column is, for messages. @default [] */
  readonly path?: ColumnPath;
  /** What numbers of timestamps count. @default 'ms' */
  readonly timestampUnit?: TimestampUnit;
  /**
   * Fields of an object that the struct does not have: the value is refused, they are left out, or they are left out and
   * `onUnknown` is told each time. @default 'error'
   */
  readonly unknownFields?: 'error' | 'ignore' | 'report';
  /** `path` is that of the field, from the schema's root down. */
  readonly onUnknown?: (path: ColumnPath, value: Datum) => void;
}

/**
 * Makes the function that turns JSON values into cells of a type. Null, and a field that is missing, is null. It throws
 * PayloadError `TYPE_MISMATCH` for what the type does not have:
 *
 * | type | from |
 * |---|---|
 * | `boolean` | `true`, `false`, and these as strings |
 * | `byte`, `short`, `integer`, `long` | whole numbers in the range, also as `1.0` or `1e3`, and as strings |
 * | `float` | numbers in the range, rounded; numbers as strings; `"NaN"`, `"Infinity"`, `"-Infinity"` |
 * | `double` | as `float`, but whole numbers only if a double holds them exactly |
 * | `decimal(p,s)` | numbers and strings with numbers, exactly: digits behind the scale must be zeros |
 * | `string` | strings; the JSON text of anything else. No halves of surrogate pairs |
 * | `binary` | base64 (RFC 4648) with padding |
 * | `date` | `YYYY-MM-DD`; the UTC date of a date-time; whole numbers of days since 1970 |
 * | `timestamp` | ISO 8601, see `parseTimestamp`: without offset it is UTC, what is finer than a µs is cut off; numbers since 1970 in the unit of the options, with a fraction or not |
 * | `timestamp_ntz` | the same, but with no offset but Z |
 * | `array` | arrays |
 * | `map` | objects; their names become keys of the key's type, which must differ |
 * | `struct` | objects. A field that has no column of its exact name takes the one that differs in case only, if that has no field of its own |
 *
 * Dates and times are in the years 0001 to 9999. `UNKNOWN_COLUMN` is thrown for unknown fields of structs, if the options
 * say so. Only nulls of parts are refused where the type has none: whether the column itself may be null, its writer knows.
 */
export function jsonToCell(type: DataType, options: JsonCellOptions = {}): ToCell {
  return compile({ path: options.path ?? [], type }, options);
}

function compile(column: CellColumn, options: JsonCellOptions): ToCell {
  const { type } = column;
  if (typeof type === 'string') return primitiveToCell(column, type, options.timestampUnit ?? 'ms');
  switch (type.type) {
    case 'struct':
      return structToCell(column, type, options);
    case 'array':
      return arrayToCell(column, type, options);
    case 'map':
      return mapToCell(column, type, options);
  }
}

function compilePart(parent: CellColumn, name: string, type: DataType, nullable: boolean, options: JsonCellOptions) {
  const column = { path: [...parent.path, name], type };
  const toCell = compile(column, options);
  return nullable ? toCell : required(column, toCell);
}

function arrayToCell(column: CellColumn, type: ArrayType, options: JsonCellOptions): ToCell {
  const element = compilePart(column, 'element', type.elementType, type.containsNull, options);
  return (value) => {
    if (value === null || value === undefined) return null;
    if (!Array.isArray(value)) throw mismatch(column, value);
    const cells: CellValue[] = [];
    for (const member of value) cells.push(element(member));
    return cells;
  };
}

function mapToCell(column: CellColumn, type: MapType, options: JsonCellOptions): ToCell {
  const toKey = compilePart(column, 'key', type.keyType, false, options);
  const toValue = compilePart(column, 'value', type.valueType, type.valueContainsNull, options);
  const mayRepeat = type.keyType !== 'string';
  return (value) => {
    if (value === null || value === undefined) return null;
    if (!isDatumObject(value)) throw mismatch(column, value);
    const entries: [CellValue, CellValue][] = [];
    for (const name of Object.keys(value)) entries.push([toKey(name), toValue(value[name])]);
    if (mayRepeat && new Set(entries.map(([key]) => key)).size < entries.length) {
      throw mismatch(column, value, 'a map whose keys differ');
    }
    return entries;
  };
}

function structToCell(column: CellColumn, type: StructType, options: JsonCellOptions): ToCell {
  const fields = type.fields.map((field) => ({
    name: field.name,
    // Only these names have to be asked for as own ones, which takes time: objects inherit nothing else.
    isInherited: field.name in Object.prototype,
    toCell: compilePart(column, field.name, field.type, field.nullable, options),
  }));
  const names = type.fields.map(({ name }) => name);
  const create = emptyStruct(names);
  const findOthers = otherFields(column, names, options);
  return (value) => {
    if (value === null || value === undefined) return null;
    if (!isDatumObject(value)) throw mismatch(column, value);
    let found = 0;
    for (const field of fields) if (memberOf(value, field) !== undefined) found++;
    const others = found === Object.keys(value).length ? undefined : findOthers(value);
    const cell = create();
    for (const field of fields) {
      const other = others?.get(field.name);
      cell[field.name] = field.toCell(other === undefined ? memberOf(value, field) : value[other]);
    }
    return cell;
  };
}

function memberOf(value: DatumObject, field: { readonly name: string; readonly isInherited: boolean }): Datum {
  return field.isInherited && !Object.hasOwn(value, field.name) ? undefined : value[field.name];
}

/**
 * Of the fields that have no column of their exact name: which column each is for, by the column's name. Column names of
 * Delta are unique regardless of case (PROTOCOL.md "Schema"). What is left over is unknown.
 */
function otherFields(column: CellColumn, names: readonly string[], options: JsonCellOptions) {
  const exact = new Set(names);
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  const { unknownFields = 'error', onUnknown } = options;
  return (value: DatumObject): ReadonlyMap<string, string> => {
    const sources = new Map<string, string>();
    for (const field of Object.keys(value)) {
      if (exact.has(field)) continue;
      const name = byLowerCase.get(field.toLowerCase());
      if (name !== undefined && !sources.has(name) && !Object.hasOwn(value, name)) sources.set(name, field);
      else if (unknownFields === 'error') throw unknownField(column.path, field);
      else if (unknownFields === 'report') onUnknown?.([...column.path, field], value[field]);
    }
    return sources;
  };
}
