import type { StructType } from '../../delta/schema.ts';
import type { RowBatch } from './batch.ts';
import { batchBytes } from './batch.ts';
import { type Ranks, rankRows, sortPositions } from './sort-keys.ts';
import { concatBatches, type Positions, takeRows } from './take-rows.ts';

export interface RowOrder {
  /** `sort`: by the first column, then the second, ...; `z-order`: by all of them alike. */
  readonly kind: 'sort' | 'z-order';
  /** Names of columns at the top. */
  readonly columns: readonly string[];
}

/** Rows of a batch of sorted rows. */
const BATCH_ROWS = 65_536;
/** Bits of all ranks that are interleaved: what a number holds exactly, less a few. */
const KEY_BITS = 48;

/**
 * Sorts rows in memory. Rows that take more than `maxBytes` are sorted in runs of as much, one behind the other. Equal
 * rows stay in their order. Throws RangeError for a column that is not there, or has no order.
 */
export async function* sortRows(
  batches: AsyncIterable<RowBatch>,
  schema: StructType,
  order: RowOrder,
  maxBytes: number,
): AsyncGenerator<RowBatch, void> {
  const positions = sortPositions(schema, order.columns);
  let run: RowBatch[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    const own = batchBytes(batch);
    if (run.length > 0 && bytes + own > maxBytes) {
      yield* sortedRun(run, schema, positions, order.kind);
      run = [];
      bytes = 0;
    }
    run.push(batch);
    bytes += own;
  }
  if (run.length > 0) yield* sortedRun(run, schema, positions, order.kind);
}

function* sortedRun(
  run: RowBatch[],
  schema: StructType,
  positions: readonly number[],
  kind: RowOrder['kind'],
): Generator<RowBatch, void> {
  const types = schema.fields.map(({ type }) => type);
  const rows = concatBatches(run, types);
  // The batches are in there now, and need not be held beside it.
  run.length = 0;
  const ranks = positions.map((position) => {
    const [type, column] = [types[position], rows.columns[position]];
    if (type === undefined || column === undefined) throw new TypeError(`the rows have no column at ${position}`);
    return rankRows(type, column);
  });
  const sorted = kind === 'sort' ? byRanks(ranks, rows.rowCount) : byZOrder(ranks, rows.rowCount);
  for (let start = 0; start < rows.rowCount; start += BATCH_ROWS) {
    yield takeRows(rows, types, sorted.subarray(start, start + BATCH_ROWS));
  }
}

function byRanks(ranks: readonly Ranks[], rowCount: number): Positions {
  return positionsOf(rowCount).sort((a, b) => {
    for (const { ranks: own } of ranks) {
      const step = (own[a] ?? 0) - (own[b] ?? 0);
      if (step !== 0) return step;
    }
    return a - b;
  });
}

/** The ranks stand for the values, whatever these are, so that each column has as many bits of its own in the key. */
function byZOrder(ranks: readonly Ranks[], rowCount: number): Positions {
  const bits = Math.floor(KEY_BITS / Math.max(1, ranks.length));
  const scales = ranks.map(({ count }) => (2 ** bits - 1) / Math.max(1, count - 1));
  const keys = new Float64Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const scaled = ranks.map(({ ranks: own }, index) => Math.floor((own[row] ?? 0) * (scales[index] ?? 0)));
    keys[row] = interleave(scaled, bits);
  }
  return positionsOf(rowCount).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || a - b);
}

/** The highest bit of each number, then the next one of each, .... */
export function interleave(numbers: readonly number[], bits: number): number {
  let key = 0;
  for (let bit = bits - 1; bit >= 0; bit--) {
    for (const number of numbers) key = key * 2 + (Math.floor(number / 2 ** bit) % 2);
  }
  return key;
}

function positionsOf(rowCount: number): Positions {
  const positions = new Uint32Array(rowCount);
  for (let row = 0; row < rowCount; row++) positions[row] = row;
  return positions;
}
