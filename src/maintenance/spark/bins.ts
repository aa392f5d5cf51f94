import type { AddFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { hiveFolders, partitionColumnsOf } from '../../delta/partition.ts';
import { canonicalPath } from '../../delta/path.ts';
import { activeFiles, type Snapshot } from '../../delta/snapshot.ts';
import { obstacle } from '../optimize/candidates.ts';
import { type PartitionValues, partitionKey } from '../optimize/partition-key.ts';
import { type PartitionFilter, partitionMatcher } from '../optimize/where.ts';
import type { PlanBin, PlanInput } from './plan.ts';

export interface BinOptions {
  /** Bytes. */
  readonly targetFileSize: number;
  /** Files are laid along the Z-order of these columns; then large files are rewritten, too. @default none */
  readonly zOrderBy?: readonly string[];
  /** Only files of partitions that all of these hold for. @default all */
  readonly where?: readonly PartitionFilter[];
  /** Files modified at this time or later are left alone, ms since the epoch. @default none are */
  readonly before?: number;
  /** Inputs that are held at once, over all partitions, before bins that are not full are given out. @default 200,000 */
  readonly maxOpenInputs?: number;
}

type Bin = Omit<PlanBin, 'bin'>;

/** Files of less than this part of the target are put together with others. */
const SMALL = 0.75;
/** Files of which at least this part of the rows is deleted are rewritten even alone (Spark's OPTIMIZE has the same). */
const DELETED = 0.05;
/** Bytes of a bin with a Z-order, in files of the target size: among so many rows are laid out anew. */
const Z_ORDER_FILES = 64;
/** Files of a bin: Spark opens each in the same task. */
const MAX_INPUTS = 10_000;
const MAX_OPEN_INPUTS = 200_000;

interface OpenBin {
  readonly partitionValues: PartitionValues;
  readonly inputs: PlanInput[];
  bytes: number;
}

/**
 * Chooses the files of a table that are to be rewritten, and puts them into bins, in one pass over the active files and in
 * bounded memory: of each partition one bin is open at a time, which is given out when it is full. Throws RangeError for a
 * condition on a column that does not partition the table.
 */
export async function* chooseBins(
  snapshot: Snapshot,
  reader: CheckpointReader,
  options: BinOptions,
): AsyncGenerator<Bin, void, undefined> {
  const { table } = snapshot;
  const { partitionColumns } = snapshot.metadata;
  const { targetFileSize, zOrderBy = [], where = [], before, maxOpenInputs = MAX_OPEN_INPUTS } = options;
  const isZOrdered = zOrderBy.length > 0;
  const binBytes = isZOrdered ? Z_ORDER_FILES * targetFileSize : targetFileSize;
  const columns = partitionColumnsOf(snapshot.schema, partitionColumns);
  const isWanted = partitionMatcher(where, columns);
  const open = new Map<string, OpenBin>();
  let openInputs = 0;

  const close = (key: string, bin: OpenBin): Bin[] => {
    open.delete(key);
    openInputs -= bin.inputs.length;
    return isWorthwhile(bin, isZOrdered) ? [toBin(bin, partitionColumns)] : [];
  };

  for await (const files of activeFiles(snapshot, reader, { stats: true })) {
    for (const file of files) {
      const { partitionValues } = file;
      if (before !== undefined && file.modificationTime >= before) continue;
      if (!isWanted(partitionValues) || obstacle(file, canonicalPath(table, file.path)) !== undefined) continue;
      const input = toInput(file);
      if (!isZOrdered && !isSmall(file, targetFileSize) && !hasManyDeleted(input)) continue;

      const key = partitionKey(partitionValues, columns);
      let bin = open.get(key);
      if (bin !== undefined && (bin.bytes + file.size > binBytes || bin.inputs.length >= MAX_INPUTS)) {
        yield* close(key, bin);
        bin = undefined;
      }
      if (bin === undefined) {
        bin = { partitionValues, inputs: [], bytes: 0 };
        open.set(key, bin);
      }
      bin.inputs.push(input);
      bin.bytes += file.size;
      openInputs += 1;
      if (openInputs < maxOpenInputs) continue;
      for (const [each, full] of open) yield* close(each, full);
    }
  }
  for (const [key, bin] of open) yield* close(key, bin);
}

function isSmall({ size }: AddFile, targetFileSize: number): boolean {
  return size < SMALL * targetFileSize;
}

function hasManyDeleted({ numRecords, deletionVector }: PlanInput): boolean {
  return deletionVector !== undefined && deletionVector.cardinality >= DELETED * (numRecords ?? 0);
}

/** One file alone would become the same file again, unless rows are deleted from it, or are to be laid out anew. */
function isWorthwhile({ inputs }: OpenBin, isZOrdered: boolean): boolean {
  return isZOrdered || inputs.length > 1 || inputs.some(hasManyDeleted);
}

function toInput({ path, size, modificationTime, deletionVector, stats, tags }: AddFile): PlanInput {
  const etag = tags?.['resaca.etag'];
  const numRecords = rowsOf(stats);
  return {
    path,
    size,
    modificationTime,
    ...(numRecords !== undefined && { numRecords }),
    ...(deletionVector !== undefined && { deletionVector }),
    ...(typeof etag === 'string' && { etag }),
  };
}

/** Undefined where the statistics do not tell. They are other writers' texts: what is no JSON tells nothing. */
function rowsOf(stats: string | undefined): number | undefined {
  if (stats === undefined) return undefined;
  try {
    const { numRecords } = JSON.parse(stats) as { numRecords?: unknown };
    return Number.isSafeInteger(numRecords) ? Number(numRecords) : undefined;
  } catch {
    return undefined;
  }
}

function toBin({ partitionValues, inputs }: OpenBin, partitionColumns: readonly string[]): Bin {
  const values = partitionColumns.map((name) => ({ name, value: partitionValues[name] ?? null }));
  return { partitionValues, folder: hiveFolders(values), inputs };
}

/** What the bins of a table come to, without writing anything. */
export interface BinTotals {
  readonly bins: number;
  readonly files: number;
  readonly bytes: number;
}

/** Counts what a run would rewrite. */
export async function countBins(snapshot: Snapshot, reader: CheckpointReader, options: BinOptions): Promise<BinTotals> {
  let bins = 0;
  let files = 0;
  let bytes = 0;
  for await (const { inputs } of chooseBins(snapshot, reader, options)) {
    bins += 1;
    files += inputs.length;
    bytes += inputs.reduce((sum, { size }) => sum + size, 0);
  }
  return { bins, files, bytes };
}
