import { isStoreError, type ObjectStore } from '../../storage/object-store.ts';
import { LoadError } from '../load-error.ts';

/** One version of an object. */
export interface SourceObject {
  readonly store: ObjectStore;
  readonly key: string;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

/** Bytes of one GET. Two of them are held, and what the reader has not worked off. */
const BLOCK_BYTES = 8 * 1024 * 1024;
/** Tries of a GET whose connection dropped, beside those of the client. */
const ATTEMPTS = 4;
/** ms before the second try; doubled for each further one. */
const BACKOFF = 100;

/**
 * The bytes of the object from `start` on, by ranged GETs of this version (`If-Match`), one of which is always under way.
 * A GET that fails on the way is made again. Throws `SOURCE_CHANGED` once there is another version or none.
 */
export async function* readBytes(
  source: SourceObject,
  start: number,
  sleep: (ms: number) => Promise<void>,
): AsyncGenerator<Buffer, void> {
  let ahead = start < source.size ? readBlock(source, start, sleep) : undefined;
  for (let position = start; ahead !== undefined; ) {
    const block: Buffer = await ahead;
    position += block.length;
    ahead = position < source.size ? readBlock(source, position, sleep) : undefined;
    // A failure shows when the block is needed; one that is never needed must not end the process.
    ahead?.catch(() => undefined);
    yield block;
  }
}

async function readBlock(
  { store, key, etag, size }: SourceObject,
  start: number,
  sleep: (ms: number) => Promise<void>,
): Promise<Buffer> {
  const range = { start, end: Math.min(start + BLOCK_BYTES, size) };
  for (let attempt = 1; ; attempt++) {
    try {
      const { body } = await store.get(key, { range, ifMatch: etag });
      if (body.byteLength === 0) throw new LoadError('SOURCE_CHANGED', `"${key}" ends at byte ${start} of ${size}`);
      return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    } catch (error) {
      const isGone = ['PRECONDITION_FAILED', 'NOT_FOUND', 'INVALID_RANGE'].some(
        (code) => isStoreError(error) && error.code === code,
      );
      if (isGone) {
        const message = `"${key}" is no longer the object with the etag ${etag} that was begun`;
        throw new LoadError('SOURCE_CHANGED', message, { cause: error });
      }
      if (!isStoreError(error, 'UNAVAILABLE') || attempt === ATTEMPTS) throw error;
      await sleep(BACKOFF * 2 ** (attempt - 1));
    }
  }
}
