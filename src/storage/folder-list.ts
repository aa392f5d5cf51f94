import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFile, fileCall, ifPresent, isFolderSegment, isInside } from './folder-paths.ts';
import { compareKeys } from './keys.ts';
import type { ListOptions, ObjectInfo } from './object-store.ts';

/** Files whose size and time are read at the same time; reading ahead further would be in vain if the caller stops. */
const STAT_BATCH = 64;

interface Filter {
  readonly prefix: string;
  readonly startAfter: string | undefined;
}

interface Entry {
  /** Whole key from the root; of a folder with a slash at the end. */
  readonly key: string;
  readonly isFolder: boolean;
}

/**
 * Lists the files below `root` as objects, in the order of the UTF-8 bytes of their whole keys. Reads one folder after
 * the other, when the caller gets there; folders outside `prefix` or before `startAfter` are not read at all.
 * Files and folders that come or go meanwhile are shown or not. Names that are not UTF-8 cannot be keys: left out.
 */
export async function* listFolder(
  root: string,
  prefix: string,
  { startAfter }: ListOptions = {},
): AsyncGenerator<ObjectInfo, void, undefined> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const isPath = folder === '' || folder.slice(0, -1).split('/').every(isFolderSegment);
  if (!isPath || folder.includes('\0')) return;
  if (!(await fileCall('list', prefix, () => isInside(root, join(root, folder))))) return;
  yield* walk(root, folder, { prefix, startAfter });
}

async function* walk(root: string, folder: string, filter: Filter): AsyncGenerator<ObjectInfo, void, undefined> {
  const entries = await readEntries(root, folder, filter);
  let batch: Entry[] = [];
  for (const entry of entries) {
    if (entry.isFolder || batch.length === STAT_BATCH) {
      yield* await describeAll(root, batch);
      batch = [];
    }
    if (entry.isFolder) yield* walk(root, entry.key, filter);
    else batch.push(entry);
  }
  yield* await describeAll(root, batch);
}

/**
 * The entries of a folder in listing order. A folder sorts by its name with a slash behind it, as its keys do: so
 * `a-b` comes before what is in `a`, and `a.b` after it.
 */
async function readEntries(root: string, folder: string, filter: Filter): Promise<Entry[]> {
  const found = await fileCall('list', filter.prefix, () =>
    ifPresent(() => readdir(join(root, folder), { withFileTypes: true, encoding: 'buffer' })),
  );
  return (found ?? [])
    .flatMap((dirent) => toEntry(folder, dirent))
    .filter((entry) => isWanted(entry, filter))
    .sort((left, right) => compareKeys(left.key, right.key));
}

function toEntry(folder: string, dirent: Dirent<NonSharedBuffer>): Entry[] {
  const isFolder = dirent.isDirectory();
  if (!isFolder && !dirent.isFile()) return [];
  if (!isUtf8(dirent.name)) return [];
  const name = dirent.name.toString();
  if (!isFolderSegment(name)) return [];
  return [{ key: `${folder}${name}${isFolder ? '/' : ''}`, isFolder }];
}

function isWanted({ key, isFolder }: Entry, { prefix, startAfter }: Filter): boolean {
  if (!key.startsWith(prefix)) return false;
  if (startAfter === undefined || compareKeys(key, startAfter) > 0) return true;
  return isFolder && startAfter.startsWith(key);
}

async function describeAll(root: string, entries: readonly Entry[]): Promise<ObjectInfo[]> {
  const infos = await Promise.all(entries.map((entry) => describe(root, entry)));
  return infos.filter((info) => info !== undefined);
}

/** Undefined when the file is gone, or is none any more. */
async function describe(root: string, { key }: Entry): Promise<ObjectInfo | undefined> {
  const stats = await fileCall('list', key, () => ifPresent(() => lstat(join(root, key), { bigint: true })));
  return stats?.isFile() ? describeFile(key, stats) : undefined;
}
