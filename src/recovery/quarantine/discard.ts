import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { findActive, loadSnapshot } from '../../delta/snapshot.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { BrokenRecord, StoredRecord } from './records.ts';

export interface DiscardResult {
  /** Records that are gone. */
  readonly records: number;
  /** Objects that were deleted. */
  readonly files: number;
  /** Objects that stayed, because they are in the table, or were written anew since. */
  readonly kept: readonly string[];
}

const CONCURRENCY = 16;

/**
 * Deletes records, and their objects where it is asked for: first the object, so that a crash in between leaves the record.
 * An object stays that is active in the table, or is another version than the record is about. Of records that cannot be
 * read it is not known what they are about: only they themselves are deleted.
 */
export async function discardRecords(
  reader: CheckpointReader,
  table: TableRef,
  records: readonly StoredRecord[],
  { deleteFiles, broken = [] }: { readonly deleteFiles: boolean; readonly broken?: readonly BrokenRecord[] },
): Promise<DiscardResult> {
  const active = deleteFiles ? await activePaths(reader, table, records) : new Set<string>();
  const outcomes = await mapConcurrently(records, CONCURRENCY, async ({ key, record: { path, etag } }) => {
    const object = tableKey(table, path);
    const info = deleteFiles ? await table.store.head(object) : undefined;
    const isDeleted = info !== undefined && !active.has(path) && info.etag === etag;
    if (isDeleted) await table.store.delete(object);
    await table.store.delete(key);
    return { isDeleted, isKept: info !== undefined && !isDeleted, path };
  });
  await mapConcurrently(broken, CONCURRENCY, ({ key }) => table.store.delete(key));
  return {
    records: outcomes.length + broken.length,
    files: outcomes.filter(({ isDeleted }) => isDeleted).length,
    kept: outcomes.filter(({ isKept }) => isKept).map(({ path }) => path),
  };
}

async function activePaths(reader: CheckpointReader, table: TableRef, records: readonly StoredRecord[]) {
  try {
    const snapshot = await loadSnapshot(table, reader);
    const paths = new Set(records.map(({ record }) => record.path));
    return new Set((await findActive(snapshot, reader, paths)).keys());
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return new Set<string>();
    throw error;
  }
}
