import type { BigIntStats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { assertKey } from './keys.ts';
import { type ObjectInfo, StoreError, type StoreErrorCode } from './object-store.ts';

export type FileOperation = 'get' | 'head' | 'list' | 'put' | 'putStream' | 'putIfAbsent' | 'delete';

/** Folder for half-written objects, in the root of a folder store. A key cannot go through it, and `list` hides it. */
export const TEMP_FOLDER = '.resaca-tmp';

/** The file of a key. Throws `INVALID_KEY` for a key that is not the path of a file below `root`. */
export function keyPath(operation: string, root: string, key: string): string {
  assertKey(operation, key);
  const bad = key.split('/').find((segment) => !isFolderSegment(segment));
  if (bad !== undefined) {
    throw new StoreError('INVALID_KEY', operation, key, `"${bad}" cannot be a part of a key in a folder`);
  }
  return join(root, key);
}

/** Whether a part of a key between slashes can be a file or folder of its own. */
export function isFolderSegment(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..' && segment !== TEMP_FOLDER;
}

/**
 * Whether `folder`, or the nearest of its parents that exists, is reached from `root` without a symbolic link.
 * Links below the root are never followed, so that no key reads or writes outside it; the root may be a link itself.
 */
export async function isInside(root: string, folder: string): Promise<boolean> {
  const realRoot = await ifPresent(() => realpath(root));
  if (realRoot === undefined) return true;
  for (let current = folder; current !== root; current = dirname(current)) {
    const real = await ifPresent(() => realpath(current));
    if (real !== undefined) return real === join(realRoot, relative(root, current));
  }
  return true;
}

/**
 * What a file shows as an object. The etag is made of inode, size and mtime (ns), which cost one `stat`. It changes
 * with every `put`, because that writes a new inode, and with every write in place that changes the size or comes
 * later than the file system's clock tick (a few ms). Not the change time: renames, links and `chmod` alter it while
 * the content stays.
 */
export function describeFile(key: string, stats: BigIntStats): ObjectInfo {
  const { ino, size, mtimeNs } = stats;
  const etag = `${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}`;
  return { key, size: Number(size), etag, modified: Number(mtimeNs / 1_000_000n) };
}

/** The object of a key; undefined where there is no file, or where the way to it leads through a symbolic link. */
export async function headFile(operation: FileOperation, root: string, key: string): Promise<ObjectInfo | undefined> {
  const path = keyPath(operation, root, key);
  return fileCall(operation, key, async () => {
    if (!(await isInside(root, dirname(path)))) return undefined;
    const stats = await ifPresent(() => lstat(path, { bigint: true }));
    return stats?.isFile() ? describeFile(key, stats) : undefined;
  });
}

/** Runs a call on a path; undefined when there is nothing at that path. */
export async function ifPresent<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

export function errnoCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Codes of the file system that say more than "try again". */
const READ_CODES: Readonly<Record<string, StoreErrorCode>> = {
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'NOT_FOUND',
  ELOOP: 'NOT_FOUND',
  ENAMETOOLONG: 'INVALID_KEY',
  EACCES: 'ACCESS_DENIED',
  EPERM: 'ACCESS_DENIED',
};

const WRITE_CODES: Readonly<Record<string, StoreErrorCode>> = {
  ENOTDIR: 'INVALID_KEY',
  EEXIST: 'INVALID_KEY',
  EISDIR: 'INVALID_KEY',
  ENAMETOOLONG: 'INVALID_KEY',
  EACCES: 'ACCESS_DENIED',
  EPERM: 'ACCESS_DENIED',
  EROFS: 'ACCESS_DENIED',
};

/** Runs a call on the file system and turns its errors into `StoreError`s. */
export async function fileCall<T>(operation: FileOperation, key: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const code = errnoCode(error);
    if (error instanceof StoreError || code === undefined) throw error;
    const codes = operation === 'get' || operation === 'head' || operation === 'list' ? READ_CODES : WRITE_CODES;
    const detail = error instanceof Error ? error.message : code;
    throw new StoreError(codes[code] ?? 'UNAVAILABLE', operation, key, detail, { cause: error });
  }
}
