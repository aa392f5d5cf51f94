import { randomUUID } from 'node:crypto';
import { link, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoCode, fileCall, headFile, ifPresent, isInside, keyPath, TEMP_FOLDER } from './folder-paths.ts';
import { StoreError } from './object-store.ts';

/** Age in ms from which a temporary file is taken for left over by a crash: no write lasts an hour. */
const TEMP_FILE_LIFETIME = 60 * 60 * 1000;

export interface FolderWriter {
  put(key: string, body: Uint8Array): Promise<void>;
  putStream(key: string, pieces: AsyncIterable<Uint8Array>): Promise<number>;
  putIfAbsent(key: string, body: Uint8Array): Promise<'created' | 'exists'>;
  delete(key: string): Promise<void>;
}

/**
 * The writing half of a folder store. A body is first written whole to a temporary file and synced, then given its
 * name by one atomic call: `rename` replaces, `link` fails where a file of that name is. A crash before that call
 * leaves only the temporary file, one after it a complete object. The folders up to the root are synced before
 * a write returns, so that it also outlives a power failure.
 *
 * Temporary files that a crash left behind are removed by the first write of a later store on the same folder,
 * once they are an hour old.
 */
export function createFolderWriter(root: string): FolderWriter {
  const tempFolder = join(root, TEMP_FOLDER);
  let swept: Promise<void> | undefined;

  async function write<T>(
    operation: 'put' | 'putStream' | 'putIfAbsent',
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    publish: (tempFile: string, path: string, size: number) => Promise<T>,
  ): Promise<T> {
    const path = keyPath(operation, root, key);
    return fileCall(operation, key, async () => {
      const folder = dirname(path);
      if (!(await isInside(root, folder))) {
        throw new StoreError('INVALID_KEY', operation, key, 'the path leads through a symbolic link');
      }
      await makeFolder(tempFolder);
      await makeFolder(folder);
      swept ??= sweep(tempFolder);
      await swept;
      const tempFile = join(tempFolder, randomUUID());
      try {
        const size = await writeSynced(tempFile, body);
        const result = await publish(tempFile, path, size);
        await syncFolders(root, folder);
        return result;
      } finally {
        await unlinkIfAny(tempFile);
      }
    });
  }

  return {
    put: (key, body) => write('put', key, body, rename),
    async putStream(key, pieces) {
      const source = watched(pieces);
      try {
        return await write('putStream', key, source.pieces, async (tempFile, path, size) => {
          await rename(tempFile, path);
          return size;
        });
      } catch (error) {
        // What the pieces throw is none of this store's errors.
        throw source.failure === undefined ? error : source.failure.error;
      }
    },
    async putIfAbsent(key, body) {
      // Saves the writing of a body that cannot win; the link decides.
      if ((await headFile('putIfAbsent', root, key)) !== undefined) return 'exists';
      return write('putIfAbsent', key, body, linkIfAbsent);
    },
    async delete(key) {
      if ((await headFile('delete', root, key)) === undefined) return;
      const path = keyPath('delete', root, key);
      await fileCall('delete', key, async () => {
        await ifPresent(() => unlink(path));
        await ifPresent(() => syncFolder(dirname(path)));
      });
    },
  };
}

interface Watched {
  readonly pieces: AsyncIterable<Uint8Array>;
  /** What they threw. */
  failure?: { readonly error: unknown };
}

function watched(pieces: AsyncIterable<Uint8Array>): Watched {
  const source: Watched = { pieces: { [Symbol.asyncIterator]: () => iterate() } };
  async function* iterate() {
    try {
      yield* pieces;
    } catch (error) {
      source.failure = { error };
      throw error;
    }
  }
  return source;
}

async function linkIfAbsent(tempFile: string, path: string): Promise<'created' | 'exists'> {
  try {
    await link(tempFile, path);
    return 'created';
  } catch (error) {
    if (errnoCode(error) !== 'EEXIST' || !(await lstat(path)).isFile()) throw error;
    return 'exists';
  }
}

/** Returns the bytes written. */
async function writeSynced(path: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(path, 'wx');
  try {
    let size = 0;
    for await (const piece of body instanceof Uint8Array ? [body] : body) {
      await handle.writeFile(piece);
      size += piece.byteLength;
    }
    await handle.sync();
    return size;
  } finally {
    await handle.close();
  }
}

/** Makes a folder and its parents, and syncs the one in which the topmost new folder was entered. */
async function makeFolder(path: string): Promise<void> {
  const topmost = await mkdir(path, { recursive: true });
  if (topmost !== undefined) await syncFolder(dirname(topmost));
}

/** Syncs `folder` and its parents up to `root`, lowest last: another writer may have made one and not synced it yet. */
async function syncFolders(root: string, folder: string): Promise<void> {
  if (folder !== root) await syncFolders(root, dirname(folder));
  await syncFolder(folder);
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sweep(tempFolder: string): Promise<void> {
  const oldest = Date.now() - TEMP_FILE_LIFETIME;
  for (const name of await readdir(tempFolder)) {
    const path = join(tempFolder, name);
    const stats = await ifPresent(() => lstat(path));
    if (stats !== undefined && stats.mtimeMs < oldest) await unlinkIfAny(path);
  }
}

/** A temporary file that stays is harmless: the sweep gets it. */
async function unlinkIfAny(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch {}
}
