import { basename, dirname, resolve } from 'node:path';
import type { TableRef } from '../../delta/table.ts';
import { type FileFormat, formatOfKey } from '../../loader/formats.ts';
import type { LoadJob } from '../../loader/load-file.ts';
import { createFolderStore } from '../../storage/folder-store.ts';
import { UsageError } from '../args.ts';
import { openLocation } from '../location.ts';

/** The file that an argument names. Throws UsageError where its ending says no format, and for a local file that is not there. */
export async function openSource(
  text: string,
  given: FileFormat | undefined,
): Promise<Pick<LoadJob, 'source' | 'format'>> {
  const format = given ?? formatOfKey(text);
  if (format === undefined) throw new UsageError(`the ending of "${text}" says no format; --format does`);
  const source = await locate(text);
  if ((await source.store.head(source.key)) === undefined) throw new UsageError(`there is no file "${text}"`);
  return { source, format };
}

/** The table that an argument names; a local folder need not be there yet. */
export function openTable(text: string): Promise<TableRef> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return openLocation(text);
  const folder = resolve(text);
  return Promise.resolve({ store: createFolderStore(folder), root: '', url: folder });
}

async function locate(text: string): Promise<LoadJob['source']> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    const { store, root, url } = await openLocation(text);
    return { store, key: root, bucket: url.slice(0, url.length - root.length), url };
  }
  const path = resolve(text);
  return { store: createFolderStore(dirname(path)), key: basename(path), bucket: dirname(path), url: path };
}
