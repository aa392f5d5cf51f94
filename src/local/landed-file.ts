import { lstat, open, stat } from 'node:fs/promises';
import { describeFile } from '../storage/folder-paths.ts';
import type { ObjectInfo } from '../storage/object-store.ts';
import { isGone, pathOfKey } from './folder-scan.ts';

/** What the folder store shows of the file, by one call of the file system; undefined when there is none. */
export async function landedFile(root: string, key: string): Promise<ObjectInfo | undefined> {
  const stats = await ifThere(lstat(pathOfKey(root, key), { bigint: true }));
  return stats?.isFile() ? describeFile(key, stats) : undefined;
}

/**
 * A time before which the file cannot have been in the landing folder in its present version, ms; for files found by a
 * scan, of which nobody saw when they came. Used as the time of their event: a commit that holds the file is newer.
 *
 * Usually that is the time of the last write. But that time can be set to any value, also to one in the future; so the
 * time at which the file was made counts too, which cannot be set. Where the file system does not keep it, a time of
 * writing later than the last change of the file's attributes was set by hand, and nothing is known.
 */
export async function earliestLanding(path: string, modified: number): Promise<number> {
  const { birthtimeMs, ctimeMs } = await stat(path);
  if (birthtimeMs > 0) return Math.min(modified, Math.floor(birthtimeMs));
  return modified > ctimeMs ? 0 : modified;
}

/** Parquet files end with these four bytes, or with the other ones when the footer is encrypted (Parquet format, "File format"). */
const PARQUET_ENDS = ['PAR1', 'PARE'];

/** Whether the last bytes are those of a whole Parquet file; a file that is still being written hardly ever has them. */
export async function endsLikeParquet(path: string, size: number): Promise<boolean> {
  if (size < 4) return false;
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, size - 4);
    return bytesRead === 4 && PARQUET_ENDS.includes(buffer.toString('latin1'));
  } catch {
    return false;
  }
}

/**
 * Whether there is a Delta log in one of the key's folders. A table that was deleted together with its log has nothing
 * to be told.
 */
export async function belongsToTable(root: string, key: string): Promise<boolean> {
  const folders = key.split('/').slice(0, -1);
  for (let depth = folders.length; depth >= 0; depth -= 1) {
    const log = pathOfKey(root, [...folders.slice(0, depth), '_delta_log'].join('/'));
    if ((await ifThere(stat(log)))?.isDirectory()) return true;
  }
  return false;
}

async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
