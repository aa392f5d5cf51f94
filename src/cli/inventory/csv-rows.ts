import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { UsageError } from '../args.ts';
import { assertObject, type InventoryRow } from './inventory-row.ts';

/** The columns of a file that comes without a `manifest.json`. */
const DEFAULT_COLUMNS = ['Bucket', 'Key', 'Size', 'LastModifiedDate'];
const NEEDED = ['Key', 'Size', 'LastModifiedDate'];

/** The lines of a CSV file, plain or gzip; without `given` columns its first line may have their names. Throws UsageError. */
export async function* csvRows(
  path: string,
  given: readonly string[] | undefined,
): AsyncGenerator<InventoryRow, void, undefined> {
  const raw = createReadStream(path);
  const input = path.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (error) => input.destroy(error));
  let columns = given;
  if (columns !== undefined) assertColumns(columns, path);
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (line === '') continue;
    const where = `${path}, line ${number}`;
    const cells = parseLine(line, where);
    if (columns === undefined) {
      columns = cells.includes('Key') ? cells : DEFAULT_COLUMNS;
      assertColumns(columns, path);
      if (cells.includes('Key')) continue;
    }
    yield toRow(cells, columns, where);
  }
}

function assertColumns(columns: readonly string[], path: string): void {
  const missing = NEEDED.filter((name) => !columns.includes(name));
  if (missing.length > 0) throw new UsageError(`${path} lacks the columns ${missing.join(', ')}`);
}

/** Cells in quotes, as S3 writes them, or without. */
function parseLine(line: string, where: string): string[] {
  const cells: string[] = [];
  const cell = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/gy;
  for (;;) {
    const [matched, quoted, plain = '', end] = cell.exec(line) ?? [];
    if (matched === undefined) throw new UsageError(`${where} is no line of a CSV file`);
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '') return cells;
  }
}

function toRow(cells: readonly string[], columns: readonly string[], where: string): InventoryRow {
  const value = (name: string): string => cells[columns.indexOf(name)] ?? '';
  const row: InventoryRow = {
    where,
    bucket: columns.includes('Bucket') ? value('Bucket') : undefined,
    key: decodeKey(value('Key'), where),
    size: Number(value('Size') === '' ? Number.NaN : value('Size')),
    modified: Date.parse(value('LastModifiedDate')),
    etag: value('ETag') === '' ? undefined : value('ETag'),
    isNoObject: value('IsLatest') === 'false' || value('IsDeleteMarker') === 'true',
  };
  assertObject(row, { size: value('Size'), time: value('LastModifiedDate') });
  return row;
}

/** Keys are URL-encoded in CSV inventories, and in no others. A plus sign stands for a space: a real one is encoded. */
function decodeKey(text: string, where: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new UsageError(`${where} has the key "${text}", which is not URL-encoded`);
  }
}
