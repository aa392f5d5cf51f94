import { SparkWorkError } from '../../spark/errors.ts';
import { InvalidField, numberIn, objectOf, textIn } from '../../spark/fields.ts';
import { invalidRun } from '../../spark/job-note.ts';
import type { Runs } from '../../spark/run-folder.ts';
import { isStoreError } from '../../storage/object-store.ts';
import { failuresKey } from './step-folder.ts';

/** Jobs that come to nothing at the same work before it is given up: each costs as much as one that does it. */
export const MAX_FAILURES = 3;

/** What the last failed jobs were for. */
export interface Failures {
  /** Tells the work from other work: a later part of the source, or a step that was changed, begins to count anew. */
  readonly work: string;
  readonly count: number;
  /** The run that was counted last. */
  readonly run: string;
  /** Of the last one: what the platform said. */
  readonly detail: string;
}

const FORMAT = 1;
const FIELDS = ['format', 'work', 'count', 'run', 'detail'];

/** Undefined when the last job did not fail. Throws `INVALID_RUN` for a note that is malformed. */
export async function readFailures(runs: Runs): Promise<Failures | undefined> {
  const key = failuresKey(runs);
  try {
    const { body } = await runs.store.get(key);
    const fields = objectOf(JSON.parse(new TextDecoder().decode(body)), 'the note', FIELDS);
    if (numberIn(fields, 'format') !== FORMAT) throw invalidRun(key, `it is of format ${fields.format}`);
    return {
      work: textIn(fields, 'work'),
      count: numberIn(fields, 'count', 1),
      run: textIn(fields, 'run'),
      detail: textIn(fields, 'detail'),
    };
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    if (error instanceof InvalidField || error instanceof SyntaxError) throw invalidRun(key, error.message, error);
    throw error;
  }
}

/** Counts a run whose job failed, or whose result could not be committed, once however often it is told. */
export async function countFailure(
  runs: Runs,
  { work, run }: { readonly work: string; readonly run: string },
  detail: string,
): Promise<void> {
  const before = await readFailures(runs);
  if (before?.run === run) return;
  const count = before?.work === work ? before.count + 1 : 1;
  const text = JSON.stringify({ format: FORMAT, work, count, run, detail });
  await runs.store.put(failuresKey(runs), new TextEncoder().encode(text));
}

export async function clearFailures(runs: Runs): Promise<void> {
  await runs.store.delete(failuresKey(runs));
}

/** Throws `SPARK_GIVEN_UP` for work at which as many jobs failed as are tried. */
export async function assertNotGivenUp(runs: Runs, work: string, step: string): Promise<void> {
  const failures = await readFailures(runs);
  if (failures === undefined || failures.work !== work || failures.count < MAX_FAILURES) return;
  throw new SparkWorkError(
    'SPARK_GIVEN_UP',
    `${failures.count} Spark jobs of the step ${step} came to nothing at the same work, the last one with: ${failures.detail}. ` +
      `No other is started for it until the step is changed, or resaca step retry ${step} is given`,
    { step, key: failuresKey(runs), failures: failures.count },
  );
}
