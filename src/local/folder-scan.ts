import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface ScanOptions {
  /** Folder that is the bucket; absolute. */
  readonly root: string;
  /** Called before a folder is read, with its key. */
  readonly onFolder?: (key: string) => void;
  /** Called for each folder that holds a Delta log, with its key: the root of a table. */
  readonly onTable?: (key: string) => void;
  /** Called for a folder that cannot be read; what is in it is not known then. */
  readonly onError: (key: string, error: unknown) => void;
}

/**
 * The keys of the files at and below the folder `key` ('' for all), in no particular order. Hidden folders are passed
 * over, links are not followed. A folder that goes away while it is read holds nothing.
 */
export async function* scanFolder(options: ScanOptions, key = ''): AsyncGenerator<string> {
  const open = [key];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    options.onFolder?.(folder);
    for (const entry of await entriesOf(options, folder)) {
      const child = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isFile()) yield child;
      else if (entry.isDirectory() && entry.name === '_delta_log') options.onTable?.(folder);
      else if (entry.isDirectory() && !isHiddenFolder(entry.name)) open.push(child);
    }
  }
}

/** The path of a key on disk. */
export function pathOfKey(root: string, key: string): string {
  return join(root, ...key.split('/'));
}

/** As Spark takes it: `.name` and `_name`, but not a partition folder `_name=value`. */
export function isHiddenFolder(name: string): boolean {
  return name.startsWith('.') || (name.startsWith('_') && !name.includes('='));
}

async function entriesOf(options: ScanOptions, folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(pathOfKey(options.root, folder), { withFileTypes: true });
  } catch (error) {
    if (!isGone(error)) options.onError(folder, error);
    return [];
  }
}

export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
