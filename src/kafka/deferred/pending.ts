import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
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
  /** Root of the table in the bucket. */
  readonly root: string;
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

/** The batches of a table that wait, at most so many objects. */
export async function listPending(store: ObjectStore, root: string, limit: number): Promise<StoredBatch[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefixOf(root))) {
    keys.push(key);
    if (keys.length >= limit) break;
  }
  const batches: StoredBatch[] = [];
  await mapConcurrently(keys, 32, async (key) => {
    const { body } = await store.get(key);
    const { format, ...batch } = JSON.parse(new TextDecoder().decode(body)) as PendingBatch & { format: number };
    if (format !== FORMAT) throw new Error(`${key} is of format ${format}, expected ${FORMAT}`);
    batches.push({ ...batch, key });
  });
  return batches;
}

function prefixOf(root: string): string {
  return `${PENDING_PREFIX}${encodeURIComponent(root)}/`;
}
