import { offsetAppId } from '../offsets.ts';
import type { PendingRange, StoredBatch } from './pending.ts';

/** What is to happen with a batch that waits. */
export interface SettledBatch {
  readonly batch: StoredBatch;
  /** Rows of a range are wanted from behind this offset on; ranges that are left out have none. */
  readonly wanted: ReadonlyMap<PendingRange, number>;
  /** `whole`: every row is wanted. `none`: they are in the table already. `part`: the file has to be made anew. */
  readonly kind: 'whole' | 'part' | 'none';
}

/**
 * Which rows of the batches are wanted, so that each offset is in the table once: those behind what the table has, and
 * where batches overlap, those of the one that began first. `known` is the last offset that the table has, by appId.
 */
export function settle(
  batches: readonly StoredBatch[],
  known: ReadonlyMap<string, number | undefined>,
): readonly SettledBatch[] {
  const wanted = new Map<StoredBatch, Map<PendingRange, number>>(batches.map((batch) => [batch, new Map()]));
  for (const [appId, entries] of byPartition(batches)) {
    let reached = known.get(appId) ?? -1;
    for (const { range, batch } of entries) {
      if (range.last > reached) wanted.get(batch)?.set(range, reached);
      reached = Math.max(reached, range.last);
    }
  }
  return batches.map((batch) => {
    const ranges = wanted.get(batch) ?? new Map<PendingRange, number>();
    const isWhole = batch.ranges.every((range) => (ranges.get(range) ?? range.first) < range.first);
    return { batch, wanted: ranges, kind: ranges.size === 0 ? 'none' : isWhole ? 'whole' : 'part' };
  });
}

/** As much of a batch as its offsets need. */
type RangedBatch = Pick<StoredBatch, 'keeper' | 'ranges'>;

interface Entry<B> {
  readonly range: PendingRange;
  readonly batch: B;
}

/** What is there of each partition, by its appId, in the order of the offsets. */
function byPartition<B extends RangedBatch>(batches: readonly B[]): Map<string, Entry<B>[]> {
  const partitions = new Map<string, Entry<B>[]>();
  for (const batch of batches) {
    for (const range of batch.ranges) {
      const appId = offsetAppId(batch.keeper, range.topic, range.partition);
      const entries = partitions.get(appId) ?? [];
      entries.push({ range, batch });
      partitions.set(appId, entries);
    }
  }
  for (const entries of partitions.values()) {
    entries.sort((a, b) => a.range.first - b.range.first || b.range.last - a.range.last);
  }
  return partitions;
}

/**
 * Batches that may be committed without the others: with a batch comes every one that begins before it in one of its
 * partitions, because the offset that is committed moves past those. About `limit` batches, and `mayBegin` says which may
 * be there for another reason than that.
 */
export function closedSubset<B extends RangedBatch>(
  batches: readonly B[],
  limit: number,
  mayBegin: (batch: B) => boolean = () => true,
): readonly B[] {
  const before = new Map<B, B[]>();
  for (const entries of byPartition(batches).values()) {
    for (const [index, { batch }] of entries.entries()) {
      const previous = entries[index - 1]?.batch;
      if (previous === undefined || previous === batch) continue;
      const all = before.get(batch);
      if (all === undefined) before.set(batch, [previous]);
      else all.push(previous);
    }
  }
  const chosen = new Set<B>();
  for (const batch of batches) {
    if (chosen.size >= limit) break;
    if (!mayBegin(batch)) continue;
    const open = [batch];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (chosen.has(next)) continue;
      chosen.add(next);
      open.push(...(before.get(next) ?? []));
    }
  }
  return [...chosen];
}
