import { isDeltaError } from '../../delta/errors.ts';
import { canonicalPath } from '../../delta/path.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { isParquetError } from '../../parquet/errors.ts';
import { readWritten, type WrittenFile } from '../../spark/written-file.ts';
import { isStoreError } from '../../storage/object-store.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { commitRewrites, isCommitted, openRewriteTable, type Rewrite, type RewriteTable } from './commit-rewrites.ts';
import type { PlanInput } from './plan.ts';
import { type FinishedBin, openRun } from './run-files.ts';

/** What came of a run. Bytes and files are those of the commits that were made now. */
export interface FinishTotals {
  readonly bins: number;
  readonly committedBins: number;
  /** Committed by an earlier call that did not come to its end. */
  readonly earlierBins: number;
  /** Not committed, because another writer has removed or changed one of their files since the plan. */
  readonly overtakenBins: number;
  /** Not committed, because Spark failed at them, or wrote something else than was expected. */
  readonly failedBins: number;
  /** Of the failures. */
  readonly firstError?: string;
  readonly filesRemoved: number;
  readonly filesAdded: number;
  readonly bytesRemoved: number;
  readonly bytesAdded: number;
  /** Of the commits. */
  readonly versions: readonly number[];
  /** Lost races. */
  readonly conflicts: number;
}

export function noTotals(): FinishTotals {
  return {
    bins: 0,
    committedBins: 0,
    earlierBins: 0,
    overtakenBins: 0,
    failedBins: 0,
    filesRemoved: 0,
    filesAdded: 0,
    bytesRemoved: 0,
    bytesAdded: 0,
    versions: [],
    conflicts: 0,
  };
}

/** File actions of one commit, about: some megabytes. */
const COMMIT_FILES = 5_000;
/** Bytes of footers that are held until their commit. */
const COMMIT_FOOTER_BYTES = 32 * 1024 * 1024;
/** Bins, and files of each, that are looked at at once. */
const CONCURRENCY = 8;
/** Bins that are looked at together. */
const BATCH_BINS = 16;

/**
 * Commits what a run's job wrote, in as many commits as it takes, each of which leaves the table's rows as they are. Stops
 * at the deadline, ms since the epoch. Throws as `openRun`, `openRewriteTable` and `commit` do.
 */
export async function finishRun(
  engine: MaintenanceEngine,
  table: TableRef,
  run: string,
  deadline: number,
): Promise<{ readonly totals: FinishTotals; readonly isDone: boolean }> {
  const { head, bins } = await openRun(table, run);
  let target = await openRewriteTable(engine, table, head);
  let totals = noTotals();
  const isRewrite = (each: Checked): each is Rewrite => !('error' in each);

  async function* rewrites() {
    for await (const batch of inBatches(bins, BATCH_BINS)) {
      // What an earlier call has committed needs no look at its files: else a late call would spend its time on that.
      const left = batch.filter(({ result }) => 'error' in result || !isCommitted(target, result.outputs));
      const checked = await mapConcurrently(left, CONCURRENCY, (finished) => check(table, finished));
      totals = withFailures(totals, checked, batch.length);
      yield* checked.filter(isRewrite);
    }
  }

  for await (const group of inCommits(rewrites())) {
    if (engine.now() >= deadline) return { totals, isDone: false };
    const step = await commitGroup(engine, target, group, { deadline, zOrderBy: head.zOrderBy });
    if (step === undefined) return { totals, isDone: false };
    target = step.table;
    totals = plus(totals, step);
  }
  return { totals, isDone: true };
}

/** Undefined when the time is over. */
async function commitGroup(
  engine: MaintenanceEngine,
  target: RewriteTable,
  rewrites: readonly Rewrite[],
  options: Parameters<typeof commitRewrites>[3],
) {
  try {
    return await commitRewrites(engine, target, rewrites, options);
  } catch (error) {
    if (isDeltaError(error, 'COMMIT_CONTENTION')) return undefined;
    throw error;
  }
}

type Checked = Rewrite | { readonly error: string };

/**
 * A bin counts as rewritten only if its files are there and hold as many rows as those that they replace, and if these are
 * still the objects that were planned for.
 */
async function check(table: TableRef, { bin, result }: FinishedBin): Promise<Checked> {
  const failed = (problem: string): Checked => ({ error: `bin ${bin.bin}: ${problem}` });
  if ('error' in result) return failed(result.error);
  const overwritten = await findOverwritten(table, bin.inputs);
  if (overwritten !== undefined) return failed(`the file "${overwritten.path}" is not the one that was planned for`);

  let outputs: WrittenFile[];
  try {
    outputs = await mapConcurrently(result.outputs, CONCURRENCY, (output) => readWritten(table, output));
  } catch (error) {
    const isWrong =
      isParquetError(error) || isStoreError(error, 'NOT_FOUND') || isStoreError(error, 'PRECONDITION_FAILED');
    if (isWrong) return failed(error.message);
    throw error;
  }
  const expected = rowsOf(bin.inputs);
  const found = outputs.reduce((sum, { footer }) => sum + footer.rowCount, 0);
  if (expected !== undefined && found !== expected) {
    return failed(`its files have ${found} rows, expected the ${expected} of those that they replace`);
  }
  if (outputs.length === 0 && expected !== 0) return failed('nothing was written for it');
  return { bin, outputs: outputs.filter(({ footer }) => footer.rowCount > 0) };
}

async function findOverwritten(table: TableRef, inputs: readonly PlanInput[]): Promise<PlanInput | undefined> {
  const known = inputs.filter(({ etag }) => etag !== undefined);
  const heads = await mapConcurrently(known, CONCURRENCY, ({ path }) =>
    table.store.head(tableKey(table, canonicalPath(table, path))),
  );
  return known.find(({ etag }, index) => heads[index]?.etag !== etag);
}

/** Rows that are not deleted; undefined where the log does not tell of every file. */
function rowsOf(inputs: FinishedBin['bin']['inputs']): number | undefined {
  let rows = 0;
  for (const { numRecords, deletionVector } of inputs) {
    if (numRecords === undefined) return undefined;
    rows += numRecords - (deletionVector?.cardinality ?? 0);
  }
  return rows;
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[], void, undefined> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function* inCommits(rewrites: AsyncIterable<Rewrite>): AsyncGenerator<Rewrite[], void, undefined> {
  let group: Rewrite[] = [];
  let files = 0;
  let bytes = 0;
  for await (const rewrite of rewrites) {
    group.push(rewrite);
    files += rewrite.bin.inputs.length + rewrite.outputs.length;
    bytes += rewrite.outputs.reduce((sum, { footer }) => sum + footer.bytes.byteLength, 0);
    if (files < COMMIT_FILES && bytes < COMMIT_FOOTER_BYTES) continue;
    yield group;
    group = [];
    files = 0;
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/** `count` are the bins that were come to; those that were not checked are committed. */
function withFailures(totals: FinishTotals, checked: readonly Checked[], count: number): FinishTotals {
  const errors = checked.flatMap((each) => ('error' in each ? [each.error] : []));
  const firstError = totals.firstError ?? errors[0];
  return {
    ...totals,
    bins: totals.bins + count,
    earlierBins: totals.earlierBins + count - checked.length,
    failedBins: totals.failedBins + errors.length,
    ...(firstError !== undefined && { firstError }),
  };
}

function plus(totals: FinishTotals, step: Awaited<ReturnType<typeof commitRewrites>>): FinishTotals {
  const inputs = step.committed.flatMap(({ bin }) => bin.inputs);
  const outputs = step.committed.flatMap((rewrite) => rewrite.outputs);
  const bytesOf = (files: readonly { readonly size: number }[]) => files.reduce((sum, { size }) => sum + size, 0);
  return {
    ...totals,
    committedBins: totals.committedBins + step.committed.length,
    earlierBins: totals.earlierBins + step.earlier.length,
    overtakenBins: totals.overtakenBins + step.overtaken.length,
    filesRemoved: totals.filesRemoved + inputs.length,
    filesAdded: totals.filesAdded + outputs.length,
    bytesRemoved: totals.bytesRemoved + bytesOf(inputs),
    bytesAdded: totals.bytesAdded + bytesOf(outputs),
    versions: step.version === undefined ? totals.versions : [...totals.versions, step.version],
    conflicts: totals.conflicts + step.conflicts,
  };
}
