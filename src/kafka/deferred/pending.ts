import { mapConcurrently } from '../../ingest/concurrently.ts';
import { isStoreError, type ObjectStore } from '../../storage/object-store.ts';
import { PENDING_PREFIX } from '../config.ts';
import type { OffsetKeeper } from '../offsets.ts';

const FORMAT = 1;

/** A data file that waits for its commit. */
export interface PendingFile {
  /** Below the root of the table. */
  readonly path: string;
  readonly size: number;
  readonly rows: number;
  /** ms since the epoch. */
  readonly time: number;
  /** End of the file, from its footer on, in base64. */
  readonly footer: string;
}

/** The offsets of a partition that a batch has handled, whether they gave rows or not. */
export interface PendingRange {
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly last: number;
}

/** What a batch wrote for one table. All its ranges are in its files, and nothing else. */
export interface PendingBatch {
  /** Root of the table in the bucket, and its id when the files were written. */
  readonly root: string;
  readonly tableId: string;
  readonly keeper: OffsetKeeper;
  /** Before the names of the columns that come from Kafka. */
  readonly metadataPrefix: string;
  readonly files: readonly PendingFile[];
  readonly ranges: readonly PendingRange[];
  /** Time of the oldest record that became a row, ms since the epoch. */
  readonly oldest?: number;
}

export interface StoredBatch extends PendingBatch {
  /** Under which it is stored. */
  readonly key: string;
}

/** Stores a batch; from then on, it will be committed. */
export async function putPending(store: ObjectStore, batch: PendingBatch, id: string): Promise<void> {
  const key = `${prefixOf(batch.root)}${id}.json`;
  await store.put(key, new TextEncoder().encode(JSON.stringify({ format: FORMAT, ...batch })));
}

/** The tables that have batches waiting. */
export async function pendingTables(store: ObjectStore): Promise<string[]> {
  const roots: string[] = [];
  let startAfter: string | undefined;
  for (;;) {
    const next = await firstKey(store, startAfter);
    if (next === undefined) return roots;
    const folder = next.slice(PENDING_PREFIX.length, next.indexOf('/', PENDING_PREFIX.length));
    roots.push(decodeURIComponent(folder));
    // Behind all keys of the folder: '0' follows '/'.
    startAfter = `${PENDING_PREFIX}${folder}0`;
  }
}

async function firstKey(store: ObjectStore, startAfter: string | undefined): Promise<string | undefined> {
  for await (const { key } of store.list(PENDING_PREFIX, startAfter === undefined ? {} : { startAfter })) return key;
  return undefined;
}

/** The keys of the batches of a table that wait. */
export async function pendingKeys(store: ObjectStore, root: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefixOf(root))) keys.push(key);
  return keys;
}

export async function hasPending(store: ObjectStore, root: string): Promise<boolean> {
  for await (const _ of store.list(prefixOf(root))) return true;
  return false;
}

/** The paths of the files of a table that wait. */
export async function pendingPaths(store: ObjectStore, root: string): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  await mapConcurrently(await pendingKeys(store, root), 32, async (key) => {
    for (const { path } of (await readBatch(store, key))?.files ?? []) paths.add(path);
  });
  return paths;
}

/** Batches whose files are kept in memory; of others there are the offsets only, until they are needed. */
const MAX_WHOLE = 2_000;

/** What waits, without the files where there is too much of it. */
export type ListedBatch = Omit<StoredBatch, 'files'> & { readonly files?: readonly PendingFile[] };

export async function readPending(store: ObjectStore, keys: readonly string[]): Promise<ListedBatch[]> {
  const batches: ListedBatch[] = [];
  await mapConcurrently(keys, 32, async (key) => {
    const batch = await readBatch(store, key);
    if (batch === undefined) return;
    const { files, ...rest } = batch;
    batches.push(batches.length < MAX_WHOLE ? batch : rest);
  });
  return batches;
}

/** The batch with its files; undefined when it is gone, because another committer was faster. */
export async function wholeBatch(store: ObjectStore, batch: ListedBatch): Promise<StoredBatch | undefined> {
  const { files } = batch;
  return files === undefined ? readBatch(store, batch.key) : { ...batch, files };
}

async function readBatch(store: ObjectStore, key: string): Promise<StoredBatch | undefined> {
  try {
    const { body } = await store.get(key);
    const { format, ...batch } = JSON.parse(new TextDecoder().decode(body)) as PendingBatch & { format: number };
    if (format !== FORMAT) throw new Error(`${key} is of format ${format}, expected ${FORMAT}`);
    return { ...batch, key };
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

function prefixOf(root: string): string {
  return `${PENDING_PREFIX}${encodeURIComponent(root)}/`;
}
