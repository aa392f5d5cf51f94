import { mapConcurrently } from '../../ingest/concurrently.ts';
import { isStoreError, type ObjectInfo, type ObjectStore } from '../../storage/object-store.ts';
import { KafkaEventError, parseMskEvent } from '../msk-event.ts';
import type { KafkaRecord } from '../record.ts';

/** An object that the mapping wrote because the function did not take a batch. */
export interface FailedBatch {
  readonly key: string;
  readonly etag: string;
  readonly records: readonly KafkaRecord[];
}

/** An object that is no such batch. */
export interface OtherObject {
  readonly key: string;
  readonly reason: string;
}

/** Where the objects are. */
export interface BatchSource {
  readonly store: ObjectStore;
  readonly prefix: string;
  /** Whether the prefix is the key of the one object that is meant. @default false */
  readonly isObject?: boolean;
}

export interface BatchStep {
  readonly batches: readonly FailedBatch[];
  readonly others: readonly OtherObject[];
}

/** Largest object that is read, bytes. A batch has 6 MB at most (Lambda's limit of a payload), and is quoted once. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
/** Objects that are replayed together: their bytes, and their number. Small batches become one file then. */
const MAX_STEP_BYTES = 32 * 1024 * 1024;
const MAX_STEP_OBJECTS = 500;
/** Objects that are read at the same time. */
const READS = 8;

/**
 * Reads the objects of a source in steps. Objects that are no records of failed invocations are named, with the reason.
 * Throws the store's errors.
 */
export async function* readFailedBatches({ store, prefix, isObject = false }: BatchSource): AsyncGenerator<BatchStep> {
  let objects: ObjectInfo[] = [];
  let bytes = 0;
  for await (const object of store.list(prefix)) {
    const { key, size } = object;
    // Consoles make such objects as folders.
    if ((key.endsWith('/') && size === 0) || (isObject && key !== prefix)) continue;
    if (objects.length >= MAX_STEP_OBJECTS || (objects.length > 0 && bytes + size > MAX_STEP_BYTES)) {
      yield await readStep(store, objects);
      objects = [];
      bytes = 0;
    }
    objects.push(object);
    bytes += size;
  }
  if (objects.length > 0) yield await readStep(store, objects);
}

async function readStep(store: ObjectStore, objects: readonly ObjectInfo[]): Promise<BatchStep> {
  const batches: FailedBatch[] = [];
  const others: OtherObject[] = [];
  for (const read of await mapConcurrently(objects, READS, ({ key, size }) => readBatch(store, key, size))) {
    if (read === undefined) continue;
    if ('reason' in read) others.push(read);
    else batches.push(read);
  }
  return { batches, others };
}

/** Undefined for an object that is gone, as another replay leaves it that removes what it has done. */
async function readBatch(
  store: ObjectStore,
  key: string,
  size: number,
): Promise<FailedBatch | OtherObject | undefined> {
  if (size > MAX_OBJECT_BYTES) return { key, reason: `it has ${size} bytes, the limit is ${MAX_OBJECT_BYTES}` };
  const object = await ifPresent(store.get(key));
  if (object === undefined) return undefined;
  const { body, etag } = object;
  let event: unknown;
  try {
    event = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return { key, reason: 'it is no JSON' };
  }
  try {
    return { key, etag, records: parseMskEvent(event).partitions.flatMap(({ records }) => records) };
  } catch (error) {
    if (!(error instanceof KafkaEventError)) throw error;
    return { key, reason: error.message };
  }
}

async function ifPresent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Removes a batch, unless the object is another one by now. Returns whether it is gone. Throws the store's errors. */
export async function deleteBatch(store: ObjectStore, { key, etag }: FailedBatch): Promise<boolean> {
  const info = await store.head(key);
  if (info !== undefined && info.etag !== etag) return false;
  await store.delete(key);
  return true;
}
