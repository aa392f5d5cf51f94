import { type FieldReader, readBoolean, readInteger, readStruct, type ThriftCursor } from './thrift.ts';

export type TimeUnit = 'MILLIS' | 'MICROS' | 'NANOS';

/**
 * What the bytes of a column, or the fields of a group, stand for (LogicalTypes.md). It comes from the newer
 * `logicalType` where a file has it, and from `converted_type` otherwise.
 */
export type LogicalType =
  | {
      readonly kind:
        | 'STRING'
        | 'ENUM'
        | 'JSON'
        | 'BSON'
        | 'UUID'
        | 'FLOAT16'
        | 'DATE'
        | 'INTERVAL'
        | 'LIST'
        | 'MAP'
        /** The legacy name of a map, or of the entries inside one. */
        | 'MAP_KEY_VALUE'
        | 'VARIANT'
        | 'GEOMETRY'
        | 'GEOGRAPHY'
        /** A column of which only nulls are known (`NullType`). */
        | 'NULL';
    }
  | { readonly kind: 'DECIMAL'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'TIME' | 'TIMESTAMP'; readonly utc: boolean; readonly unit: TimeUnit | undefined }
  | { readonly kind: 'INTEGER'; readonly bits: number; readonly signed: boolean }
  /** A type that is newer than this code; `id` is its field in the union. */
  | { readonly kind: 'UNKNOWN'; readonly id: number };

/** Reads the union `LogicalType`; undefined for an empty one. */
export function readLogicalType(cursor: ThriftCursor, type: number): LogicalType | undefined {
  return readStruct(cursor, type, { value: undefined as LogicalType | undefined }, readLogicalTypeField).value;
}

/** The logical type that a `converted_type` means, with the decimal parameters of its schema element. */
export function logicalTypeOfConverted(converted: number, precision: number, scale: number): LogicalType {
  if (converted === CONVERTED_DECIMAL) return { kind: 'DECIMAL', precision, scale };
  return CONVERTED[converted] ?? { kind: 'UNKNOWN', id: converted };
}

/** As LogicalTypes.md writes it, for messages. */
export function formatLogicalType(type: LogicalType): string {
  switch (type.kind) {
    case 'DECIMAL':
      return `DECIMAL(${type.precision},${type.scale})`;
    case 'TIME':
    case 'TIMESTAMP':
      return `${type.kind}(isAdjustedToUTC=${type.utc}, unit=${type.unit ?? 'unknown'})`;
    case 'INTEGER':
      return `INT(${type.bits}, ${type.signed})`;
    case 'UNKNOWN':
      return `logical type ${type.id}`;
    default:
      return type.kind;
  }
}

/** Union members without parameters that matter here, by their field in `LogicalType`. */
const PLAIN: Readonly<Record<number, LogicalType>> = {
  1: { kind: 'STRING' },
  2: { kind: 'MAP' },
  3: { kind: 'LIST' },
  4: { kind: 'ENUM' },
  6: { kind: 'DATE' },
  11: { kind: 'NULL' },
  12: { kind: 'JSON' },
  13: { kind: 'BSON' },
  14: { kind: 'UUID' },
  15: { kind: 'FLOAT16' },
  16: { kind: 'VARIANT' },
  17: { kind: 'GEOMETRY' },
  18: { kind: 'GEOGRAPHY' },
};

/** `ConvertedType` by its number; times and timestamps of that age are always adjusted to UTC (LogicalTypes.md). */
const CONVERTED: Readonly<Record<number, LogicalType>> = {
  0: { kind: 'STRING' },
  1: { kind: 'MAP' },
  2: { kind: 'MAP_KEY_VALUE' },
  3: { kind: 'LIST' },
  4: { kind: 'ENUM' },
  6: { kind: 'DATE' },
  7: { kind: 'TIME', utc: true, unit: 'MILLIS' },
  8: { kind: 'TIME', utc: true, unit: 'MICROS' },
  9: { kind: 'TIMESTAMP', utc: true, unit: 'MILLIS' },
  10: { kind: 'TIMESTAMP', utc: true, unit: 'MICROS' },
  11: { kind: 'INTEGER', bits: 8, signed: false },
  12: { kind: 'INTEGER', bits: 16, signed: false },
  13: { kind: 'INTEGER', bits: 32, signed: false },
  14: { kind: 'INTEGER', bits: 64, signed: false },
  15: { kind: 'INTEGER', bits: 8, signed: true },
  16: { kind: 'INTEGER', bits: 16, signed: true },
  17: { kind: 'INTEGER', bits: 32, signed: true },
  18: { kind: 'INTEGER', bits: 64, signed: true },
  19: { kind: 'JSON' },
  20: { kind: 'BSON' },
  21: { kind: 'INTERVAL' },
};
const CONVERTED_DECIMAL = 5;
const LOGICAL_DECIMAL = 5;
const LOGICAL_TIME = 7;
const LOGICAL_TIMESTAMP = 8;
const LOGICAL_INTEGER = 10;

const UNITS: readonly (TimeUnit | undefined)[] = [undefined, 'MILLIS', 'MICROS', 'NANOS'];

const readLogicalTypeField: FieldReader<{ value: LogicalType | undefined }> = (cursor, id, type, union) => {
  switch (id) {
    case LOGICAL_DECIMAL:
      union.value = { kind: 'DECIMAL', ...readStruct(cursor, type, { precision: 0, scale: 0 }, readDecimalField) };
      return true;
    case LOGICAL_TIME:
      union.value = { kind: 'TIME', ...readStruct(cursor, type, newTime(), readTimeField) };
      return true;
    case LOGICAL_TIMESTAMP:
      union.value = { kind: 'TIMESTAMP', ...readStruct(cursor, type, newTime(), readTimeField) };
      return true;
    case LOGICAL_INTEGER:
      union.value = { kind: 'INTEGER', ...readStruct(cursor, type, { bits: 0, signed: false }, readIntegerField) };
      return true;
    default:
      union.value = PLAIN[id] ?? { kind: 'UNKNOWN', id };
      return false;
  }
};

const readDecimalField: FieldReader<{ precision: number; scale: number }> = (cursor, id, type, decimal) => {
  if (id === 1) decimal.scale = readInteger(cursor, type);
  else if (id === 2) decimal.precision = readInteger(cursor, type);
  else return false;
  return true;
};

function newTime(): { utc: boolean; unit: TimeUnit | undefined } {
  return { utc: false, unit: undefined };
}

const readTimeField: FieldReader<{ utc: boolean; unit: TimeUnit | undefined }> = (cursor, id, type, time) => {
  if (id === 1) time.utc = readBoolean(cursor, type);
  else if (id === 2) readStruct(cursor, type, time, readUnitField);
  else return false;
  return true;
};

/** The unit is a union of empty structs: which field is there says it all. */
const readUnitField: FieldReader<{ unit: TimeUnit | undefined }> = (_cursor, id, _type, time) => {
  time.unit = UNITS[id];
  return false;
};

const readIntegerField: FieldReader<{ bits: number; signed: boolean }> = (cursor, id, type, integer) => {
  if (id === 1) integer.bits = readInteger(cursor, type);
  else if (id === 2) integer.signed = readBoolean(cursor, type);
  else return false;
  return true;
};
