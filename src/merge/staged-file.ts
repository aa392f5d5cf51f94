import { isParquetError } from '../parquet/errors.ts';
import { footerLength, parseFooter, TRAILER_BYTES } from '../parquet/footer.ts';
import { objectSource, withPieces } from '../parquet/range-source.ts';
import { type DataFile, openDataFile } from '../parquet/rewrite/data-file.ts';
import { UnfitFileError } from '../parquet/rewrite/rewrite-error.ts';
import { digestOf, type Identity } from '../queue/identity.ts';
import { isStoreError, type ObjectStore, type StoreError } from '../storage/object-store.ts';

/** One version of a small file, as its event tells. */
export interface StagedFile {
  readonly key: string;
  /** Where it would lie in the table. */
  readonly relative: string;
  /** Bytes. */
  readonly size: number;
  readonly etag?: string;
  readonly sequencer?: string;
  /** When it was written, ms since the epoch. */
  readonly time: number;
  readonly identity: Identity;
}

/**
 * By what a version of an object is recognised when its event comes again: what the bucket, the key and the content are. A
 * commit with its rows was made after the event.
 */
export function identifyObject(
  { bucket, key, etag, sequencer, time }: Pick<StagedFile, 'key' | 'etag' | 'sequencer' | 'time'> & { bucket: string },
  clockMargin: number,
): Identity {
  const version = etag === undefined ? `#${sequencer ?? ''}` : etag;
  return { digest: digestOf('object', `${bucket}\0${key}\0${version}`), since: time - clockMargin };
}

/** A version of a small file. `relative` is where it would lie in its table. */
export function stagedFile(
  {
    bucket,
    key,
    size,
    etag,
    sequencer,
    time,
  }: {
    readonly bucket: string;
    readonly key: string;
    readonly size: number;
    readonly etag?: string | undefined;
    readonly sequencer?: string | undefined;
    readonly time: number;
  },
  relative: string,
  clockMargin: number,
): StagedFile {
  const version = { key, time, ...(etag !== undefined && { etag }), ...(sequencer !== undefined && { sequencer }) };
  return { ...version, relative, size, identity: identifyObject({ ...version, bucket }, clockMargin) };
}

/** What a look at a file gave. */
export type OpenedFile =
  | { readonly kind: 'file'; readonly staged: StagedFile; readonly file: DataFile }
  | { readonly kind: 'unreadable'; readonly staged: StagedFile; readonly reason: string; readonly detail: string }
  /** It was deleted or overwritten before it was read. */
  | { readonly kind: 'gone'; readonly staged: StagedFile }
  /** It could not be looked at; nothing is known of it. */
  | { readonly kind: 'failed'; readonly staged: StagedFile; readonly error: StoreError };

/** Reads a file that has at most `wholeBytes` bytes, by one GET; of a larger one the footer. Throws what is no error of the store. */
export async function openStaged(store: ObjectStore, staged: StagedFile, wholeBytes: number): Promise<OpenedFile> {
  try {
    const file = staged.size <= wholeBytes ? await readWhole(store, staged) : await openLarge(store, staged);
    return file === undefined ? { kind: 'gone', staged } : { kind: 'file', staged, file };
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND') || isStoreError(error, 'PRECONDITION_FAILED')) return { kind: 'gone', staged };
    if (isStoreError(error)) return { kind: 'failed', staged, error };
    if (isParquetError(error)) return { kind: 'unreadable', staged, reason: error.code, detail: error.message };
    if (!(error instanceof UnfitFileError)) throw error;
    if (isStoreError(error.cause, 'NOT_FOUND')) return { kind: 'gone', staged };
    const reason = isParquetError(error.cause) ? error.cause.code : 'UNREADABLE';
    return { kind: 'unreadable', staged, reason, detail: error.message };
  }
}

async function readWhole(store: ObjectStore, { key, etag }: StagedFile): Promise<DataFile> {
  const { body, size, etag: actual } = await store.get(key, etag === undefined ? {} : { ifMatch: etag });
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const footer = parseFooter(bytes);
  const source = withPieces(objectSource(store, key, actual), [{ start: 0, bytes }]);
  return { key, size, footer, source, dataEnd: size - TRAILER_BYTES - footerLength(bytes) };
}

/** All later reads are of the version whose footer was read; that it is the event's is asked after that. */
async function openLarge(store: ObjectStore, { key, size, etag }: StagedFile): Promise<DataFile | undefined> {
  const file = await openDataFile(store, key, size);
  if (etag === undefined) return file;
  return (await store.head(key))?.etag === etag ? file : undefined;
}
