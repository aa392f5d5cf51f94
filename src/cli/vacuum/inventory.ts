import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { TableRef } from '../../delta/table.ts';
import type { ListedFile } from '../../maintenance/stray-files.ts';
import { UsageError } from '../args.ts';

/** The columns of a file that comes without a `manifest.json`. */
const DEFAULT_COLUMNS = ['Bucket', 'Key', 'Size', 'LastModifiedDate'];
const NEEDED = ['Key', 'Size', 'LastModifiedDate'];

/**
 * The files below a table's root by an S3 Inventory on disk: its `manifest.json`, with the data files beside it (in `data/`
 * or in the same folder), or one data file, CSV, plain or gzip (Amazon S3 user guide, "Amazon S3 Inventory list"). Older
 * versions and delete markers are left out. Throws UsageError naming what is wrong, and the line.
 */
export async function* readInventory(
  path: string,
  table: Pick<TableRef, 'url' | 'root'>,
): AsyncGenerator<ListedFile, void, undefined> {
  const { columns, files } = path.endsWith('.json') ? await readManifest(path) : { columns: undefined, files: [path] };
  for (const file of files) yield* readData(file, columns, table);
}

interface Manifest {
  readonly columns: readonly string[];
  readonly files: readonly string[];
}

async function readManifest(path: string): Promise<Manifest> {
  const { fileFormat, fileSchema, files } = parseJson(path, await readFile(path, 'utf8'));
  if (fileFormat !== 'CSV') throw new UsageError(`${path} is of an inventory in ${fileFormat}, expected CSV`);
  if (typeof fileSchema !== 'string' || !Array.isArray(files)) {
    throw new UsageError(`${path} is no manifest of an inventory: fileSchema or files is missing`);
  }
  const names = files.map(({ key }: { key?: unknown }) => basename(String(key)));
  const folder = dirname(path);
  return { columns: fileSchema.split(',').map((name) => name.trim()), files: await locate(folder, names) };
}

async function locate(folder: string, names: readonly string[]): Promise<string[]> {
  const { existsSync } = await import('node:fs');
  return names.map((name) => {
    const places = [join(folder, name), join(folder, 'data', name), join(folder, '..', 'data', name)];
    const found = places.find((place) => existsSync(place));
    if (found === undefined)
      throw new UsageError(`the inventory's file ${name} is not beside its manifest in ${folder}`);
    return found;
  });
}

function parseJson(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new UsageError(`${path} is no JSON object`);
}

async function* readData(
  path: string,
  given: readonly string[] | undefined,
  table: Pick<TableRef, 'url' | 'root'>,
): AsyncGenerator<ListedFile, void, undefined> {
  const raw = createReadStream(path);
  const input = path.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  raw.on('error', (error) => input.destroy(error));
  let columns = given;
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (line === '') continue;
    const cells = parseLine(line, `${path}, line ${number}`);
    if (columns === undefined) {
      columns = cells.includes('Key') ? cells : DEFAULT_COLUMNS;
      assertColumns(columns, path);
      if (cells.includes('Key')) continue;
    }
    const file = toFile(cells, columns, table, `${path}, line ${number}`);
    if (file !== undefined) yield file;
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

function toFile(
  cells: readonly string[],
  columns: readonly string[],
  { url, root }: Pick<TableRef, 'url' | 'root'>,
  where: string,
): ListedFile | undefined {
  const value = (name: string): string => cells[columns.indexOf(name)] ?? '';
  if (value('IsLatest') === 'false' || value('IsDeleteMarker') === 'true') return undefined;
  const bucket = /^s3:\/\/([^/]+)/.exec(url)?.[1];
  if (bucket !== undefined && columns.includes('Bucket') && value('Bucket') !== bucket) {
    throw new UsageError(`${where} is of the bucket "${value('Bucket')}", and the table is in "${bucket}"`);
  }
  const key = decodeKey(value('Key'), where);
  const prefix = root === '' ? '' : `${root}/`;
  if (!key.startsWith(prefix) || key === prefix) return undefined;
  const size = Number(value('Size') === '' ? Number.NaN : value('Size'));
  const modified = Date.parse(value('LastModifiedDate'));
  if (!Number.isSafeInteger(size) || Number.isNaN(modified)) {
    throw new UsageError(`${where} has the size "${value('Size')}" and the time "${value('LastModifiedDate')}"`);
  }
  return { path: key.slice(prefix.length), size, modified };
}

/** Keys are URL-encoded in CSV inventories. A plus sign stands for a space: a real one is encoded. */
function decodeKey(text: string, where: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new UsageError(`${where} has the key "${text}", which is not URL-encoded`);
  }
}
