import type { ColumnOrder } from './footer.ts';
import type { LeafNode } from './schema-node.ts';

/** A bound as a value that can be compared: numbers by their size, bytes as unsigned. */
export type StatValue = number | bigint | Uint8Array;

/** How the bounds of a column are read. */
export interface BoundReader {
  readonly kind: 'integer' | 'decimal' | 'float' | 'date' | 'timestamp' | 'string';
  /** The bound in the unit of `ColumnBounds`; undefined when the bytes cannot be a value of the type. */
  read(bytes: Uint8Array): StatValue | undefined;
  /** The order is that of signed values, so that the deprecated `min` and `max` are right as well. */
  readonly signedOrder: boolean;
}

/**
 * The reader for a column's bounds; undefined where Delta has no bounds for its type (boolean, binary) or Parquet has
 * none that mean anything (INT96, and columns inside of lists and maps).
 */
export function boundReader(leaf: LeafNode): BoundReader | undefined {
  const { physical, logical } = leaf;
  if (leaf.repeats > 0) return undefined;
  switch (logical?.kind) {
    case undefined:
      return plainReader(leaf);
    case 'STRING':
    case 'ENUM':
    case 'JSON':
      return physical === 'BYTE_ARRAY' ? STRING : undefined;
    case 'DATE':
      return physical === 'INT32' ? DATE : undefined;
    case 'INTEGER':
      return logical.signed ? plainReader(leaf) : unsignedReader(leaf);
    case 'DECIMAL':
      return decimalReader(leaf);
    case 'TIMESTAMP':
      if (physical !== 'INT64') return undefined;
      if (logical.unit === 'MICROS') return TIMESTAMP_MICROS;
      return logical.unit === 'MILLIS' ? TIMESTAMP_MILLIS : undefined;
    default:
      return undefined;
  }
}

/** Whether `min_value` and `max_value` of a column in this order bound its values as Delta compares them. */
export function isTrustedOrder(order: ColumnOrder, reader: BoundReader): boolean {
  if (order === 'TYPE') return true;
  return order === 'IEEE_754_TOTAL' && reader.kind === 'float';
}

export function compareValues(a: StatValue, b: StatValue): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

const INT32: BoundReader = { kind: 'integer', signedOrder: true, read: (bytes) => sized(bytes, 4)?.getInt32(0, true) };
const INT64: BoundReader = { kind: 'integer', signedOrder: true, read: readInt64 };
const UINT32: BoundReader = {
  kind: 'integer',
  signedOrder: false,
  read: (bytes) => sized(bytes, 4)?.getUint32(0, true),
};
const UINT64: BoundReader = {
  kind: 'integer',
  signedOrder: false,
  read: (bytes) => sized(bytes, 8)?.getBigUint64(0, true),
};
const FLOAT: BoundReader = { kind: 'float', signedOrder: true, read: (bytes) => sized(bytes, 4)?.getFloat32(0, true) };
const DOUBLE: BoundReader = { kind: 'float', signedOrder: true, read: (bytes) => sized(bytes, 8)?.getFloat64(0, true) };
const DATE: BoundReader = { ...INT32, kind: 'date' };
const TIMESTAMP_MICROS: BoundReader = { ...INT64, kind: 'timestamp' };
const TIMESTAMP_MILLIS: BoundReader = {
  kind: 'timestamp',
  signedOrder: true,
  read: (bytes) => {
    const millis = readInt64(bytes);
    return millis === undefined ? undefined : millis * 1000n;
  },
};
const STRING: BoundReader = { kind: 'string', signedOrder: false, read: (bytes) => bytes };

/** Bytes of a two's complement number with 38 digits; a longer one is not the decimal that the schema announces. */
const MAX_DECIMAL_BYTES = 16;

function plainReader({ physical }: LeafNode): BoundReader | undefined {
  switch (physical) {
    case 'INT32':
      return INT32;
    case 'INT64':
      return INT64;
    case 'FLOAT':
      return FLOAT;
    case 'DOUBLE':
      return DOUBLE;
    default:
      return undefined;
  }
}

function unsignedReader({ physical }: LeafNode): BoundReader | undefined {
  if (physical === 'INT32') return UINT32;
  return physical === 'INT64' ? UINT64 : undefined;
}

function decimalReader({ physical, typeLength }: LeafNode): BoundReader | undefined {
  switch (physical) {
    case 'INT32':
      return { ...INT32, kind: 'decimal' };
    case 'INT64':
      return { ...INT64, kind: 'decimal' };
    case 'FIXED_LEN_BYTE_ARRAY':
      return decimalBytes((length) => length === typeLength);
    case 'BYTE_ARRAY':
      return decimalBytes((length) => length > 0 && length <= MAX_DECIMAL_BYTES);
    default:
      return undefined;
  }
}

/** The deprecated bounds of byte arrays were compared byte by byte, which is no order of decimals, whatever the sign of a byte. */
function decimalBytes(isLength: (length: number) => boolean): BoundReader {
  return {
    kind: 'decimal',
    signedOrder: false,
    read: (bytes) => (isLength(bytes.length) ? bigEndianInteger(bytes) : undefined),
  };
}

/** Two's complement, most significant byte first. */
function bigEndianInteger(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * bytes.length, value);
}

function readInt64(bytes: Uint8Array): bigint | undefined {
  return sized(bytes, 8)?.getBigInt64(0, true);
}

/** A view of the bytes if they are as many as a value has. */
function sized(bytes: Uint8Array, length: number): DataView | undefined {
  return bytes.length === length ? new DataView(bytes.buffer, bytes.byteOffset, length) : undefined;
}
