import type { CheckpointReader } from '../delta/checkpoint.ts';
import { LOG_DIR } from '../delta/log-path.ts';
import { findNewest } from '../delta/replay.ts';
import { loadSnapshot, type Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import { pendingPaths } from './deferred/pending.ts';

/** A data file that is not in its table. */
export interface StrayFile {
  /** Below the root of the table. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Time of the last write, ms since the epoch. */
  readonly modified: number;
  /** `orphan`: no commit tells of it. `removed`: the log took it out, and it waits for a vacuum. */
  readonly kind: 'orphan' | 'removed';
}

export interface OrphanOptions {
  /** Only files written before this time, ms since the epoch: younger ones may be about to be committed. */
  readonly before: number;
}

/** Files that are looked up in the log at once. Each time costs the paths of the checkpoint. */
const BATCH_FILES = 50_000;

/**
 * Streams the Parquet files under a table's root that are not in the table: those that a writer left which crashed before
 * its commit, and those that the log has removed. Hidden folders (change data, quarantine) and tables below the root are
 * left out, and so is what waits for the committer. A file that was removed so long ago that the log has forgotten it looks like one that was never committed.
 * Throws the errors of reading the log, `TABLE_NOT_FOUND` included.
 */
export async function* findStrayFiles(
  table: TableRef,
  reader: CheckpointReader,
  { before }: OrphanOptions,
): AsyncGenerator<StrayFile> {
  const inner = await innerTables(table);
  const waiting = await pendingPaths(table.store, table.root);
  let batch: Omit<StrayFile, 'kind'>[] = [];
  const prefix = table.root === '' ? '' : `${table.root}/`;
  for await (const { key, size, modified } of table.store.list(prefix)) {
    const path = key.slice(prefix.length);
    const isOurs = isDataFile(path) && !inner.some((root) => path.startsWith(root));
    if (!isOurs || modified >= before || waiting.has(path)) continue;
    batch.push({ path, size, modified });
    if (batch.length < BATCH_FILES) continue;
    yield* await classify(await loadSnapshot(table, reader), reader, batch);
    batch = [];
  }
  // Loaded after the listing: what was committed meanwhile is known. Also where there are no files, to see the table.
  yield* await classify(await loadSnapshot(table, reader), reader, batch);
}

async function classify(
  snapshot: Snapshot,
  reader: CheckpointReader,
  files: readonly Omit<StrayFile, 'kind'>[],
): Promise<StrayFile[]> {
  const known = await findNewest(snapshot, reader, new Set(files.map(({ path }) => path)));
  return files.flatMap((file): StrayFile[] => {
    const action = known.get(file.path);
    if (action === undefined) return [{ ...file, kind: 'orphan' }];
    return 'remove' in action ? [{ ...file, kind: 'removed' }] : [];
  });
}

function isDataFile(path: string): boolean {
  if (!path.endsWith('.parquet')) return false;
  return !path
    .split('/')
    .some((segment) => segment.startsWith('.') || (segment.startsWith('_') && !segment.includes('=')));
}

/** Roots of tables that lie below this one, with a slash at the end. */
async function innerTables({ store, root }: TableRef): Promise<string[]> {
  const prefix = root === '' ? '' : `${root}/`;
  const roots = new Set<string>();
  for await (const { key } of store.list(prefix)) {
    const path = key.slice(prefix.length);
    const log = path.indexOf(`/${LOG_DIR}/`);
    if (log > 0) roots.add(path.slice(0, log + 1));
  }
  return [...roots];
}
