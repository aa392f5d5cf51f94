import { randomUUID } from 'node:crypto';
import type { AddFile } from '../../delta/actions.ts';
import { clusteringColumns, hasTypeWidening, supportsFeature } from '../../delta/features.ts';
import { compactedFileName, encodePath } from '../../delta/path.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { statsJson } from '../../delta/stats.ts';
import { tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { RowBatch } from '../../parquet/rewrite/batch.ts';
import { type BoundFile, bindColumns } from '../../parquet/rewrite/bind-columns.ts';
import { readChecked } from '../../parquet/rewrite/checked-batches.ts';
import { RowChecksum } from '../../parquet/rewrite/checksum.ts';
import { type DataFile, openDataFile } from '../../parquet/rewrite/data-file.ts';
import { encodeStream } from '../../parquet/rewrite/encode-stream.ts';
import { UnfitFileError } from '../../parquet/rewrite/rewrite-error.ts';
import { rowGroupRows } from '../../parquet/rewrite/row-group-rows.ts';
import { type RowOrder, sortRows } from '../../parquet/rewrite/sort-rows.ts';
import { type Positions, takeRows } from '../../parquet/rewrite/take-rows.ts';
import { verifyFile } from '../../parquet/rewrite/verify-file.ts';
import { fileStatistics } from '../../parquet/statistics.ts';
import { type DeletedRows, readDeletionVector } from './deletion-vector.ts';
import { DeletionVectorError } from './deletion-vector-error.ts';
import type { InputFile } from './input-file.ts';
import { dataColumns } from './rules.ts';

export interface RewriteRules {
  readonly order: RowOrder | undefined;
  readonly maxSortBytes: number;
  readonly dropUnknownColumns: boolean;
}

/** What the rewriting of a bin needs of its run. */
export interface RewriteContext {
  /** The table as it was when the run began. */
  readonly base: Snapshot;
  readonly rules: RewriteRules;
  /** Throws when there is no time left. */
  checkTime(): void;
  now(): number;
}

/** A file that is written and checked, and not in the table yet. */
export interface PreparedBin {
  readonly inputs: readonly InputFile[];
  /** Undefined where all rows are deleted: then there is no new file. */
  readonly add: AddFile | undefined;
  /** Key of the new file in the store. */
  readonly key: string | undefined;
  readonly rows: number;
}

/** A file of a bin that cannot be rewritten, with the reason. */
export interface UnfitInput {
  readonly input: InputFile;
  readonly reason: string;
}

/** The inputs of a bin, each opened, and those that cannot be in it. */
export interface OpenedBin {
  readonly opened: readonly OpenedInput[];
  readonly unfit: readonly UnfitInput[];
}

interface OpenedInput {
  readonly input: InputFile;
  readonly file: DataFile;
  readonly bound: BoundFile;
  readonly deleted: DeletedRows | undefined;
}

/** Files that are opened at once. */
const CONCURRENCY = 8;

/** Reads the footers and deletion vectors of a bin, and tells which files can be rewritten. Throws the store's errors. */
export async function openBin(context: RewriteContext, inputs: readonly InputFile[]): Promise<OpenedBin> {
  const results = await mapConcurrently(inputs, CONCURRENCY, async (input) => {
    context.checkTime();
    try {
      return await openInput(context, input);
    } catch (error) {
      if (!(error instanceof UnfitFileError) && !(error instanceof DeletionVectorError)) throw error;
      return { input, reason: error.message };
    }
  });
  return {
    opened: results.filter((result) => 'file' in result),
    unfit: results.filter((result) => 'reason' in result),
  };
}

async function openInput({ base, rules }: RewriteContext, input: InputFile): Promise<OpenedInput | UnfitInput> {
  const { table, protocol, metadata } = base;
  const file = await openDataFile(table.store, tableKey(table, input.relative), input.size);
  const bound = bindColumns(file.footer, dataColumns(base), {
    typeWidening: hasTypeWidening(protocol, metadata),
    dropUnknown: rules.dropUnknownColumns,
  });
  if (bound.problems.length > 0) return { input, reason: bound.problems.join('; ') };
  const { deletionVector } = input;
  const deleted =
    deletionVector === undefined ? undefined : await readDeletionVector(table, deletionVector, file.footer.rowCount);
  return { input, file, bound, deleted };
}

/**
 * Writes the rows of the files as one new file, reads it again, and compares. Throws `UnfitFileError` naming the input
 * that cannot be read after all, `VerifyError` when the new file has other rows, and the store's errors; then there may be
 * an object that no table knows, which a vacuum removes.
 */
export async function rewriteBin(context: RewriteContext, opened: readonly OpenedInput[]): Promise<PreparedBin> {
  const { base, rules } = context;
  const { table } = base;
  const schema = dataColumns(base);
  const [first] = opened;
  if (first === undefined) throw new RangeError('a bin has at least one file');
  const expected = opened.reduce((sum, { file, deleted }) => sum + file.footer.rowCount - (deleted?.count ?? 0), 0);
  const inputs = opened.map(({ input }) => input);
  if (expected === 0) return { inputs, add: undefined, key: undefined, rows: 0 };
  const relative = `${folderOf(first.input.relative)}${compactedFileName(randomUUID())}`;
  const key = tableKey(table, relative);

  const checksum = new RowChecksum(schema);
  const rows = rowsOf(context, opened, checksum);
  const ordered = rules.order === undefined ? rows : sortRows(rows, schema, rules.order, rules.maxSortBytes);
  const encoded = encodeStream(schema, ordered, { rowGroupRows: rowGroupRows(opened.map(({ file }) => file)) });
  const size = await table.store.putStream(key, encoded.pieces);

  await verifyFile(
    { store: table.store, key, size, schema, checkTime: context.checkTime },
    { checksum, rows: expected },
  );
  const statistics = fileStatistics(encoded.footer());
  const add: AddFile = {
    path: encodePath(relative),
    partitionValues: first.input.partitionValues,
    size,
    modificationTime: context.now(),
    dataChange: false,
    stats: statsJson(statistics, {
      schema: base.schema,
      partitionColumns: base.metadata.partitionColumns,
      configuration: base.metadata.configuration,
      clusteringColumns: clusteringColumns(base.domains),
      tightBounds: supportsFeature(base.protocol, 'deletionVectors'),
    }),
    tags: { 'resaca.compacted': String(opened.length) },
  };
  return { inputs, add, key, rows: expected };
}

function folderOf(relative: string): string {
  return relative.slice(0, relative.lastIndexOf('/') + 1);
}

async function* rowsOf(
  context: RewriteContext,
  opened: readonly OpenedInput[],
  checksum: RowChecksum,
): AsyncGenerator<RowBatch, void> {
  const schema = dataColumns(context.base);
  const types = schema.fields.map(({ type }) => type);
  for (const { file, bound, deleted } of opened) {
    let row = 0;
    for await (const batch of readChecked(file, bound.fields, schema)) {
      context.checkTime();
      const kept = deleted === undefined ? undefined : keptRows(deleted, row, batch.rowCount);
      row += batch.rowCount;
      const live = kept === undefined ? batch : takeRows(batch, types, kept);
      checksum.add(live);
      yield live;
    }
  }
}

/** Positions in a batch of the rows that are not deleted; undefined when that is all. */
function keptRows({ bits }: DeletedRows, first: number, count: number): Positions | undefined {
  const kept = new Uint32Array(count);
  let length = 0;
  for (let index = 0; index < count; index++) {
    const row = first + index;
    if ((((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 0) kept[length++] = index;
  }
  return length === count ? undefined : kept.subarray(0, length);
}
