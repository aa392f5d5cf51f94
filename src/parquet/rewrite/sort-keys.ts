import { type DataType, decimalOf, type StructType, typeName } from '../../delta/schema.ts';
import type { ColumnSlice } from '../write/column.ts';
import { hasValue } from './leaf-input.ts';

/** Whether rows can be sorted by a column of the type. */
export function isSortable(type: DataType): boolean {
  return typeof type === 'string' && type !== 'variant' && type !== 'void';
}

/** Positions of the columns by which rows are sorted. Throws RangeError for a column that is not there, or has no order. */
export function sortPositions(schema: StructType, names: readonly string[]): readonly number[] {
  return names.map((name) => {
    const position = schema.fields.findIndex((field) => field.name === name);
    const field = schema.fields[position];
    if (field === undefined) throw new RangeError(`there is no column "${name}" in the files`);
    if (!isSortable(field.type))
      throw new RangeError(`the column "${name}" of type ${typeName(field.type)} has no order`);
    return position;
  });
}

/** The rank of each row by one column: equal values have equal ranks, from 0 without a gap. */
export interface Ranks {
  readonly ranks: Uint32Array;
  /** Different values. */
  readonly count: number;
}

/** How two places of a column with a value compare; negative when the first comes first. */
type Compare = (a: number, b: number) => number;

/**
 * Ranks the rows as Spark orders them: null first, then the values, false before true, strings and binaries by their
 * bytes, -0.0 like 0.0, and NaN, whatever its bits, last.
 */
export function rankRows(type: DataType, column: ColumnSlice): Ranks {
  const { length, validity } = column;
  const compare = comparison(type, column);
  const present: number[] = [];
  for (let row = 0; row < length; row++) if (hasValue(validity, row)) present.push(row);
  const rows = Uint32Array.from(present).sort(compare);
  const ranks = new Uint32Array(length);
  // Nulls have the rank 0, if there are any.
  let rank = rows.length < length ? 0 : -1;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0;
    if (index === 0 || compare(rows[index - 1] ?? 0, row) !== 0) rank++;
    ranks[row] = rank;
  }
  return { ranks, count: rank + 1 };
}

function comparison(type: DataType, { values }: ColumnSlice): Compare {
  if (values.kind === 'bytes') return compareBytes(values.offsets, values.data);
  if (values.kind !== 'fixed') throw new TypeError(`a column of type ${typeName(type)} has no order`);
  const { data } = values;
  if (type === 'boolean') return (a, b) => bitAt(data as Uint8Array, a) - bitAt(data as Uint8Array, b);
  if (data instanceof BigInt64Array) return decimalOf(type) === undefined ? compareLongs(data) : compareDecimals(data);
  return compareNumbers(data as Int32Array);
}

function bitAt(bits: Uint8Array, index: number): number {
  return ((bits[index >> 3] ?? 0) >> (index & 7)) & 1;
}

function compareNumbers(data: Int32Array): Compare {
  return (a, b) => {
    const [one, other] = [data[a] ?? 0, data[b] ?? 0];
    if (one < other) return -1;
    if (one > other) return 1;
    return Number(Number.isNaN(one)) - Number(Number.isNaN(other));
  };
}

function compareLongs(data: BigInt64Array): Compare {
  return (a, b) => {
    const [one, other] = [data[a] ?? 0n, data[b] ?? 0n];
    return one < other ? -1 : one > other ? 1 : 0;
  };
}

/** The upper half has the sign, the lower one has none. */
function compareDecimals(data: BigInt64Array): Compare {
  const lower = new BigUint64Array(data.buffer, data.byteOffset, data.length);
  return (a, b) => {
    const [one, other] = [data[2 * a + 1] ?? 0n, data[2 * b + 1] ?? 0n];
    if (one !== other) return one < other ? -1 : 1;
    const [low, otherLow] = [lower[2 * a] ?? 0n, lower[2 * b] ?? 0n];
    return low < otherLow ? -1 : low > otherLow ? 1 : 0;
  };
}

function compareBytes(offsets: Int32Array, data: Uint8Array): Compare {
  return (a, b) => {
    const [start, otherStart] = [offsets[a] ?? 0, offsets[b] ?? 0];
    const [length, otherLength] = [(offsets[a + 1] ?? 0) - start, (offsets[b + 1] ?? 0) - otherStart];
    const common = Math.min(length, otherLength);
    for (let at = 0; at < common; at++) {
      const step = (data[start + at] ?? 0) - (data[otherStart + at] ?? 0);
      if (step !== 0) return step;
    }
    return length - otherLength;
  };
}
