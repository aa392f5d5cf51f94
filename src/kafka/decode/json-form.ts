import {
  type DataType,
  decimalOf,
  isStruct,
  type PrimitiveType,
  type StructType,
  typeName,
  typesEqual,
} from '../../delta/schema.ts';
import { type CellValue, describeValue } from '../../parquet/write/cell.ts';
import { type CellColumn, emptyStruct, mismatch } from './cell-column.ts';
import { formatDecimal, numberOrText } from './cell-decimal.ts';
import { formatDate, formatMicros } from './cell-time.ts';
import { type Datum, type DatumObject, NumberText } from './datum.ts';
import { type JsonCellOptions, jsonToCell } from './json-cells.ts';
import { jsonText } from './json-text.ts';

/** Turns a cell of one type into the value that JSON has for it. */
export type CellToJson = (cell: CellValue) => Datum;

/**
 * Makes the function that gives cells of a type in the form of JSON, for expressions, and for columns of other types.
 * `jsonToCell` reads all of it back. The cells must be of the type: they are not checked.
 *
 * | type | form |
 * |---|---|
 * | `byte` to `long`, `decimal(p,s)` | number; NumberText where a double does not hold it |
 * | `float`, `double` | number; the strings `NaN`, `Infinity` and `-Infinity` |
 * | `binary` | base64 |
 * | `date` | `YYYY-MM-DD` |
 * | `timestamp`, `timestamp_ntz` | `YYYY-MM-DDTHH:MM:SS.ffffff`, with a Z for `timestamp` |
 * | `map` | object; keys that are no strings are named by their JSON text, and the last of equal ones wins |
 * | `struct` | object with all fields |
 */
export function cellToJson(type: DataType): CellToJson {
  const toJson = compile(type);
  return (cell) => (cell === null || cell === undefined ? null : toJson(cell));
}

/** Turns a cell of one type into one of another. */
export type Convert = (cell: CellValue) => CellValue;

export type ConvertOptions = Pick<JsonCellOptions, 'path' | 'timestampUnit'>;

/**
 * Makes the function that turns cells of one type into cells of another. Structs, arrays and maps are converted part by
 * part: fields find each other as in `jsonToCell`, those that `to` does not have are left out, and those that `from` does
 * not have are null. Numbers are widened, and `timestamp` and `timestamp_ntz` have the same UTC time. Anything else goes
 * through its form of JSON, by the rules of `jsonToCell`. Throws PayloadError `TYPE_MISMATCH` for what `to` cannot have,
 * also for null in a part that has none; cells of equal types are passed on as they are.
 */
export function convertCell(from: DataType, to: DataType, options: ConvertOptions = {}): Convert {
  return compileConvert(from, { path: options.path ?? [], type: to }, options);
}

type NotNull = NonNullable<CellValue>;
type ToJson = (cell: NotNull) => Datum;

function compile(type: DataType): ToJson {
  if (typeof type === 'string') return primitiveToJson(type);
  switch (type.type) {
    case 'struct':
      return structToJson(type);
    case 'array': {
      const element = cellToJson(type.elementType);
      return (cell) => (cell as readonly CellValue[]).map(element);
    }
    case 'map':
      return mapToJson(cellToJson(type.keyType), cellToJson(type.valueType));
  }
}

function primitiveToJson(type: PrimitiveType): ToJson {
  const decimal = decimalOf(type);
  if (decimal !== undefined) return (cell) => numberOrText(formatDecimal(cell as bigint, decimal.scale));
  switch (type) {
    case 'string':
      return (cell) => (typeof cell === 'string' ? cell : bufferOf(cell as Uint8Array).toString());
    case 'binary':
      return (cell) => bufferOf(cell as Uint8Array).toString('base64');
    case 'long':
      return (cell) => longToJson(cell as number | bigint);
    case 'float':
    case 'double':
      return (cell) => (Number.isFinite(cell) ? (cell as number) : String(cell));
    case 'date':
      return (cell) => formatDate(cell as number);
    case 'timestamp':
      return (cell) => `${formatMicros(cell as number | bigint)}Z`;
    case 'timestamp_ntz':
      return (cell) => formatMicros(cell as number | bigint);
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
      return (cell) => cell as boolean | number;
    default:
      return (cell) => {
        throw new TypeError(`A cell of type ${type} is ${describeValue(cell)}, expected null`);
      };
  }
}

function longToJson(cell: number | bigint): number | NumberText {
  if (typeof cell === 'number') return cell;
  return Number.isSafeInteger(Number(cell)) ? Number(cell) : new NumberText(String(cell));
}

function structToJson({ fields }: StructType): ToJson {
  const members = fields.map(({ name, type }) => ({ name, toJson: cellToJson(type) }));
  return (cell) => {
    const struct = cell as { readonly [field: string]: CellValue };
    const form: Record<string, Datum> = {};
    for (const { name, toJson } of members) {
      setMember(form, name, Object.hasOwn(struct, name) ? toJson(struct[name]) : null);
    }
    return form;
  };
}

function mapToJson(keyToJson: CellToJson, valueToJson: CellToJson): ToJson {
  return (cell) => {
    const form: Record<string, Datum> = {};
    for (const [key, value] of cell as Iterable<readonly [CellValue, CellValue]>) {
      const name = keyToJson(key);
      setMember(form, typeof name === 'string' ? name : jsonText(name), valueToJson(value));
    }
    return form satisfies DatumObject;
  };
}

/** Assigning to `__proto__` would set the prototype. */
function setMember(object: Record<string, Datum>, name: string, value: Datum): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function compileConvert(from: DataType, column: CellColumn, options: ConvertOptions): Convert {
  const to = column.type;
  if (typesEqual(from, to)) return (cell) => cell;
  if (isStruct(from) && isStruct(to)) return convertStruct(from, to, column, options);
  if (typeof from !== 'string' && typeof to !== 'string') {
    if (from.type === 'array' && to.type === 'array') {
      const element = convertPart(from.elementType, column, 'element', to.elementType, to.containsNull, options);
      return orNull((cell) => (cell as readonly CellValue[]).map((member) => element(member)));
    }
    if (from.type === 'map' && to.type === 'map') {
      const key = convertPart(from.keyType, column, 'key', to.keyType, false, options);
      const value = convertPart(from.valueType, column, 'value', to.valueType, to.valueContainsNull, options);
      return orNull((cell) => [...(cell as Entries)].map(([name, member]) => [key(name), value(member)]));
    }
  }
  return widen(from, column) ?? convertByJson(from, column, options);
}

type Entries = Iterable<readonly [CellValue, CellValue]>;

function convertPart(
  from: DataType,
  parent: CellColumn,
  name: string,
  type: DataType,
  nullable: boolean,
  options: ConvertOptions,
): Convert {
  const column = { path: [...parent.path, name], type };
  const convert = compileConvert(from, column, options);
  return nullable ? convert : (cell) => convert(notNull(column, cell));
}

function convertStruct(from: StructType, to: StructType, column: CellColumn, options: ConvertOptions): Convert {
  const exact = new Set(from.fields.map(({ name }) => name));
  const theirs = new Map(from.fields.map((field) => [field.name.toLowerCase(), field]));
  const fields = to.fields.map(({ name, type, nullable }) => {
    const source = exact.has(name) ? from.fields.find((field) => field.name === name) : theirs.get(name.toLowerCase());
    const convert = convertPart(source?.type ?? 'void', column, name, type, nullable, options);
    return { name, source: source?.name, convert };
  });
  const create = emptyStruct(to.fields.map(({ name }) => name));
  return orNull((cell) => {
    const struct = cell as { readonly [field: string]: CellValue };
    const converted = create();
    for (const { name, source, convert } of fields) {
      converted[name] = convert(source !== undefined && Object.hasOwn(struct, source) ? struct[source] : null);
    }
    return converted;
  });
}

/** Where every value of `from` is one of the column, or nearly so. */
function widen(from: DataType, column: CellColumn): Convert | undefined {
  const to = column.type;
  if (from === 'long' && to === 'double') return orNull((cell) => exactDouble(cell as number | bigint, column));
  const isWider = WIDER.get(from)?.has(to) ?? false;
  if (isWider) return (cell) => cell;
  const narrow = decimalOf(from);
  const wide = decimalOf(to);
  if (narrow === undefined || wide === undefined || wide.scale < narrow.scale) return undefined;
  if (wide.precision - wide.scale < narrow.precision - narrow.scale) return undefined;
  const factor = 10n ** BigInt(wide.scale - narrow.scale);
  return orNull((cell) => factor * (cell as bigint));
}

/** For each type, those whose cells look the same and hold all values of it. */
const WIDER: ReadonlyMap<DataType, ReadonlySet<DataType>> = new Map<DataType, ReadonlySet<DataType>>([
  ['byte', new Set<DataType>(['short', 'integer', 'long', 'float', 'double'])],
  ['short', new Set<DataType>(['integer', 'long', 'float', 'double'])],
  ['integer', new Set<DataType>(['long', 'double'])],
  ['float', new Set<DataType>(['double'])],
  ['timestamp', new Set<DataType>(['timestamp_ntz'])],
  ['timestamp_ntz', new Set<DataType>(['timestamp'])],
]);

function exactDouble(cell: number | bigint, column: CellColumn): number {
  const value = Number(cell);
  if (BigInt(value) !== BigInt(cell)) {
    throw mismatch(column, new NumberText(String(cell)), 'double, which must hold a whole number exactly');
  }
  return value;
}

function convertByJson(from: DataType, column: CellColumn, options: ConvertOptions): Convert {
  const toJson = cellToJson(from);
  const toCell = jsonToCell(column.type, { ...options, path: column.path, unknownFields: 'ignore' });
  return (cell) => toCell(toJson(cell));
}

function notNull(column: CellColumn, cell: CellValue): NotNull {
  if (cell === null || cell === undefined) throw mismatch(column, null, `${typeName(column.type)}, not null`);
  return cell;
}

function orNull(convert: (cell: NotNull) => CellValue): Convert {
  return (cell) => (cell === null || cell === undefined ? null : convert(cell));
}
