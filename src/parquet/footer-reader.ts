import { type ObjectStore, type StoredObject, StoreError } from '../storage/object-store.ts';
import { ParquetError } from './errors.ts';
import {
  type Footer,
  footerLength,
  hasMagicAt,
  type ParseFooterOptions,
  parseFooter,
  TRAILER_BYTES,
} from './footer.ts';

export interface FileVersion {
  /** Size of the file in bytes. */
  readonly size: number;
  /** The version to read; another one is refused. */
  readonly etag?: string;
}

export interface ReadFooterOptions extends Omit<ParseFooterOptions, 'fileSize'> {
  /** Awaited once the length of the footer is known, before the rest of a long one is read. What it throws ends the read. */
  readonly onLength?: (bytes: number) => Promise<void>;
}

/**
 * Bytes that the first request reads from the end of a file. 64 KiB hold the footer of about 300 column chunks with
 * statistics, which is nearly every file that a writer of batches leaves, and add less than a millisecond to a request
 * that takes S3 about 20 ms to begin to answer.
 */
export const TAIL_BYTES = 64 * 1024;

/**
 * Reads the footer of a file: one ranged GET for a footer that fits in `TAIL_BYTES`, exactly one more for a longer one.
 *
 * Throws a `ParquetError` that names the key for what is wrong in the file. Throws the store's errors as they come:
 * `NOT_FOUND`, and `PRECONDITION_FAILED` when the file is not (or no longer) the version asked for, be it by etag or size.
 */
export async function readFooter(
  store: ObjectStore,
  key: string,
  version: FileVersion,
  { onLength, ...options }: ReadFooterOptions = {},
): Promise<Footer> {
  const parseOptions = { ...options, fileSize: version.size };
  try {
    return parseFooter(await readTail(store, key, version, parseOptions, onLength), parseOptions);
  } catch (error) {
    if (!(error instanceof ParquetError)) throw error;
    const known = await explain(store, key, version, error);
    throw new ParquetError(known.code, `"${key}": ${known.message}`, { ...known.data, key }, { cause: error });
  }
}

async function readTail(
  store: ObjectStore,
  key: string,
  { size, etag }: FileVersion,
  options: ParseFooterOptions,
  onLength: ReadFooterOptions['onLength'],
): Promise<Uint8Array> {
  if (size === 0) return new Uint8Array(0);
  const tailStart = Math.max(0, size - TAIL_BYTES);
  const tail = await store.get(key, { range: { start: tailStart, end: size }, ...ifMatch(etag) });
  checkSize(tail, key, size);
  const length = footerLength(tail.body, options);
  await onLength?.(length);
  const start = size - TRAILER_BYTES - length;
  if (start >= tailStart) return tail.body;
  const rest = await store.get(key, { range: { start, end: tailStart }, ifMatch: etag ?? tail.etag });
  checkSize(rest, key, size);
  return Buffer.concat([rest.body, tail.body]);
}

function ifMatch(etag: string | undefined): { readonly ifMatch?: string } {
  return etag === undefined ? {} : { ifMatch: etag };
}

/** Without an etag from the caller, the size still tells most overwrites. */
function checkSize(object: StoredObject, key: string, size: number): void {
  if (object.size === size) return;
  throw new StoreError('PRECONDITION_FAILED', 'get', key, `it has ${object.size} bytes, ${size} were expected`);
}

/** One more request, on the way to an error: a file without its end is told from one that never was Parquet. */
async function explain(
  store: ObjectStore,
  key: string,
  version: FileVersion,
  error: ParquetError,
): Promise<ParquetError> {
  if (error.code !== 'NOT_PARQUET' || version.size <= TAIL_BYTES) return error;
  const head = await store.get(key, { range: { start: 0, end: 4 }, ...ifMatch(version.etag) });
  if (!hasMagicAt(head.body, 0)) return error;
  return new ParquetError('TRUNCATED', 'the file starts as Parquet, but has no footer at its end', error.data);
}
