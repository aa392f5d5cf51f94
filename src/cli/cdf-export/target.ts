import { mkdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { ExportTarget } from '../../cdf/export/target.ts';
import type { TableRef } from '../../delta/table.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import { openLocation } from '../location.ts';

/** Where the files go, a folder that is made or `s3://…`, and where the position is. Throws UsageError. */
export async function openTarget(args: ParsedArgs, table: TableRef): Promise<ExportTarget> {
  const to = args.value('to');
  if (to === undefined) throw new UsageError('--to is missing: --to DIR or --to s3://bucket/prefix');
  const { store, root, url } = await openFolder(to);
  if (url === table.url || url.startsWith(`${table.url}/`)) {
    throw new UsageError(`--to is in the table (${table.url}), where a vacuum would delete the files`);
  }
  const position = args.value('position');
  return { store, root, url, ...(position !== undefined && { position: await openObject(position) }) };
}

async function openFolder(text: string): Promise<TableRef> {
  if (!isUrl(text)) await mkdir(resolve(text), { recursive: true });
  return openLocation(text);
}

async function openObject(text: string): Promise<NonNullable<ExportTarget['position']>> {
  if (!isUrl(text)) return { store: (await openFolder(dirname(resolve(text)))).store, key: basename(text) };
  const { store, root } = await openLocation(text);
  if (root === '') throw new UsageError(`--position expects an object, s3://bucket/key, got "${text}"`);
  return { store, key: root };
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
}
