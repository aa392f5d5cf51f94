import type { AddFile } from '../../delta/actions.ts';

/** Files below this size are small: an eighth of the 128 MiB that Delta's auto compaction aims at. Bytes. */
export const SMALL_FILE = 16 * 2 ** 20;

/** Partitions that are told apart; above it only those that came first are. Bounds memory to some 30 MB. */
export const MAX_PARTITIONS = 100_000;

/** Upper ends of the size classes, exclusive, bytes; the last class has none. */
export const SIZE_CLASSES: readonly number[] = [
  2 ** 16,
  2 ** 20,
  SMALL_FILE,
  2 ** 27,
  2 ** 30,
  Number.POSITIVE_INFINITY,
];

export interface PartitionTotals {
  readonly values: Readonly<Record<string, string | null>>;
  files: number;
  bytes: number;
  rows: number;
}

/** Sums over the active files of a table. */
export interface FileTotals {
  files: number;
  bytes: number;
  /** Without the rows of files that do not tell their number; rows that deletion vectors hide are not counted. */
  rows: number;
  /** Files that do not tell their number of rows. */
  filesWithoutRowCount: number;
  /** Files with no statistics at all, or none that can be read. */
  filesWithoutStats: number;
  filesWithDeletionVector: number;
  smallFiles: number;
  /** Bytes; 0 in an empty table. */
  smallest: number;
  largest: number;
  /** ms since the epoch; undefined in an empty table. */
  oldest: number | undefined;
  newest: number | undefined;
  /** Files of each of `SIZE_CLASSES`. */
  readonly sizeClasses: number[];
  /** By the JSON text of the values. */
  readonly partitions: Map<string, PartitionTotals>;
  /** Whether there are more partitions than `partitions` holds. */
  morePartitions: boolean;
}

export function emptyTotals(): FileTotals {
  return {
    files: 0,
    bytes: 0,
    rows: 0,
    filesWithoutRowCount: 0,
    filesWithoutStats: 0,
    filesWithDeletionVector: 0,
    smallFiles: 0,
    smallest: 0,
    largest: 0,
    oldest: undefined,
    newest: undefined,
    sizeClasses: SIZE_CLASSES.map(() => 0),
    partitions: new Map(),
    morePartitions: false,
  };
}

/** Adds a file to the sums. */
export function countFile(totals: FileTotals, add: AddFile, isPartitioned: boolean): void {
  const rows = rowCount(add);
  totals.smallest = totals.files === 0 ? add.size : Math.min(totals.smallest, add.size);
  totals.largest = Math.max(totals.largest, add.size);
  totals.oldest = Math.min(totals.oldest ?? add.modificationTime, add.modificationTime);
  totals.newest = Math.max(totals.newest ?? add.modificationTime, add.modificationTime);
  totals.files += 1;
  totals.bytes += add.size;
  totals.rows += rows ?? 0;
  if (rows === undefined) totals.filesWithoutRowCount += 1;
  if (!hasStats(add)) totals.filesWithoutStats += 1;
  if (add.deletionVector !== undefined) totals.filesWithDeletionVector += 1;
  if (add.size < SMALL_FILE) totals.smallFiles += 1;
  const sizeClass = SIZE_CLASSES.findIndex((end) => add.size < end);
  totals.sizeClasses[sizeClass] = (totals.sizeClasses[sizeClass] ?? 0) + 1;
  if (isPartitioned) countPartition(totals, add, rows ?? 0);
}

function countPartition(totals: FileTotals, add: AddFile, rows: number): void {
  const id = JSON.stringify(add.partitionValues);
  let partition = totals.partitions.get(id);
  if (partition === undefined) {
    if (totals.partitions.size >= MAX_PARTITIONS) {
      totals.morePartitions = true;
      return;
    }
    partition = { values: add.partitionValues, files: 0, bytes: 0, rows: 0 };
    totals.partitions.set(id, partition);
  }
  partition.files += 1;
  partition.bytes += add.size;
  partition.rows += rows;
}

/** All known writers put the number of rows first; then the rest, which may be long, need not be parsed. */
const ROWS_FIRST = /^\s*\{\s*"numRecords"\s*:\s*(\d+)\s*[,}]/;

/** Rows of the file that are not deleted; undefined when its statistics do not tell. */
export function rowCount(add: AddFile): number | undefined {
  if (!hasStats(add)) return undefined;
  const first = ROWS_FIRST.exec(add.stats)?.[1];
  const records = first === undefined ? parsedRowCount(add.stats) : Number(first);
  return records === undefined ? undefined : records - (add.deletionVector?.cardinality ?? 0);
}

function hasStats(add: AddFile): add is AddFile & { readonly stats: string } {
  return add.stats !== undefined && add.stats !== '' && add.stats !== '{}';
}

function parsedRowCount(stats: string): number | undefined {
  try {
    const { numRecords } = JSON.parse(stats) as { numRecords?: unknown };
    return typeof numRecords === 'number' && Number.isSafeInteger(numRecords) ? numRecords : undefined;
  } catch {
    return undefined;
  }
}

/** The partitions with the most files, in that order. */
export function largestPartitions(totals: FileTotals, limit: number): readonly PartitionTotals[] {
  return [...totals.partitions.values()].sort((a, b) => b.files - a.files || b.bytes - a.bytes).slice(0, limit);
}

/** `ds=2026-11-24/region=eu-west`, for people. */
export function partitionName(values: Readonly<Record<string, string | null>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value ?? 'null'}`)
    .join('/');
}
