import type { AddFile } from '../../delta/actions.ts';
import { recordsOf, SMALL_FILE } from '../../maintenance/doctor/totals.ts';
import type { FileFacts, PartitionFacts, PartitionSums, SizeClass } from '../facts.ts';

/** Powers of two of bytes at which the first class ends and the last one begins: 1 KiB and 16 GiB. */
const [FIRST_CLASS, LAST_CLASS] = [10, 34];
/** Partitions that are told apart; above it only those that came first are. Bounds memory to some 30 MB. */
export const MAX_PARTITIONS = 100_000;
/** Partitions that are named. */
const NAMED_PARTITIONS = 20;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Adds active files up, one by one. */
export class FileSums {
  private readonly isPartitioned: boolean;
  private readonly partitions = new Map<string, Writable<PartitionSums>>();
  private morePartitions = false;
  private readonly classes = Array.from({ length: LAST_CLASS - FIRST_CLASS + 2 }, () => ({ files: 0, bytes: 0 }));
  private smallest = Number.POSITIVE_INFINITY;
  private largest = 0;
  private readonly sums = {
    files: 0,
    bytes: 0,
    rows: 0,
    filesWithoutRows: 0,
    filesWithDeletionVector: 0,
    smallFiles: 0,
    smallBytes: 0,
  };

  constructor(isPartitioned: boolean) {
    this.isPartitioned = isPartitioned;
  }

  add(file: AddFile): void {
    const { sums } = this;
    const { size } = file;
    const rows = liveRows(file);
    sums.files += 1;
    sums.bytes += size;
    sums.rows += rows ?? 0;
    if (rows === undefined) sums.filesWithoutRows += 1;
    if (file.deletionVector !== undefined) sums.filesWithDeletionVector += 1;
    if (size < SMALL_FILE) {
      sums.smallFiles += 1;
      sums.smallBytes += size;
    }
    this.smallest = Math.min(this.smallest, size);
    this.largest = Math.max(this.largest, size);
    const sizeClass = this.classes[classOf(size)];
    if (sizeClass !== undefined) {
      sizeClass.files += 1;
      sizeClass.bytes += size;
    }
    if (this.isPartitioned) this.addToPartition(file, rows ?? 0);
  }

  files(): FileFacts {
    const isEmpty = this.sums.files === 0;
    return {
      ...this.sums,
      smallLimit: SMALL_FILE,
      smallest: isEmpty ? null : this.smallest,
      largest: isEmpty ? null : this.largest,
      classes: isEmpty ? [] : this.sizeClasses(),
    };
  }

  partitionFacts(): PartitionFacts {
    const sorted = [...this.partitions.values()].sort((a, b) => b.bytes - a.bytes);
    return {
      count: sorted.length,
      more: this.morePartitions,
      medianBytes: sorted[Math.floor(sorted.length / 2)]?.bytes ?? 0,
      largest: sorted.slice(0, NAMED_PARTITIONS),
    };
  }

  private sizeClasses(): SizeClass[] {
    const [first, last] = [classOf(this.smallest), classOf(this.largest)];
    return this.classes
      .map((sums, index) => ({ from: index === 0 ? 0 : classStart(index), to: classStart(index + 1), ...sums }))
      .slice(first, last + 1);
  }

  private addToPartition({ partitionValues, size }: AddFile, rows: number): void {
    const id = JSON.stringify(partitionValues);
    let partition = this.partitions.get(id);
    if (partition === undefined) {
      if (this.partitions.size >= MAX_PARTITIONS) {
        this.morePartitions = true;
        return;
      }
      partition = { values: partitionValues, files: 0, bytes: 0, rows: 0 };
      this.partitions.set(id, partition);
    }
    partition.files += 1;
    partition.bytes += size;
    partition.rows += rows;
  }
}

/** Rows that readers see; undefined when the statistics do not tell. */
export function liveRows(file: Pick<AddFile, 'stats' | 'deletionVector'>): number | undefined {
  const records = recordsOf(file);
  return records === undefined ? undefined : Math.max(0, records - (file.deletionVector?.cardinality ?? 0));
}

function classOf(size: number): number {
  if (size < 2 ** FIRST_CLASS) return 0;
  return Math.min(LAST_CLASS, Math.floor(Math.log2(size))) - FIRST_CLASS + 1;
}

function classStart(index: number): number {
  return 2 ** (FIRST_CLASS + index - 1);
}
