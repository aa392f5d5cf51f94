import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { resolveRange } from './byte-range.ts';
import { listFolder } from './folder-list.ts';
import { describeFile, fileCall, headFile, isInside, keyPath } from './folder-paths.ts';
import { createFolderWriter } from './folder-write.ts';
import { type GetOptions, type ObjectStore, type StoredObject, StoreError } from './object-store.ts';

/** Links are not followed, and a pipe that somebody left in the folder must not block the process. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A local folder as a bucket, for POSIX file systems with hard links. Object `a/b c` is the file `<dir>/a/b c`.
 * The folder is made by the first write; until then the store is empty.
 *
 * Beyond the port's contract:
 * - A key cannot hold the segments `.`, `..`, '' and the name of the folder for temporary files (`INVALID_KEY`), nor
 *   can it name a folder, or something below a file. Empty folders are no objects and stay behind after a `delete`.
 * - Symbolic links below the root are neither objects nor folders.
 * - Other programs may write files in place: what a reader sees of such a file is checked to be one state of it.
 */
export function createFolderStore(dir: string): ObjectStore {
  const root = resolve(dir);
  const writer = createFolderWriter(root);
  return {
    get: (key, options) => getFile(root, key, options),
    head: (key) => headFile('head', root, key),
    put: (key, body) => writer.put(key, body),
    putStream: (key, pieces) => writer.putStream(key, pieces),
    putIfAbsent: (key, body) => writer.putIfAbsent(key, body),
    delete: (key) => writer.delete(key),
    list: (prefix, options) => listFolder(root, prefix, options),
  };
}

async function getFile(root: string, key: string, options: GetOptions = {}): Promise<StoredObject> {
  const path = keyPath('get', root, key);
  return fileCall('get', key, async () => {
    if (!(await isInside(root, dirname(path)))) throw notFound(key, 'the path leads through a symbolic link');
    const handle = await open(path, READ_FLAGS);
    try {
      return await readObject(handle, key, options);
    } finally {
      await handle.close();
    }
  });
}

async function readObject(handle: FileHandle, key: string, { range, ifMatch }: GetOptions): Promise<StoredObject> {
  const stats = await handle.stat({ bigint: true });
  if (!stats.isFile()) throw notFound(key, 'there is something else than a file');
  const { etag, size, modified } = describeFile(key, stats);
  if (ifMatch !== undefined && ifMatch !== etag) {
    throw new StoreError('PRECONDITION_FAILED', 'get', key, `the etag is ${etag}, expected ${ifMatch}`);
  }
  const { start, end } = resolveRange(range, size, key);
  const body = await readBytes(handle, start, end - start);
  const after = describeFile(key, await handle.stat({ bigint: true }));
  if (after.etag !== etag || body.byteLength !== end - start) {
    const code = ifMatch === undefined ? 'UNAVAILABLE' : 'PRECONDITION_FAILED';
    throw new StoreError(code, 'get', key, 'the file was written to while it was read');
  }
  return { body, etag, size, modified };
}

/** Reads `length` bytes, fewer only where the file ends. */
async function readBytes(handle: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const body = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(body, filled, length - filled, start + filled);
    if (bytesRead === 0) return body.subarray(0, filled);
    filled += bytesRead;
  }
  return body;
}

function notFound(key: string, detail: string): StoreError {
  return new StoreError('NOT_FOUND', 'get', key, detail);
}
