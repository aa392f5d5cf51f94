import type { CheckpointReader } from '../delta/checkpoint.ts';
import { LOG_DIR } from '../delta/log-path.ts';
import { findNewest } from '../delta/replay.ts';
import type { TableRef } from '../delta/table.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import { pendingPaths } from '../kafka/deferred/pending.ts';
import { type ProtectedFiles, protectFiles } from './vacuum/protected-files.ts';

/** A file below the root of a table. */
export interface ListedFile {
  /** The decoded key below the root. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Time of the last write, ms since the epoch. */
  readonly modified: number;
}

/** A file that is not in its table. */
export interface StrayFile extends ListedFile {
  /** `orphan`: no commit tells of it. `removed`: the log took it out, and it waits for a vacuum. */
  readonly kind: 'orphan' | 'removed';
}

export interface StrayOptions {
  /** Only files written before this time, ms since the epoch: younger ones may be about to be committed. */
  readonly before: number;
}

/**
 * Streams the Parquet files under a table's root that are not in the table: those that a writer left which crashed before
 * its commit, and those that the log has removed. Hidden folders (change data, quarantine) and tables below the root are
 * left out, and so is what waits for the committer. A file that was removed so long ago that the log has forgotten it
 * looks like one that was never committed. Throws the errors of reading the log, `TABLE_NOT_FOUND` included.
 */
export async function* findStrayFiles(
  table: TableRef,
  reader: CheckpointReader,
  { before }: StrayOptions,
): AsyncGenerator<StrayFile, void, undefined> {
  const files = await protectFiles(table, reader);
  const isWanted = ({ path, modified }: ListedFile) =>
    modified < before && path.endsWith('.parquet') && !isHidden(path);
  for await (const { strays } of strayBatches(files, reader, { listing: listFiles(table), isWanted })) yield* strays;
}

/** All objects below a table's root. */
export async function* listFiles({ store, root }: TableRef): AsyncGenerator<ListedFile, void, undefined> {
  const prefix = root === '' ? '' : `${root}/`;
  for await (const { key, size, modified } of store.list(prefix)) {
    yield { path: key.slice(prefix.length), size, modified };
  }
}

/**
 * Whether a path has a part that writers hide from readers: one that starts with `.` or `_`, unless it is the folder of a
 * partition column. Without the names of the columns, every `_name=value` is taken for one.
 */
export function isHidden(path: string, partitionColumns?: readonly string[]): boolean {
  return path.split('/').some((segment) => {
    if (segment.startsWith('.')) return !partitionColumns?.some((column) => segment.startsWith(`${column}=`));
    if (!segment.startsWith('_')) return false;
    if (partitionColumns === undefined) return !segment.includes('=');
    return !partitionColumns.some((column) => segment.startsWith(`${column}=`));
  });
}

export interface StrayBatch {
  readonly strays: readonly StrayFile[];
  /** Files that were listed so far. */
  readonly listed: number;
}

export interface StrayBatchOptions {
  readonly listing: AsyncIterable<ListedFile>;
  /** Chooses files by what the listing says. */
  readonly isWanted: (file: ListedFile) => boolean;
  /** Files of a batch. Each costs the paths of the checkpoint. @default 50,000 */
  readonly batchFiles?: number;
  /** Asked at each file; true ends the listing. */
  readonly isOver?: () => boolean;
}

const BATCH_FILES = 50_000;

/**
 * Goes through a listing, and gives the wanted files that the table does not need, in batches; an empty one at the end of a
 * listing without any. All files of a batch were listed before the log was looked at for them, so that what was committed
 * meanwhile is known. Whatever is a file's kind, the newest that the log says of it was looked up by its very path.
 */
export async function* strayBatches(
  files: ProtectedFiles,
  reader: CheckpointReader,
  { listing, isWanted, batchFiles = BATCH_FILES, isOver = () => false }: StrayBatchOptions,
): AsyncGenerator<StrayBatch, void, undefined> {
  const { table } = files.snapshot;
  // Before the listing: a file that starts to wait later is younger than all that are listed here as old.
  const waiting = await pendingPaths(table.store, table.root);
  const inner = createInnerTables(table);
  let listed = 0;
  let batch: ListedFile[] = [];

  async function judge(): Promise<StrayBatch> {
    await files.refresh();
    const unknown = await inner.without(batch.filter(({ path }) => !files.has(path)));
    batch = [];
    return { strays: await classify(files, reader, unknown), listed };
  }

  for await (const file of listing) {
    if (isOver()) break;
    listed += 1;
    if (!isWanted(file) || waiting.has(file.path) || files.has(file.path)) continue;
    batch.push(file);
    if (batch.length === batchFiles) yield await judge();
  }
  yield await judge();
}

async function classify(
  { snapshot }: ProtectedFiles,
  reader: CheckpointReader,
  files: readonly ListedFile[],
): Promise<StrayFile[]> {
  const known = await findNewest(snapshot, reader, new Set(files.map(({ path }) => path)));
  return files.flatMap((file): StrayFile[] => {
    const action = known.get(file.path);
    if (action === undefined) return [{ ...file, kind: 'orphan' }];
    return 'remove' in action ? [{ ...file, kind: 'removed' }] : [];
  });
}

/** Folders whose answer is remembered; beyond it they are asked about again. Bounds memory to some 20 MB. */
const MAX_FOLDERS = 100_000;
const PROBES = 32;

/** Finds files that belong to tables below the root, by a LIST for each folder that holds one of the files. */
export function createInnerTables({ store, root }: TableRef) {
  const known = new Map<string, boolean>();
  const prefix = root === '' ? '' : `${root}/`;

  async function probe(folder: string): Promise<void> {
    let found = false;
    for await (const _ of store.list(`${prefix}${folder}/${LOG_DIR}/`)) {
      found = true;
      break;
    }
    known.set(folder, found);
  }

  return {
    async without<File extends Pick<ListedFile, 'path'>>(files: readonly File[]): Promise<File[]> {
      if (known.size > MAX_FOLDERS) known.clear();
      const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
      await mapConcurrently(
        [...folders].filter((folder) => !known.has(folder)),
        PROBES,
        probe,
      );
      return files.filter(({ path }) => !foldersOf(path).some((folder) => known.get(folder) === true));
    },
  };
}

/** The folders in which a path lies, without the root. */
function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    if (slash > 0) folders.push(path.slice(0, slash));
  }
  return folders;
}
