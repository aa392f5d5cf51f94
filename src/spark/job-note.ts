import { isStoreError } from '../storage/object-store.ts';
import { SparkWorkError } from './errors.ts';
import { InvalidField, numberIn, objectOf, textIn } from './fields.ts';
import { type Runs, runKeys } from './run-folder.ts';

const JOB_FORMAT = 1;

/** Remembers the Spark job of a run. */
export async function putJob(runs: Runs, run: string, id: string, startedAt: number): Promise<void> {
  const text = JSON.stringify({ format: JOB_FORMAT, id, startedAt });
  await runs.store.put(runKeys(runs, run).job, new TextEncoder().encode(text));
}

/**
 * The id of a run's Spark job; undefined when none was started, or it is not known whether one was. Throws `INVALID_RUN`
 * for a note that is malformed.
 */
export async function readJob(runs: Runs, run: string): Promise<string | undefined> {
  const { job: key } = runKeys(runs, run);
  try {
    const { body } = await runs.store.get(key);
    const fields = objectOf(JSON.parse(new TextDecoder().decode(body)), 'the note', ['format', 'id', 'startedAt']);
    if (numberIn(fields, 'format') !== JOB_FORMAT) throw invalidRun(key, `it is of format ${fields.format}`);
    return textIn(fields, 'id');
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    if (error instanceof InvalidField || error instanceof SyntaxError) throw invalidRun(key, error.message, error);
    throw error;
  }
}

/** An object of a run is not what it should be. */
export function invalidRun(key: string, problem: string, cause?: unknown): SparkWorkError {
  return new SparkWorkError('INVALID_RUN', `${key} is not what was expected: ${problem}`, { key }, { cause });
}
