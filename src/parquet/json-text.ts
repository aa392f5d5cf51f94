import { boundText, type ColumnBounds } from '../delta/stats-value.ts';
import { columnType } from './column-type.ts';
import type { LeafNode } from './schema-node.ts';
import { boundReader, type StatValue } from './stat-value.ts';

/** How the values of a leaf column become JSON text. */
export interface TextType {
  /** Bytes of a value; undefined where each has its length before it, `bit` for booleans. */
  readonly width: number | 'bit' | undefined;
  /** '' for a value that JSON, or the type in Delta statistics, has no text for. */
  text(bytes: Uint8Array): string;
}

/**
 * The text of values in statistics (PROTOCOL.md "Per-file Statistics"), which stand in the columns of `stats_parsed` with
 * their own types; undefined for columns of which statistics have none.
 */
export function textTypeOf(leaf: LeafNode): TextType | undefined {
  if (leaf.repeats > 0) return undefined;
  if (leaf.physical === 'BOOLEAN') return { width: 'bit', text: (bytes) => (bytes[0] === 1 ? 'true' : 'false') };
  if (leaf.physical === 'INT96') return { width: INT96_BYTES, text: int96Text };
  const reader = boundReader(leaf);
  const column = columnType(leaf, { int96: 'always', writtenBySpark: false });
  if (reader === undefined || column.kind !== 'type') return undefined;
  const scale = leaf.logical?.kind === 'DECIMAL' ? leaf.logical.scale : 0;
  const utc = leaf.logical?.kind === 'TIMESTAMP' && leaf.logical.utc;
  return {
    width: widthOf(leaf),
    text(bytes) {
      const value = reader.read(bytes);
      if (value === undefined) return '';
      return boundText(toBounds(reader.kind, value, { scale, utc }), 'min', column.type, WHOLE) ?? '';
    },
  };
}

/** Strings are not cut once more. */
const WHOLE = Number.MAX_SAFE_INTEGER;

const INT96_BYTES = 12;
/** Julian day number of 1970-01-01. */
const EPOCH_DAY = 2_440_588;
const MICROS_PER_DAY = 86_400_000_000n;

/** Nanoseconds of the day, then the Julian day, as Spark stores timestamps. */
function int96Text(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, INT96_BYTES);
  const days = BigInt(view.getInt32(8, true) - EPOCH_DAY);
  const min = days * MICROS_PER_DAY + view.getBigInt64(0, true) / 1000n;
  return boundText({ kind: 'timestamp', utc: true, min, max: undefined }, 'min', 'timestamp', WHOLE) ?? '';
}

function widthOf({ physical, typeLength }: LeafNode): number | undefined {
  switch (physical) {
    case 'INT32':
    case 'FLOAT':
      return 4;
    case 'INT64':
    case 'DOUBLE':
      return 8;
    case 'FIXED_LEN_BYTE_ARRAY':
      return typeLength;
    default:
      return undefined;
  }
}

function toBounds(
  kind: Exclude<ColumnBounds['kind'], 'none'>,
  value: StatValue,
  { scale, utc }: { readonly scale: number; readonly utc: boolean },
): ColumnBounds {
  const max = undefined;
  switch (kind) {
    case 'string':
      return { kind, min: value instanceof Uint8Array ? value : undefined, max };
    case 'float':
    case 'date':
      return { kind, min: Number(value), max };
    case 'integer':
      return { kind, min: integer(value), max };
    case 'decimal':
      return { kind, scale, min: integer(value), max };
    case 'timestamp':
      return { kind, utc, min: integer(value), max };
  }
}

function integer(value: StatValue): bigint | undefined {
  return value instanceof Uint8Array ? undefined : BigInt(value);
}
