import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UsageError } from '../args.ts';
import type { InventoryFile } from './inventory-row.ts';

export type InventoryFormat = 'CSV' | 'Parquet';

export interface Manifest {
  readonly format: InventoryFormat;
  /** Names of the columns; those of CSV files in their order. */
  readonly columns: readonly string[];
  readonly files: readonly InventoryFile[];
}

/**
 * Reads the `manifest.json` of an inventory (Amazon S3 user guide, "Locating your inventory list") and finds its data files
 * beside it. If `manifest.checksum` is there, the manifest has to have it. Throws UsageError naming what is wrong.
 */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, 'utf8');
  await checkManifest(path, text);
  const { fileFormat, fileSchema, files } = parseJson(path, text);
  if (fileFormat === 'ORC') throw orcError(path);
  if (fileFormat !== 'CSV' && fileFormat !== 'Parquet') {
    throw new UsageError(`${path} is of an inventory in ${String(fileFormat)}, expected CSV or Parquet`);
  }
  if (typeof fileSchema !== 'string' || !Array.isArray(files)) {
    throw new UsageError(`${path} is no manifest of an inventory: fileSchema or files is missing`);
  }
  return {
    format: fileFormat,
    columns: columnsOf(fileFormat, fileSchema),
    files: files.map((file) => locate(path, file)),
  };
}

/** For what is in a format that is not read. */
export function orcError(path: string): UsageError {
  return new UsageError(
    `${path} is of an inventory in ORC, which is not read here: set the output format of the inventory configuration to ` +
      'Apache Parquet or CSV',
  );
}

/** Throws unless a data file has the size and the MD5 that its manifest gives it; before a line of it counts. */
export async function checkFile({ path, size, md5 }: InventoryFile): Promise<void> {
  const got = size === undefined ? undefined : (await stat(path)).size;
  if (got !== size) throw new UsageError(`${path} has ${got} bytes, its manifest says ${size}: download it again`);
  if (md5 === undefined) return;
  const hash = createHash('md5');
  await pipeline(createReadStream(path), hash);
  expectMd5(path, hash.digest('hex'), md5);
}

async function checkManifest(path: string, text: string): Promise<void> {
  const checksum = join(dirname(path), `${basename(path, '.json')}.checksum`);
  if (!existsSync(checksum)) return;
  const expected = (await readFile(checksum, 'utf8')).trim();
  expectMd5(path, createHash('md5').update(text).digest('hex'), expected);
}

function expectMd5(path: string, got: string, expected: string): void {
  if (got === expected.toLowerCase()) return;
  throw new UsageError(
    `${path} has the MD5 ${got}, expected ${expected}: it was changed or cut off, download it again`,
  );
}

/** `Bucket, Key, …` of CSV; of Parquet a schema as parquet-mr writes it, `message s3.inventory { required binary bucket (UTF8); … }`. */
function columnsOf(format: InventoryFormat, schema: string): string[] {
  if (format === 'CSV') return schema.split(',').map((name) => name.trim());
  return Array.from(schema.matchAll(/\b(?:required|optional)\s+\w+\s+(\w+)/g), ([, name = '']) => name);
}

function locate(manifest: string, entry: unknown): InventoryFile {
  const { key, size, MD5checksum: md5 } = (entry ?? {}) as { key?: unknown; size?: unknown; MD5checksum?: unknown };
  const name = basename(String(key));
  const folder = dirname(manifest);
  const places = [join(folder, name), join(folder, 'data', name), join(folder, '..', 'data', name)];
  const path = places.find((place) => existsSync(place));
  if (path === undefined) throw new UsageError(`the inventory's file ${name} is not beside its manifest in ${folder}`);
  return { path, ...(typeof size === 'number' && { size }), ...(typeof md5 === 'string' && { md5 }) };
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
