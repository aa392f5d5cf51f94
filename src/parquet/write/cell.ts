import { type ColumnPath, type DataType, formatPath, typeName } from '../../delta/schema.ts';

/**
 * A value of a cell, by the Delta type of its column:
 *
 * | type | value |
 * |---|---|
 * | `string` | string, or its UTF-8 bytes |
 * | `binary` | bytes |
 * | `boolean` | boolean |
 * | `byte`, `short`, `integer` | number |
 * | `long` | safe integer or bigint |
 * | `float`, `double` | number; a `float` rounds it |
 * | `date` | days since the epoch, a number |
 * | `timestamp`, `timestamp_ntz` | µs since the epoch, safe integer or bigint |
 * | `decimal(p,s)` | the unscaled value, a bigint: 1250n is 12.50 at scale 2 |
 * | `struct` | object with the fields as its own properties; one that is missing is null |
 * | `array` | array |
 * | `map` | Map, or array of `[key, value]` pairs, which may repeat a key |
 */
export type CellValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly CellValue[]
  | ReadonlyMap<string, CellValue>
  | { readonly [field: string]: CellValue };

export type CellErrorCode =
  /** Null where the schema has none. */
  | 'NULL'
  /** A value that is not of the column's type. */
  | 'WRONG_TYPE'
  /** A number that the column's type does not hold. */
  | 'OUT_OF_RANGE'
  /** Bytes that are not UTF-8, or a string with half of a surrogate pair. */
  | 'INVALID_TEXT'
  /** A property that the struct has no field for. */
  | 'UNKNOWN_FIELD'
  /** A row with more or fewer values than the schema has fields. */
  | 'ROW_LENGTH'
  /** More bytes or elements in a column than one file can take. */
  | 'COLUMN_FULL';

export interface CellErrorData {
  /** Names from the schema's root down; `element`, `key` and `value` stand for the parts of arrays and maps. */
  readonly path: ColumnPath;
  readonly expected: string;
  readonly got: string;
}

/** A value that does not fit its column. The message says what was got and what was expected; `code` is stable. */
export class CellError extends TypeError {
  override readonly name = 'CellError';
  readonly code: CellErrorCode;
  readonly data: CellErrorData;

  constructor(code: CellErrorCode, data: CellErrorData) {
    const { path, expected, got } = data;
    const where = path.length === 0 ? 'The row' : `The column "${formatPath(path)}"`;
    super(`${where} got ${got}, expected ${expected}`);
    this.code = code;
    this.data = data;
  }
}

export function isCellError(error: unknown, code?: CellErrorCode): error is CellError {
  return error instanceof CellError && (code === undefined || error.code === code);
}

/** An error about one value. `expected` says more than the name of the type where that is not enough. */
export function cellError(
  code: CellErrorCode,
  column: { readonly path: ColumnPath; readonly type: DataType },
  value: unknown,
  expected: string = typeName(column.type),
): CellError {
  return new CellError(code, { path: column.path, expected, got: describeValue(value) });
}

/** Characters of a value that a message quotes. */
const MAX_QUOTED = 80;

/** A value for people: its kind, and as much of it as fits a message. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `the string ${quote(value)}`;
    case 'number':
      return `the number ${Object.is(value, -0) ? '-0' : value}`;
    case 'bigint':
      return `the bigint ${quoteDigits(value)}`;
    case 'boolean':
      return `the boolean ${value}`;
    case 'object':
      return describeObject(value);
    default:
      return typeof value === 'undefined' ? 'nothing' : `a ${typeof value}`;
  }
}

function describeObject(value: object | null): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value instanceof Map ? `a map of ${value.size}` : 'an object';
}

function quote(text: string): string {
  return text.length <= MAX_QUOTED ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, MAX_QUOTED))}...`;
}

/** Digits of a huge bigint are not worked out: that takes time quadratic in their number. */
function quoteDigits(value: bigint): string {
  return BigInt.asIntN(MAX_QUOTED_BITS, value) === value ? String(value) : `of more than ${MAX_QUOTED_BITS} bits`;
}

const MAX_QUOTED_BITS = 256;
