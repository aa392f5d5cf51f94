import type { DuckDBValue } from '@duckdb/node-api';
import { isDeltaError } from '../../delta/errors.ts';
import { partitionValue } from '../../delta/partition.ts';
import { type ColumnPath, type DataType, type Decimal, decimalOf, formatPath, typeName } from '../../delta/schema.ts';
import type { DuckDb } from './duckdb.ts';
import { EngineError } from './errors.ts';

/**
 * A value of a row as a function of a transform gets and returns it, by the Delta type of its column:
 *
 * | type | value | may also be returned as |
 * |---|---|---|
 * | `string` | string | |
 * | `boolean` | boolean | |
 * | `byte`, `short`, `integer`, `float`, `double` | number | |
 * | `long` | bigint | safe integer |
 * | `decimal` | string, such as `12.50` | safe integer, bigint |
 * | `date` | string, `2026-11-30` | Date (its day in UTC) |
 * | `timestamp` | string, `2026-11-30T12:00:00.123456Z` | Date, string with another offset |
 * | `timestamp_ntz` | string, `2026-11-30T12:00:00.123456` | |
 * | `binary` | Uint8Array | |
 * | `array` | array | |
 * | `struct` | object; a field that is missing is null | |
 * | `map` | Map | object, where the keys are strings |
 *
 * All of them may be null.
 */
export type RowValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | readonly RowValue[]
  | ReadonlyMap<RowValue, RowValue>
  | { readonly [field: string]: RowValue };

export type Row = Readonly<Record<string, RowValue>>;

/** Turns a value of a column, as DuckDB has it, into one for a function. */
export type ReadValue = (value: DuckDBValue) => RowValue;
/** Turns a value that a function returned into one of DuckDB. Throws EngineError `FUNCTION` for one that is not of the type. */
export type WriteValue = (value: RowValue) => DuckDBValue;

export function readerOf(duckdb: DuckDb, type: DataType): ReadValue {
  const read = typeof type === 'string' ? plainReader(duckdb, type) : nestedReader(duckdb, type);
  return (value) => (value === null ? null : read(value));
}

function plainReader(duckdb: DuckDb, type: Extract<DataType, string>): ReadValue {
  return (value) => {
    if (value instanceof duckdb.DuckDBTimestampTZValue) return `${isoTime(value.micros)}Z`;
    if (value instanceof duckdb.DuckDBTimestampValue) return isoTime(value.micros);
    if (value instanceof duckdb.DuckDBBlobValue) return value.bytes;
    if (typeof value === 'number' && type === 'long') return BigInt(value);
    return typeof value === 'object' ? String(value) : value;
  };
}

function nestedReader(duckdb: DuckDb, type: Exclude<DataType, string>): ReadValue {
  if (type.type === 'array') {
    const element = readerOf(duckdb, type.elementType);
    return (value) => {
      const isList = value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue;
      return isList ? value.items.map(element) : null;
    };
  }
  if (type.type === 'map') {
    const [key, item] = [readerOf(duckdb, type.keyType), readerOf(duckdb, type.valueType)];
    return (value) =>
      value instanceof duckdb.DuckDBMapValue
        ? new Map(value.entries.map((entry) => [key(entry.key), item(entry.value)]))
        : null;
  }
  const fields = type.fields.map((field) => ({ name: field.name, read: readerOf(duckdb, field.type) }));
  return (value) => {
    if (!(value instanceof duckdb.DuckDBStructValue)) return null;
    const { entries } = value;
    return Object.fromEntries(fields.map(({ name, read }) => [name, read(entries[name] ?? null)]));
  };
}

/** A writer for the values of a column, which is named in errors. */
export function writerOf(duckdb: DuckDb, type: DataType, path: ColumnPath): WriteValue {
  const write = typeof type === 'string' ? plainWriter(duckdb, type) : nestedWriter(duckdb, type, path);
  return (value) => {
    if (value === null || value === undefined) return null;
    const written = write(value);
    if (written !== undefined) return written;
    throw new EngineError(
      'FUNCTION',
      `The column "${formatPath(path)}" got ${describeValue(value)}, expected a value of type ${typeName(type)}`,
      { column: formatPath(path), type: typeName(type) },
    );
  };
}

/** Undefined for what is no value of the type. */
type TryWrite = (value: NonNullable<RowValue>) => DuckDBValue | undefined;

const BITS: Readonly<Record<string, number>> = { byte: 8, short: 16, integer: 32, long: 64 };

function plainWriter(duckdb: DuckDb, type: Extract<DataType, string>): TryWrite {
  const decimal = decimalOf(type);
  if (decimal !== undefined) return (value) => decimalOfText(duckdb, value, type, decimal);
  const bits = BITS[type];
  if (bits !== undefined) return (value) => integerOf(value, bits);
  switch (type) {
    case 'string':
      return (value) => (typeof value === 'string' && value.isWellFormed() ? value : undefined);
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : undefined);
    case 'float':
    case 'double':
      return (value) => (typeof value === 'number' ? value : undefined);
    case 'binary':
      return (value) => (value instanceof Uint8Array ? new duckdb.DuckDBBlobValue(value) : undefined);
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
      return (value) => timeOf(duckdb, value, type);
    default:
      return () => undefined;
  }
}

function integerOf(value: NonNullable<RowValue>, bits: number): number | bigint | undefined {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return undefined;
  const integer = BigInt(value as bigint | number);
  if (BigInt.asIntN(bits, integer) !== integer) return undefined;
  return bits === 64 ? integer : Number(integer);
}

function decimalOfText(
  duckdb: DuckDb,
  value: NonNullable<RowValue>,
  type: DataType,
  { precision, scale }: Decimal,
): DuckDBValue | undefined {
  const isNumber = typeof value === 'bigint' || Number.isSafeInteger(value);
  const text = typeof value === 'string' || isNumber ? canonical(String(value), type) : undefined;
  return text === undefined
    ? undefined
    : new duckdb.DuckDBDecimalValue(BigInt(text.replace('.', '')), precision, scale);
}

const MS_PER_DAY = 86_400_000;

function timeOf(
  duckdb: DuckDb,
  value: NonNullable<RowValue>,
  type: 'date' | 'timestamp' | 'timestamp_ntz',
): DuckDBValue | undefined {
  if (value instanceof Date) {
    const ms = value.getTime();
    if (Number.isNaN(ms) || type === 'timestamp_ntz') return undefined;
    return type === 'date'
      ? new duckdb.DuckDBDateValue(Math.floor(ms / MS_PER_DAY))
      : new duckdb.DuckDBTimestampTZValue(BigInt(ms) * 1000n);
  }
  const text = typeof value === 'string' ? canonical(value, type) : undefined;
  if (text === undefined) return undefined;
  if (type === 'date') return new duckdb.DuckDBDateValue(Date.parse(text) / MS_PER_DAY);
  const micros = microsOf(text);
  return type === 'timestamp' ? new duckdb.DuckDBTimestampTZValue(micros) : new duckdb.DuckDBTimestampValue(micros);
}

/** The one spelling of a value (see `partitionValue`); undefined for what is none of the type. */
function canonical(text: string, type: DataType): string | undefined {
  try {
    return partitionValue(text, type) ?? undefined;
  } catch (error) {
    if (isDeltaError(error, 'INVALID_SCHEMA')) return undefined;
    throw error;
  }
}

function nestedWriter(duckdb: DuckDb, type: Exclude<DataType, string>, path: ColumnPath): TryWrite {
  if (type.type === 'array') {
    const element = writerOf(duckdb, type.elementType, [...path, 'element']);
    return (value) => (Array.isArray(value) ? new duckdb.DuckDBListValue(value.map(element)) : undefined);
  }
  if (type.type === 'map') {
    const key = writerOf(duckdb, type.keyType, [...path, 'key']);
    const item = writerOf(duckdb, type.valueType, [...path, 'value']);
    return (value) => {
      const entries = entriesOf(value);
      return (
        entries && new duckdb.DuckDBMapValue(entries.map(([name, each]) => ({ key: key(name), value: item(each) })))
      );
    };
  }
  const fields = type.fields.map(({ name, type }) => ({ name, write: writerOf(duckdb, type, [...path, name]) }));
  const names = new Set(type.fields.map(({ name }) => name));
  return (value) => {
    if (!isPlainObject(value) || Object.keys(value).some((name) => !names.has(name))) return undefined;
    return new duckdb.DuckDBStructValue(
      Object.fromEntries(fields.map(({ name, write }) => [name, write(value[name])])),
    );
  };
}

function entriesOf(value: NonNullable<RowValue>): readonly (readonly [RowValue, RowValue])[] | undefined {
  if (value instanceof Map) return [...value];
  return isPlainObject(value) ? Object.entries(value) : undefined;
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, RowValue>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describeValue(value: NonNullable<RowValue>): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return typeof value === 'object'
    ? `${value.constructor?.name ?? 'an object'} ${shown}`
    : `the ${typeof value} ${shown}`;
}

const MICROS = 1_000_000n;

/** µs since the epoch as ISO 8601 has them, with six decimals; years beyond four digits with their sign. */
function isoTime(micros: bigint): string {
  const part = ((micros % MICROS) + MICROS) % MICROS;
  const date = new Date(Number((micros - part) / 1000n));
  // Beyond what a Date holds, some 271,000 years, and the infinities.
  if (Number.isNaN(date.getTime())) return String(micros);
  return date.toISOString().replace(/\.\d+Z$/, `.${String(part).padStart(6, '0')}`);
}

/** µs since the epoch of a canonical timestamp. */
function microsOf(text: string): bigint {
  const seconds = Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`);
  const decimals = /\.(\d+)/.exec(text)?.[1] ?? '';
  return BigInt(seconds) * 1000n + BigInt(decimals.padEnd(6, '0'));
}
