import { randomUUID } from 'node:crypto';
import type { TableRef } from '../../delta/table.ts';
import { isParquetError } from '../../parquet/errors.ts';
import { SparkWorkError } from '../../spark/errors.ts';
import { InvalidField } from '../../spark/fields.ts';
import { invalidRun, putJob, readJob } from '../../spark/job-note.ts';
import type { SparkJobs } from '../../spark/jobs.ts';
import { toJsonLines } from '../../spark/lines.ts';
import { deleteRun, findRun, type Runs, runKeys, sweepRuns } from '../../spark/run-folder.ts';
import { sparkUrl } from '../../spark/url.ts';
import { isStoreError } from '../../storage/object-store.ts';
import type { EnginePlan, EngineRun } from '../engine.ts';
import { assertNotGivenUp, clearFailures, countFailure } from './failures.ts';
import { type BatchNote, noteText, parseNote } from './note.ts';
import { planLines } from './plan-lines.ts';
import { type Expected, readRun } from './read-run.ts';
import { noteKey, stepRuns } from './step-folder.ts';

export interface OpenBatch extends BatchNote {
  /** UUID. */
  readonly run: string;
}

export type BatchEnd = 'committed' | 'given-up' | 'overtaken';

export type BatchState =
  | { readonly kind: 'running'; readonly job: string; readonly jobState: string }
  | { readonly kind: 'finished'; readonly job: string; readonly run: EngineRun };

/** Batches of steps on Spark: each runs longer than the function that begins and commits it. */
export interface StepSpark {
  /** The batch of a step that was begun and not ended; undefined when there is none. */
  find(target: TableRef, step: string): Promise<OpenBatch | undefined>;
  /**
   * Keeps a plan and what its commit has to know, for a job. Throws `SPARK_GIVEN_UP` where too many jobs failed at this work
   * already.
   */
  begin(target: TableRef, step: string, plan: EnginePlan, note: BatchNote): Promise<OpenBatch>;
  /**
   * Starts the job where it is not started, and looks at it. `expected` are the results and outputs of the plan. Throws
   * `SPARK_JOB_FAILED` and `INVALID_RUN` (SparkWorkError) and ends the batch then: nothing of it is committed.
   */
  look(target: TableRef, step: string, batch: OpenBatch, expected: Omit<Expected, 'now'>): Promise<BatchState>;
  /**
   * Ends a batch that is committed, or that can never be. `overtaken`: other writers changed what it had read, so that its jobs came
   * to nothing; that counts as a failed job does.
   */
  end(target: TableRef, step: string, batch: OpenBatch, outcome: BatchEnd): Promise<void>;
}

export interface StepSparkDeps {
  readonly jobs: SparkJobs;
  /** ms since the epoch. */
  now(): number;
}

/** What was left in a step's folder by batches that were ended is deleted after this time, ms. */
const LEFT_OVER_AGE = 24 * 3_600_000;

/**
 * A crash at any point leaves a batch that is found again, or objects that are none of a batch. The job is started once: the
 * batch's id is its token.
 */
export function createStepSpark({ jobs, now }: StepSparkDeps): StepSpark {
  async function fail(runs: Runs, batch: OpenBatch, error: SparkWorkError): Promise<never> {
    await countFailure(runs, batch, error.message);
    await deleteRun(runs, batch.run);
    throw error;
  }

  async function startJob(target: TableRef, step: string, runs: Runs, run: string): Promise<string> {
    const id = await jobs.start({
      name: `step ${step} of ${target.url}`,
      token: run,
      arguments: ['run', '--table', sparkUrl(target), '--step', step, '--run', run],
    });
    await putJob(runs, run, id, now());
    return id;
  }

  return {
    async find(target, step) {
      const runs = stepRuns(target, step);
      const run = await findRun(runs);
      return run === undefined ? undefined : { run, ...(await readNote(runs, run)) };
    },

    async begin(target, step, plan, note) {
      const runs = stepRuns(target, step);
      await assertNotGivenUp(runs, note.work, step);
      await sweepRuns(runs, now() - LEFT_OVER_AGE);
      const run = randomUUID();
      // The plan is what makes it a run: it comes last.
      await runs.store.put(noteKey(runs, run), new TextEncoder().encode(noteText(note)));
      await runs.store.putStream(runKeys(runs, run).plan, toJsonLines(planLines(run, plan)));
      return { run, ...note };
    },

    async look(target, step, batch, expected) {
      const runs = stepRuns(target, step);
      const job = (await readJob(runs, batch.run)) ?? (await startJob(target, step, runs, batch.run));
      const outcome = await jobs.wait(job, 0);
      if (outcome.kind === 'running') return { kind: 'running', job, jobState: outcome.state };
      if (outcome.kind === 'failed') {
        const { state, detail } = outcome;
        const message = `The Spark job ${job} of the step ${step} ended as ${state}: ${detail}; nothing was committed`;
        const data = { table: target.url, step, run: batch.run, job, state };
        return fail(runs, batch, new SparkWorkError('SPARK_JOB_FAILED', message, data));
      }
      try {
        return { kind: 'finished', job, run: await readRun(runs, batch.run, { ...expected, now: now() }) };
      } catch (error) {
        const invalid = asInvalid(error, target, batch);
        if (invalid === undefined) throw error;
        return fail(runs, batch, invalid);
      }
    },

    async end(target, step, batch, outcome) {
      const runs = stepRuns(target, step);
      if (outcome === 'committed') await clearFailures(runs);
      if (outcome === 'overtaken')
        await countFailure(runs, batch, `other writers changed what it had read of ${target.url}`);
      await deleteRun(runs, batch.run);
    },
  };
}

/** An error that comes again however often the result is read; undefined for others. */
function asInvalid(error: unknown, { url }: TableRef, { run }: OpenBatch): SparkWorkError | undefined {
  if (error instanceof SparkWorkError) return error;
  const isLost = isStoreError(error, 'NOT_FOUND') || isStoreError(error, 'PRECONDITION_FAILED');
  if (!isLost && !isParquetError(error)) return undefined;
  const message = `What the Spark job for ${url} has left cannot be read: ${error.message}`;
  return new SparkWorkError('INVALID_RUN', message, { table: url, run }, { cause: error });
}

async function readNote(runs: Runs, run: string): Promise<BatchNote> {
  const key = noteKey(runs, run);
  try {
    return parseNote(new TextDecoder().decode((await runs.store.get(key)).body));
  } catch (error) {
    if (error instanceof InvalidField || error instanceof SyntaxError) throw invalidRun(key, error.message, error);
    throw error;
  }
}
