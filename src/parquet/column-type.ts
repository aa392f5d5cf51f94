import { type DataType, decimalOf, MAX_DECIMAL_PRECISION, type PrimitiveType } from '../delta/schema.ts';
import type { LogicalType } from './logical-type.ts';
import type { LeafNode } from './schema-node.ts';

/** The Delta type of a leaf column, or why there is none. */
export type ColumnType =
  | { readonly kind: 'type'; readonly type: PrimitiveType }
  /** `breaksFile`: some reader cannot open a file with such a column, even if it does not read the column. */
  | { readonly kind: 'unsupported'; readonly reason: string; readonly breaksFile: boolean };

/** Whether INT96 is taken as a timestamp: of files that Spark wrote, always, or never. */
export type Int96Policy = 'spark' | 'always' | 'never';

export interface ColumnTypeOptions {
  readonly int96: Int96Policy;
  readonly writtenBySpark: boolean;
}

/**
 * The Delta type that a column of this Parquet type is declared as. It is one that Spark 4.1 with Delta 4.2, delta-rs
 * 1.6 and DuckDB 1.5 all read with the right values; `test/interop` holds it. A type that some of them refuse, or read
 * as something else, is unsupported.
 */
export function columnType(leaf: LeafNode, options: ColumnTypeOptions): ColumnType {
  const { physical, logical } = leaf;
  if (logical === undefined) return plainType(leaf, options);
  switch (logical.kind) {
    case 'STRING':
    case 'ENUM':
    case 'JSON':
      return physical === 'BYTE_ARRAY' ? typed('string') : misplaced();
    case 'UUID':
      return physical === 'FIXED_LEN_BYTE_ARRAY' && leaf.typeLength === 16 ? typed('binary') : misplaced();
    case 'DATE':
      return physical === 'INT32' ? typed('date') : misplaced();
    case 'INTEGER':
      return integerType(leaf, logical);
    case 'DECIMAL':
      return decimalColumn(leaf, logical);
    case 'TIMESTAMP':
      return timestampType(leaf, logical);
    default:
      return unsupported(REASONS[logical.kind] ?? 'the type is not known', BREAKING.has(logical.kind));
  }
}

/**
 * Whether a column of this Parquet type can stand under a column that the table declares as `type` already, although
 * a new column would be declared otherwise. All three readers were seen to convert it without loss.
 */
export function isReadableAs(leaf: LeafNode, type: DataType): boolean {
  if (typeof type !== 'string') return false;
  const { physical, logical } = leaf;
  const kind = logical?.kind;
  if (kind === 'NULL') return (NULLS_READABLE_AS[physical] ?? []).includes(type);
  if (kind === 'JSON') return physical === 'BYTE_ARRAY' && type === 'binary';
  if (logical?.kind === 'DECIMAL') return isWiderDecimal(leaf, logical, type);
  const integer = integerOf(leaf);
  return integer !== undefined && isWiderInteger(integer, type);
}

interface IntegerColumn {
  readonly bits: number;
  readonly signed: boolean;
}

/** Types by bytes that an integer of that many bits fits, the narrowest first. */
const SIGNED: Readonly<Record<number, readonly PrimitiveType[]>> = {
  8: ['byte', 'short', 'integer', 'long'],
  16: ['short', 'integer', 'long'],
  32: ['integer', 'long'],
  64: ['long'],
};
const UNSIGNED: Readonly<Record<number, readonly PrimitiveType[]>> = {
  8: ['short', 'integer', 'long'],
  16: ['integer', 'long'],
  32: ['long'],
  64: ['decimal(20,0)'],
};

/** Digits of a decimal that Spark takes for any value of the physical type. */
const INT32_DIGITS = 10;
const INT64_DIGITS = 20;

/** Precision up to which Spark holds a decimal in a long, and cannot fill it from a BYTE_ARRAY. */
const MAX_LONG_PRECISION = 18;

const NULLS_READABLE_AS: Readonly<Partial<Record<string, readonly PrimitiveType[]>>> = {
  INT32: ['byte', 'short', 'integer', 'long', 'double', 'date'],
  BYTE_ARRAY: ['string', 'binary'],
};

const REASONS: Readonly<Partial<Record<LogicalType['kind'], string>>> = {
  BSON: 'DuckDB opens no file with a column of this type',
  FLOAT16: 'Spark does not read half-precision floats',
  GEOGRAPHY: 'Delta has no type for it that all readers know',
  GEOMETRY: 'Delta has no type for it that all readers know',
  INTERVAL: 'delta-rs opens no file with a column of this type, and DuckDB reads it as nulls',
  NULL: 'the writer saw only nulls and did not know the type; Spark would fail on the file once a later one tells it',
  TIME: 'Delta has no type for a time of day, and DuckDB does not read it as a number',
};
const BREAKING: ReadonlySet<LogicalType['kind']> = new Set(['BSON', 'INTERVAL']);

function plainType({ physical }: LeafNode, { int96, writtenBySpark }: ColumnTypeOptions): ColumnType {
  switch (physical) {
    case 'BOOLEAN':
      return typed('boolean');
    case 'INT32':
      return typed('integer');
    case 'INT64':
      return typed('long');
    case 'FLOAT':
      return typed('float');
    case 'DOUBLE':
      return typed('double');
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return typed('binary');
    case 'INT96':
      // Spark has whole microseconds in it. Others have nanoseconds, which no reader keeps and some refuse.
      if (int96 === 'always' || (int96 === 'spark' && writtenBySpark)) return typed('timestamp');
      return unsupported(
        'an INT96 may hold nanoseconds, which Delta timestamps cannot; only those of Spark are known not to',
      );
  }
}

function integerType(leaf: LeafNode, logical: IntegerColumn): ColumnType {
  const integer = integerOf(leaf);
  const [narrowest] = (logical.signed ? SIGNED : UNSIGNED)[logical.bits] ?? [];
  return integer === undefined || narrowest === undefined ? misplaced() : typed(narrowest);
}

/** The integers that a column holds; undefined for other columns, and for a bit width that its physical type cannot have. */
function integerOf({ physical, logical }: LeafNode): IntegerColumn | undefined {
  if (physical !== 'INT32' && physical !== 'INT64') return undefined;
  if (logical === undefined) return { bits: physical === 'INT32' ? 32 : 64, signed: true };
  if (logical.kind !== 'INTEGER' || !(logical.bits in SIGNED)) return undefined;
  return (logical.bits === 64) === (physical === 'INT64') ? logical : undefined;
}

function isWiderInteger({ bits, signed }: IntegerColumn, type: PrimitiveType): boolean {
  if ((signed ? SIGNED : UNSIGNED)[bits]?.includes(type)) return true;
  const decimal = decimalOf(type);
  return (
    decimal !== undefined &&
    decimal.scale === 0 &&
    signed &&
    decimal.precision >= (bits === 64 ? INT64_DIGITS : INT32_DIGITS)
  );
}

function decimalColumn(leaf: LeafNode, { precision, scale }: { precision: number; scale: number }): ColumnType {
  if (scale < 0 || scale > precision || precision < 1 || precision > decimalCapacity(leaf)) return misplaced();
  if (precision > MAX_DECIMAL_PRECISION)
    return unsupported(`Delta decimals have at most ${MAX_DECIMAL_PRECISION} digits`);
  if (leaf.physical === 'BYTE_ARRAY' && precision <= MAX_LONG_PRECISION) {
    return unsupported(
      `Spark does not read decimals of up to ${MAX_LONG_PRECISION} digits that are stored as BYTE_ARRAY`,
    );
  }
  return typed(`decimal(${precision},${scale})`);
}

/**
 * The table may have more digits, as long as the file's type has room for them: Spark converts what a query compares
 * with to that type, without a look at whether it fits, and finds other rows, or fails.
 */
function isWiderDecimal(leaf: LeafNode, from: { precision: number; scale: number }, type: PrimitiveType): boolean {
  const to = decimalOf(type);
  if (to === undefined || from.scale < 0 || from.scale > from.precision || from.precision < 1) return false;
  if (leaf.physical === 'BYTE_ARRAY' && to.precision <= MAX_LONG_PRECISION) return false;
  return to.scale === from.scale && to.precision >= from.precision && to.precision <= decimalCapacity(leaf);
}

/** Digits that any decimal of the column can have (LogicalTypes.md, "DECIMAL"); 0 where the type cannot hold decimals. */
function decimalCapacity({ physical, typeLength }: LeafNode): number {
  switch (physical) {
    case 'INT32':
      return 9;
    case 'INT64':
      return 18;
    case 'BYTE_ARRAY':
      return Number.POSITIVE_INFINITY;
    case 'FIXED_LEN_BYTE_ARRAY':
      return typeLength === 0 ? 0 : Math.floor((8 * typeLength - 1) * Math.log10(2));
    default:
      return 0;
  }
}

function timestampType(
  { physical }: LeafNode,
  { utc, unit }: { readonly utc: boolean; readonly unit: string | undefined },
): ColumnType {
  if (physical !== 'INT64') return misplaced();
  if (unit === 'NANOS')
    return unsupported('Delta timestamps have microseconds: nanoseconds would be lost, and Spark refuses them');
  if (unit === undefined) return unsupported('its unit is not known');
  return typed(utc ? 'timestamp' : 'timestamp_ntz');
}

function typed(type: PrimitiveType): ColumnType {
  return { kind: 'type', type };
}

function unsupported(reason: string, breaksFile = false): ColumnType {
  return { kind: 'unsupported', reason, breaksFile };
}

function misplaced(): ColumnType {
  return unsupported('the format does not allow this logical type on this physical type');
}
