import type { ActionFile } from '../delta/checkpoint.ts';
import { isStoreError, type ObjectStore, StoreError } from '../storage/object-store.ts';
import { ParquetError } from './errors.ts';
import { type Footer, footerLength, parseFooter, TRAILER_BYTES } from './footer.ts';
import { TAIL_BYTES } from './footer-reader.ts';
import { objectSource, type RangeSource, withPieces } from './range-source.ts';

/** A Parquet file of actions whose footer is read. All reads after that are of the same version of the object. */
export interface CheckpointFile {
  readonly footer: Footer;
  readonly source: RangeSource;
  /** Where the footer starts. */
  readonly dataEnd: number;
}

/** Times that a file is looked at again when its size turns out to be another one. */
const MAX_SIZES = 3;

/**
 * Reads the footer: one ranged GET (two for a footer above 64 KiB), and a HEAD before it when the size is not known or
 * is not right. The end of the file stays in memory: in what delta-rs writes, the columns of the few actions are there.
 */
export async function openCheckpointFile(store: ObjectStore, file: ActionFile): Promise<CheckpointFile> {
  let size = file.size ?? (await headSize(store, file.key));
  for (let attempt = 1; ; attempt++) {
    const tail = await readTail(store, file.key, size);
    if (tail !== undefined && tail.size === size) return readFooter(store, file.key, tail);
    if (attempt === MAX_SIZES) {
      throw new StoreError('PRECONDITION_FAILED', 'get', file.key, `its size keeps changing, last from ${size} bytes`);
    }
    size = tail?.size ?? (await headSize(store, file.key));
  }
}

interface Tail {
  readonly bytes: Buffer;
  readonly start: number;
  /** Of the whole object. */
  readonly size: number;
  readonly etag: string;
}

/** The last bytes of an object that is thought to have `size` bytes; undefined when it has not nearly as many. */
async function readTail(store: ObjectStore, key: string, size: number): Promise<Tail | undefined> {
  if (size === 0) throw new ParquetError('EMPTY', 'the file is empty');
  const start = Math.max(0, size - TAIL_BYTES);
  try {
    const { body, etag, size: actual } = await store.get(key, { range: { start, end: size } });
    return { bytes: Buffer.from(body.buffer, body.byteOffset, body.byteLength), start, size: actual, etag };
  } catch (error) {
    if (isStoreError(error, 'INVALID_RANGE')) return undefined;
    throw error;
  }
}

async function readFooter(store: ObjectStore, key: string, tail: Tail): Promise<CheckpointFile> {
  const { size } = tail;
  const object = objectSource(store, key, tail.etag);
  const dataEnd = size - TRAILER_BYTES - footerLength(tail.bytes, { fileSize: size });
  const missing = dataEnd < tail.start ? await object.read({ start: dataEnd, end: tail.start }) : Buffer.alloc(0);
  const footer = parseFooter(Buffer.concat([missing, tail.bytes]), { fileSize: size });
  return { footer, source: withPieces(object, [tail]), dataEnd };
}

async function headSize(store: ObjectStore, key: string): Promise<number> {
  const info = await store.head(key);
  if (info === undefined) throw new StoreError('NOT_FOUND', 'head', key, 'there is no such object');
  return info.size;
}
