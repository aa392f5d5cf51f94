import { randomUUID } from 'node:crypto';
import { isDeltaError } from '../../delta/errors.ts';
import { isOutdated, loadSnapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { SparkWorkError } from '../../spark/errors.ts';
import { putJob, readJob } from '../../spark/job-note.ts';
import type { SparkJobs } from '../../spark/jobs.ts';
import { toJsonLines } from '../../spark/lines.ts';
import { deleteRun, runKeys, sweepRuns } from '../../spark/run-folder.ts';
import { sparkUrl } from '../../spark/url.ts';
import { isStoreError } from '../../storage/object-store.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { targetSizeOf } from '../optimize/optimize-table.ts';
import { assertRewritable } from '../optimize/rules.ts';
import { type BinOptions, chooseBins } from './bins.ts';
import { type FinishTotals, finishRun, noTotals } from './finish-run.ts';
import { planLines } from './plan.ts';
import { findOptimizeRun, optimizeRuns } from './run-folder.ts';

export interface SparkOptimizeOptions extends Omit<BinOptions, 'targetFileSize'> {
  /** Bytes. @default the table's `delta.targetFileSize`, else 128 MiB */
  readonly targetFileSize?: number;
  /**
   * ms since the epoch. What is not done by then goes on with the next call, which waits for the same job; the job itself
   * has its own limit.
   */
  readonly deadline: number;
  /** Minutes after which the job begins no further bin. @default none */
  readonly jobMinutes?: number;
  /** Bins that the job works on at once. @default the script's own */
  readonly parallel?: number;
}

export interface SparkOptimizeResult extends FinishTotals {
  /**
   * `nothing`: no file needs to be rewritten. `running`: the job is not done. `committing`: it is, and not all of its work
   * is committed. `done`: all is committed that can be. With `running` and `committing` the next call goes on.
   */
  readonly state: 'nothing' | 'running' | 'committing' | 'done';
  /** Whether there is something left for the next call. */
  readonly remaining: boolean;
  readonly run?: string;
  /** Id of the Spark job, and the platform's word for its state. */
  readonly job?: string;
  readonly jobState?: string;
  /** Whether an earlier call began the run; then it is the options of that call that count. */
  readonly resumed: boolean;
}

/** What was left in the folder of runs by those that were finished is deleted after this time, ms. */
const LEFT_OVER_AGE = 24 * 3_600_000;

/**
 * Compacts a table with Spark: plans, has a job write the new files, and commits them. Spark commits nothing. May be
 * called again and again, by a function that is called by a schedule for example: a run that is not finished is gone on
 * with, also after a crash at any point, and none of its work is committed twice. Files that were written and not
 * committed (the job failed, or another writer has changed the rows meanwhile) are left for a vacuum.
 *
 * Throws `UNSUPPORTED_WRITER` for a table whose files must not be rewritten, RangeError for columns that make no sense, `SPARK_JOB_FAILED` and `INVALID_RUN` (SparkWorkError)
 * and ends the run then, so that the next call plans anew. After the store's errors the run goes on with the next call.
 */
export async function optimizeOnSpark(
  engine: MaintenanceEngine,
  table: TableRef,
  options: SparkOptimizeOptions,
  jobs: SparkJobs,
): Promise<SparkOptimizeResult> {
  const unfinished = await findOptimizeRun(table);
  const run = unfinished ?? (await beginRun(engine, table, options));
  if (run === undefined) return { state: 'nothing', remaining: false, resumed: false, ...noTotals() };
  const resumed = unfinished !== undefined;

  const job = (await readJob(optimizeRuns(table), run)) ?? (await startJob(engine, table, run, options, jobs));
  const outcome = await jobs.wait(job, options.deadline);
  if (outcome.kind === 'running') {
    return { state: 'running', remaining: true, run, job, jobState: outcome.state, resumed, ...noTotals() };
  }
  if (outcome.kind === 'failed') {
    await deleteRun(optimizeRuns(table), run);
    const { state, detail } = outcome;
    throw new SparkWorkError(
      'SPARK_JOB_FAILED',
      `The Spark job ${job} for ${table.url} ended as ${state}: ${detail}; nothing was committed`,
      { table: table.url, run, job, state },
    );
  }

  const { totals, isDone } = await finish(engine, table, run, options.deadline);
  if (isDone) await deleteRun(optimizeRuns(table), run);
  return { state: isDone ? 'done' : 'committing', remaining: !isDone, run, job, resumed, ...totals };
}

/** Writes the plan of a new run; undefined when there is nothing to rewrite. */
async function beginRun(
  engine: MaintenanceEngine,
  table: TableRef,
  options: SparkOptimizeOptions,
): Promise<string | undefined> {
  await sweepRuns(optimizeRuns(table), engine.now() - LEFT_OVER_AGE);
  const snapshot = await loadSnapshot(table, engine.reader);
  assertRewritable(snapshot);
  const { metadata, protocol, version } = snapshot;
  const { schemaString, partitionColumns } = metadata;
  const { targetFileSize = targetSizeOf(snapshot), zOrderBy = [] } = options;
  assertColumns(snapshot.schema.fields, partitionColumns, zOrderBy, table);

  // Nothing is written for a table that needs no work.
  const bins = chooseBins(snapshot, engine.reader, { ...options, targetFileSize });
  const first = await bins.next();
  if (first.done === true) return undefined;
  const all = (async function* () {
    yield first.value;
    yield* bins;
  })();

  const run = randomUUID();
  const head = {
    run,
    tableId: metadata.id,
    version,
    protocol,
    schemaString,
    partitionColumns,
    targetFileSize,
    zOrderBy,
  };
  await table.store.putStream(runKeys(optimizeRuns(table), run).plan, toJsonLines(planLines(head, all)));
  return run;
}

function assertColumns(
  fields: readonly { readonly name: string }[],
  partitionColumns: readonly string[],
  zOrderBy: readonly string[],
  { url }: TableRef,
): void {
  for (const column of zOrderBy) {
    if (!fields.some(({ name }) => name === column)) {
      throw new RangeError(`${url} has no column "${column}" to lay rows out by`);
    }
    if (partitionColumns.includes(column)) {
      throw new RangeError(`"${column}" partitions ${url}: its rows lie together already`);
    }
  }
}

/** The token makes it the same job when it was started before and that could not be written down. */
async function startJob(
  engine: MaintenanceEngine,
  table: TableRef,
  run: string,
  { jobMinutes, parallel }: SparkOptimizeOptions,
  jobs: SparkJobs,
): Promise<string> {
  const id = await jobs.start({
    name: `optimize ${table.url}`,
    token: run,
    arguments: [
      'rewrite',
      '--table',
      sparkUrl(table),
      '--run',
      run,
      ...(parallel === undefined ? [] : ['--parallel', String(parallel)]),
      ...(jobMinutes === undefined ? [] : ['--minutes', String(jobMinutes)]),
    ],
  });
  await putJob(optimizeRuns(table), run, id, engine.now());
  return id;
}

/** Commits the result. What can never be committed ends the run. */
async function finish(engine: MaintenanceEngine, table: TableRef, run: string, deadline: number) {
  try {
    return await finishRun(engine, table, run, deadline);
  } catch (error) {
    const isHopeless =
      isOutdated(error) ||
      isDeltaError(error, 'CONFLICT') ||
      isDeltaError(error, 'UNSUPPORTED_WRITER') ||
      error instanceof SparkWorkError;
    if (isHopeless) await deleteRun(optimizeRuns(table), run);
    if (!isStoreError(error, 'NOT_FOUND')) throw error;
    await deleteRun(optimizeRuns(table), run);
    const message = `The Spark job for ${table.url} has left no result: ${error.key} is not there`;
    throw new SparkWorkError('INVALID_RUN', message, { table: table.url, run, key: error.key }, { cause: error });
  }
}
