import { partitionColumnsOf } from '../../delta/partition.ts';
import { totalSize } from './bins.ts';
import type { CommittedBins } from './commit-bins.ts';
import type { InputFile } from './input-file.ts';
import type { LeftAloneList } from './left-alone.ts';
import type { CompactedBin, OptimizeResult, PartitionResult } from './options.ts';
import { partitionKey } from './partition-key.ts';
import type { PreparedBin } from './rewrite-bin.ts';
import type { RunInput } from './run.ts';

/** What a run does not begin. */
export interface Rest {
  readonly bins: readonly (readonly InputFile[])[];
  /** There are more small files than could be held. */
  readonly isCut: boolean;
  readonly isBeyond: boolean;
}

/** Sums up what a run does. */
export class Report {
  readonly #input: RunInput;
  readonly #leftAlone: LeftAloneList;
  readonly #partitions = new Map<string, PartitionResult>();
  readonly #versions: number[] = [];
  #conflicts = 0;
  /** Of the bins that were given up. */
  #conflictBytes = 0;

  constructor(input: RunInput, leftAlone: LeftAloneList) {
    this.#input = input;
    this.#leftAlone = leftAlone;
  }

  /** A bin of a dry run: one file of about as many bytes. */
  planned(files: readonly InputFile[]): void {
    const [first] = files;
    if (first === undefined) return;
    const bin = { partitionValues: first.partitionValues, inputFiles: files.length, inputBytes: totalSize(files) };
    this.#count({ ...bin, outputBytes: 0, rows: 0 }, 1);
  }

  committed({ version, committed, dropped }: CommittedBins): void {
    if (version !== undefined) this.#versions.push(version);
    this.#conflicts += dropped.length;
    this.#conflictBytes += dropped.reduce((sum, { inputs }) => sum + totalSize(inputs), 0);
    for (const bin of committed) this.#count(toCompacted(bin), bin.add === undefined ? 0 : 1);
  }

  #count(bin: CompactedBin, outputFiles: number): void {
    const { schema, metadata } = this.#input.base;
    const key = partitionKey(bin.partitionValues, partitionColumnsOf(schema, metadata.partitionColumns));
    const { files, bytes, rows } = this.#partitions.get(key) ?? NOTHING;
    this.#partitions.set(key, {
      partitionValues: bin.partitionValues,
      files: { before: files.before + bin.inputFiles, after: files.after + outputFiles },
      bytes: { before: bytes.before + bin.inputBytes, after: bytes.after + bin.outputBytes },
      rows: rows + bin.rows,
    });
    this.#input.options.onBin?.(bin);
  }

  result({ bins: rest, isCut, isBeyond }: Rest): OptimizeResult {
    const partitions = [...this.#partitions.values()];
    const sum = (of: (partition: PartitionResult) => number) => partitions.reduce((total, own) => total + of(own), 0);
    return {
      table: this.#input.base.table.url,
      dryRun: this.#input.options.dryRun === true,
      targetSize: this.#input.targetSize,
      versions: this.#versions,
      filesRemoved: sum(({ files }) => files.before),
      filesAdded: sum(({ files }) => files.after),
      bytesRemoved: sum(({ bytes }) => bytes.before),
      bytesAdded: sum(({ bytes }) => bytes.after),
      rows: sum(({ rows }) => rows),
      partitions,
      leftAlone: this.#leftAlone.files,
      leftAloneCount: this.#leftAlone.count,
      conflicts: this.#conflicts,
      isBeyond,
      remaining: {
        bins: rest.length + this.#conflicts,
        bytes: rest.reduce((bytes, files) => bytes + totalSize(files), this.#conflictBytes),
        unlisted: isCut,
      },
    };
  }
}

const NOTHING: Omit<PartitionResult, 'partitionValues'> = {
  files: { before: 0, after: 0 },
  bytes: { before: 0, after: 0 },
  rows: 0,
};

function toCompacted({ inputs, add, rows }: PreparedBin): CompactedBin {
  return {
    partitionValues: inputs[0]?.partitionValues ?? {},
    inputFiles: inputs.length,
    inputBytes: totalSize(inputs),
    outputBytes: add?.size ?? 0,
    rows,
    ...(add !== undefined && { path: add.path }),
  };
}
