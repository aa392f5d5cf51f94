import type { AddFile } from '../../delta/actions.ts';

/** Files below this size are small: an eighth of the 128 MiB that Delta's auto compaction aims at. Bytes. */
export const SMALL_FILE = 16 * 2 ** 20;
/** Share of deleted rows from which on a file is worth rewriting. */
const DELETED_SHARE = 0.2;
/** Partitions that are told apart; above it only those that came first are. Bounds memory to some 30 MB. */
const MAX_PARTITIONS = 100_000;

/** Sums over the active files of a table. */
export interface Totals {
  readonly files: number;
  readonly bytes: number;
  /** Without those of files that do not tell their number. */
  readonly rows: number;
  readonly smallFiles: number;
  /** Small files in partitions that have more than one of them. */
  readonly mergeableFiles: number;
  readonly emptyFiles: number;
  /** Files whose statistics are missing, cannot be read, or do not tell the number of rows. */
  readonly filesWithoutStats: number;
  readonly filesWithDeletionVector: number;
  /** Files a fifth of whose rows, or more, are deleted by a vector. */
  readonly filesMostlyDeleted: number;
  /** Files that are logged by a URI outside the root. */
  readonly filesElsewhere: number;
  /** Files whose time is after now. */
  readonly filesOfTheFuture: number;
  /** 0 in a table without partition columns. */
  readonly partitions: number;
  /** Whether there are more than `partitions`. */
  readonly morePartitions: boolean;
  readonly largestPartition: PartitionSize | undefined;
  /** Bytes of the partition in the middle. */
  readonly medianPartitionBytes: number;
}

export interface PartitionSize {
  readonly values: Readonly<Record<string, string | null>>;
  readonly files: number;
  readonly bytes: number;
}

interface Partition {
  readonly values: AddFile['partitionValues'];
  files: number;
  bytes: number;
  small: number;
}

/** Adds up files one by one. */
export class TotalsCounter {
  private readonly now: number;
  private readonly isPartitioned: boolean;
  private readonly partitions = new Map<string, Partition>();
  private morePartitions = false;
  private readonly sums = {
    files: 0,
    bytes: 0,
    rows: 0,
    smallFiles: 0,
    emptyFiles: 0,
    filesWithoutStats: 0,
    filesWithDeletionVector: 0,
    filesMostlyDeleted: 0,
    filesElsewhere: 0,
    filesOfTheFuture: 0,
  };

  /** `now` is in ms since the epoch. */
  constructor(now: number, isPartitioned: boolean) {
    this.now = now;
    this.isPartitioned = isPartitioned;
  }

  /** `path` is the canonical one. */
  add(file: AddFile, path: string): void {
    const { sums } = this;
    const { size, deletionVector, modificationTime } = file;
    const rows = recordsOf(file);
    sums.files += 1;
    sums.bytes += size;
    sums.rows += Math.max(0, (rows ?? 0) - (deletionVector?.cardinality ?? 0));
    if (size < SMALL_FILE) sums.smallFiles += 1;
    if (size === 0 || rows === 0) sums.emptyFiles += 1;
    if (rows === undefined) sums.filesWithoutStats += 1;
    if (deletionVector !== undefined) {
      sums.filesWithDeletionVector += 1;
      if (rows !== undefined && deletionVector.cardinality >= DELETED_SHARE * rows) sums.filesMostlyDeleted += 1;
    }
    if (path.includes('://')) sums.filesElsewhere += 1;
    if (modificationTime > this.now) sums.filesOfTheFuture += 1;
    this.addToPartition(file);
  }

  private addToPartition({ partitionValues, size }: AddFile): void {
    const id = this.isPartitioned ? JSON.stringify(partitionValues) : '';
    let partition = this.partitions.get(id);
    if (partition === undefined) {
      if (this.partitions.size === MAX_PARTITIONS) {
        this.morePartitions = true;
        return;
      }
      partition = { values: partitionValues, files: 0, bytes: 0, small: 0 };
      this.partitions.set(id, partition);
    }
    partition.files += 1;
    partition.bytes += size;
    if (size < SMALL_FILE) partition.small += 1;
  }

  totals(): Totals {
    const partitions = [...this.partitions.values()].sort((a, b) => a.bytes - b.bytes);
    const largest = partitions.at(-1);
    return {
      ...this.sums,
      mergeableFiles: partitions.reduce((sum, { small }) => sum + (small > 1 ? small : 0), 0),
      partitions: this.isPartitioned ? partitions.length : 0,
      morePartitions: this.morePartitions,
      largestPartition:
        largest && this.isPartitioned
          ? { values: largest.values, files: largest.files, bytes: largest.bytes }
          : undefined,
      medianPartitionBytes: partitions[Math.floor(partitions.length / 2)]?.bytes ?? 0,
    };
  }
}

/** All known writers put the number of rows first; then the rest, which may be long, need not be parsed. */
const ROWS_FIRST = /^\s*\{\s*"numRecords"\s*:\s*(\d+)\s*[,}]/;

/** Rows in a file, deleted ones included; undefined when its statistics do not tell. */
export function recordsOf({ stats = '' }: Pick<AddFile, 'stats'>): number | undefined {
  const first = ROWS_FIRST.exec(stats)?.[1];
  if (first !== undefined) return Number(first);
  try {
    const { numRecords } = JSON.parse(stats) as { numRecords?: unknown };
    return typeof numRecords === 'number' && Number.isSafeInteger(numRecords) ? numRecords : undefined;
  } catch {
    return undefined;
  }
}
