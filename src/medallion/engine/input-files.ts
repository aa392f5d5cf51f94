import { mkdir, open } from 'node:fs/promises';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { isParquetError } from '../../parquet/errors.ts';
import { type Footer, parseFooter } from '../../parquet/footer.ts';
import { isStoreError } from '../../storage/object-store.ts';
import type { RelationFile } from '../engine.ts';
import { EngineError, isNoSpace } from './errors.ts';
import { readTail } from './local-file.ts';

/** A data file that was fetched. */
export interface InputFile {
  /** Tells it apart in the session; its name on the disk. */
  readonly index: number;
  /** Absolute. */
  readonly local: string;
  readonly table: TableRef;
  /** Key relative to the table's root. */
  readonly path: string;
  readonly footer: Footer;
}

export interface InputFolder {
  /** Fetches a file, once for all relations that have it. Throws EngineError `FILE_GONE`, `UNREADABLE_FILE`, `DISK_FULL`. */
  fetch(file: Pick<RelationFile, 'table' | 'path' | 'size'>): Promise<InputFile>;
  /** What was fetched. */
  fetched(): AsyncGenerator<InputFile, void>;
}

/** Bytes that one request brings, and that are held of a file. */
const PIECE_BYTES = 8 * 1024 * 1024;

export interface InputOptions {
  readonly folder: string;
  /** Bytes of all files. */
  readonly limit: number;
  /** Throws when the time is up. */
  checkTime(): void;
}

/** The files of a session. */
export function createInputFolder({ folder, limit, checkTime }: InputOptions): InputFolder {
  const known = new Map<string, Promise<InputFile>>();
  let bytes = 0;
  return {
    fetch(file) {
      const id = `${file.table.url}\0${file.path}`;
      const before = known.get(id);
      if (before !== undefined) return before;
      bytes += file.size;
      if (bytes > limit) return Promise.reject(tooLarge(file.table, bytes, limit));
      const fetched = fetchFile({ folder, index: known.size, checkTime }, file);
      known.set(id, fetched);
      return fetched;
    },
    async *fetched() {
      for (const result of await Promise.allSettled(known.values())) {
        if (result.status === 'fulfilled') yield result.value;
      }
    },
  };
}

async function fetchFile(
  { folder, index, checkTime }: Pick<InputOptions, 'folder' | 'checkTime'> & { readonly index: number },
  { table, path, size }: Pick<RelationFile, 'table' | 'path' | 'size'>,
): Promise<InputFile> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) throw unreadable(table, path, "it is not under the table's root");
  const local = `${folder}/${index}.parquet`;
  try {
    await mkdir(folder, { recursive: true });
    const tail = await download({ table, path, size }, local, checkTime);
    return { index, local, table, path, footer: parseFooter(tail, { fileSize: size }) };
  } catch (error) {
    if (isParquetError(error)) throw unreadable(table, path, error.message, error);
    if (isStoreError(error, 'NOT_FOUND')) throw gone(table, path, error);
    if (isStoreError(error, 'PRECONDITION_FAILED') || isStoreError(error, 'INVALID_RANGE')) {
      throw unreadable(table, path, 'it was overwritten: the log is about another version of it', error);
    }
    if (isNoSpace(error)) {
      throw new EngineError('DISK_FULL', `There is no room for "${path}" of ${table.url} (${size} bytes)`, {
        table: table.url,
        path,
        size,
      });
    }
    throw error;
  }
}

/** Copies an object to the disk piece by piece, and gives its end with the whole footer. */
async function download(
  { table, path, size }: Pick<RelationFile, 'table' | 'path' | 'size'>,
  local: string,
  checkTime: () => void,
): Promise<Uint8Array> {
  const key = tableKey(table, path);
  const file = await open(local, 'w+');
  try {
    let etag: string | undefined;
    for (let start = 0; start < size; start += PIECE_BYTES) {
      checkTime();
      const range = { start, end: Math.min(start + PIECE_BYTES, size) };
      const piece = await table.store.get(key, { range, ...(etag !== undefined && { ifMatch: etag }) });
      if (piece.size !== size) {
        throw unreadable(table, path, `it has ${piece.size} bytes, the log says ${size}`);
      }
      ({ etag } = piece);
      await file.write(piece.body, 0, piece.body.length, start);
    }
    return await readTail(file, size);
  } finally {
    await file.close();
  }
}

export function unreadable(table: TableRef, path: string, reason: string, cause?: unknown): EngineError {
  return new EngineError(
    'UNREADABLE_FILE',
    `"${path}" of ${table.url} cannot be read: ${reason}`,
    { table: table.url, path },
    { cause },
  );
}

function gone({ url }: TableRef, path: string, cause: unknown): EngineError {
  return new EngineError(
    'FILE_GONE',
    `"${path}" of ${url} is not there any more (a vacuum deletes what is older than delta.deletedFileRetentionDuration)`,
    { table: url, path },
    { cause },
  );
}

function tooLarge({ url }: TableRef, bytes: number, limit: number): EngineError {
  return new EngineError(
    'DISK_FULL',
    `The files of a batch have ${bytes} bytes or more (the last one is of ${url}), and there is room for ${limit}: give the ` +
      'function more temporary storage, make its batches smaller (limits), or let Spark do the step',
    { table: url, bytes, limit },
  );
}
