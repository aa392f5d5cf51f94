import { realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isParquetError } from '../../parquet/errors.ts';
import { type FlatBatch, openFlatFile } from '../../parquet/flat-file.ts';
import { createFolderStore } from '../../storage/folder-store.ts';
import { UsageError } from '../args.ts';
import { assertObject, type InventoryRow } from './inventory-row.ts';

/** Those of the columns that are of use (Amazon S3 user guide, "Locating your inventory list", manifest of Parquet). */
const COLUMNS = {
  bucket: 'string',
  key: 'string',
  is_latest: 'boolean',
  is_delete_marker: 'boolean',
  size: 'integer',
  last_modified_date: 'timestamp',
  e_tag: 'string',
} as const;
const NEEDED = ['key', 'size', 'last_modified_date'] as const;

/**
 * The rows of a Parquet file, whose keys stand as they are: only those of CSV inventories are URL-encoded (Amazon S3 user guide,
 * "Amazon S3 Inventory list"). Streamed, whatever the size of its row groups. Throws UsageError naming the file.
 */
export async function* parquetRows(path: string): AsyncGenerator<InventoryRow, void, undefined> {
  try {
    const real = await realpath(path);
    const file = await openFlatFile(createFolderStore(dirname(real)), basename(real), COLUMNS);
    const missing = NEEDED.filter((name) => !file.columns.has(name));
    if (missing.length > 0) throw new UsageError(`${path} lacks the columns ${missing.join(', ')}`);
    for await (const batch of file.batches()) yield* rowsOf(path, batch);
  } catch (error) {
    if (isParquetError(error)) throw new UsageError(`${path} is no Parquet file of an inventory: ${error.message}`);
    throw error;
  }
}

function* rowsOf(path: string, { firstRow, rowCount, cells }: FlatBatch<typeof COLUMNS>): Generator<InventoryRow> {
  for (let index = 0; index < rowCount; index++) {
    const where = `${path}, row ${firstRow + index + 1}`;
    const key = cells.key?.[index];
    if (typeof key !== 'string') throw new UsageError(`${where} has no key`);
    const row: InventoryRow = {
      where,
      bucket: cells.bucket === undefined ? undefined : (cells.bucket[index] ?? ''),
      key,
      size: cells.size?.[index] ?? Number.NaN,
      modified: cells.last_modified_date?.[index] ?? Number.NaN,
      etag: cells.e_tag?.[index] || undefined,
      isNoObject: cells.is_latest?.[index] === false || cells.is_delete_marker?.[index] === true,
    };
    assertObject(row, { size: cells.size?.[index], time: cells.last_modified_date?.[index] });
    yield row;
  }
}
