import type { TableRef } from '../../delta/table.ts';
import type { ListedFile } from '../../maintenance/stray-files.ts';
import { UsageError } from '../args.ts';
import { csvRows } from './csv-rows.ts';
import type { InventoryRow } from './inventory-row.ts';
import { checkFile, orcError, readManifest } from './manifest.ts';
import { parquetRows } from './parquet-rows.ts';

/** A file of an inventory below a root. */
export interface InventoriedFile extends ListedFile {
  /** Undefined where the inventory does not have it. */
  readonly etag?: string;
}

/**
 * The files below a table's root by an S3 Inventory on disk: its `manifest.json`, with the data files beside it (in `data/`
 * or in the same folder), or one data file, Parquet or CSV, the latter plain or gzip (Amazon S3 user guide, "Amazon S3 Inventory
 * list"). Older versions and delete markers are left out. Memory does not grow with the inventory. Throws UsageError naming
 * what is wrong, and the line.
 */
export async function* readInventory(
  path: string,
  table: Pick<TableRef, 'url' | 'root'>,
): AsyncGenerator<InventoriedFile, void, undefined> {
  for await (const row of rowsOf(path)) {
    const file = row.isNoObject ? undefined : toFile(row, table);
    if (file !== undefined) yield file;
  }
}

async function* rowsOf(path: string): AsyncGenerator<InventoryRow, void, undefined> {
  if (path.endsWith('.orc')) throw orcError(path);
  if (path.endsWith('.parquet')) return yield* parquetRows(path);
  if (!path.endsWith('.json')) return yield* csvRows(path, undefined);
  const { format, columns, files } = await readManifest(path);
  for (const file of files) {
    await checkFile(file);
    yield* format === 'Parquet' ? parquetRows(file.path) : csvRows(file.path, columns);
  }
}

function toFile(
  { where, bucket: of, key, size, modified, etag }: InventoryRow,
  { url, root }: Pick<TableRef, 'url' | 'root'>,
): InventoriedFile | undefined {
  const bucket = /^s3:\/\/([^/]+)/.exec(url)?.[1];
  if (bucket !== undefined && of !== undefined && of !== bucket) {
    throw new UsageError(`${where} is of the bucket "${of}", and the table is in "${bucket}"`);
  }
  const prefix = root === '' ? '' : `${root}/`;
  if (!key.startsWith(prefix) || key === prefix) return undefined;
  return { path: key.slice(prefix.length), size, modified, ...(etag !== undefined && { etag }) };
}
