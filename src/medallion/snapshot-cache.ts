import type { CheckpointReader } from '../delta/checkpoint.ts';
import { isDeltaError } from '../delta/errors.ts';
import { isOutdated, loadSnapshot, refreshSnapshot, type Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';

/** Snapshots that are kept; they hold no files, some kB each. */
const MAX_SNAPSHOTS = 500;

/**
 * Gives the latest snapshots of tables, undefined for one that is not there, and remembers them: a function that is warm
 * looks for what is new in the log and reads that, where a cold one reads the checkpoint and all commits since. `now` in
 * ms since the epoch. Throws what `loadSnapshot` throws.
 */
export function createSnapshotCache(
  reader: CheckpointReader,
  now: () => number = Date.now,
): (table: TableRef) => Promise<Snapshot | undefined> {
  /** By the tables' names, in the order of use, oldest first. */
  const known = new Map<string, Snapshot>();
  return async (table) => {
    const before = known.get(table.url);
    known.delete(table.url);
    const snapshot = (before && (await refreshed(before, now()))) ?? (await loaded(table, reader));
    if (snapshot !== undefined) known.set(table.url, snapshot);
    const [oldest] = known.keys();
    if (known.size > MAX_SNAPSHOTS && oldest !== undefined) known.delete(oldest);
    return snapshot;
  };
}

/** Undefined where the log does not go on from the snapshot. */
async function refreshed(snapshot: Snapshot, now: number): Promise<Snapshot | undefined> {
  try {
    return await refreshSnapshot(snapshot, { now });
  } catch (error) {
    if (isOutdated(error)) return undefined;
    throw error;
  }
}

async function loaded(table: TableRef, reader: CheckpointReader): Promise<Snapshot | undefined> {
  try {
    return await loadSnapshot(table, reader);
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return undefined;
    throw error;
  }
}
