import type { ObjectStore } from '../storage/object-store.ts';

/** Where runs of one kind are: a folder for each, by its id. */
export interface Runs {
  readonly store: ObjectStore;
  /** Key prefix, with a slash at its end. */
  readonly prefix: string;
}

/**
 * The objects of a run lie in a hidden folder under a table's root, which no reader, no append and no vacuum looks into:
 *
 *     <run id>/plan.jsonl      what is to be done; as long as it is there, so is the run
 *              job.json        the id of the Spark job
 *              result.jsonl    what the job wrote, written last
 *
 * and beside them what the job needs for itself.
 */
export interface RunKeys {
  /** With a slash at the end. */
  readonly folder: string;
  readonly plan: string;
  readonly job: string;
  readonly result: string;
}

export function runKeys({ prefix }: Pick<Runs, 'prefix'>, run: string): RunKeys {
  const folder = `${prefix}${run}/`;
  return { folder, plan: `${folder}plan.jsonl`, job: `${folder}job.json`, result: `${folder}result.jsonl` };
}

/** A run that is not finished; undefined when there is none. */
export async function findRun(runs: Runs): Promise<string | undefined> {
  const { store, prefix } = runs;
  for (let startAfter = prefix; ; ) {
    const first = await firstKey(store, prefix, startAfter);
    if (first === undefined) return undefined;
    const end = first.indexOf('/', prefix.length);
    if (end < 0) {
      startAfter = first;
      continue;
    }
    const run = first.slice(prefix.length, end);
    if (isRunId(run) && (await store.head(runKeys(runs, run).plan)) !== undefined) return run;
    // Behind all keys of the folder: '0' follows '/'.
    startAfter = `${prefix}${run}0`;
  }
}

/** Ends a run. A crash in between leaves objects that are none of a run, which the next call of `sweepRuns` deletes. */
export async function deleteRun(runs: Runs, run: string): Promise<void> {
  const { store } = runs;
  const { folder, plan } = runKeys(runs, run);
  await store.delete(plan);
  for await (const { key } of store.list(folder)) await store.delete(key);
}

/**
 * Deletes what finished runs have left, which a crash, or a job that wrote on after it was given up, may have done.
 * Only what was written before this time, ms since the epoch.
 */
export async function sweepRuns({ store, prefix }: Runs, before: number): Promise<void> {
  for await (const { key, modified } of store.list(prefix)) {
    if (modified < before) await store.delete(key);
  }
}

export function isRunId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

async function firstKey(store: ObjectStore, prefix: string, startAfter: string): Promise<string | undefined> {
  for await (const { key } of store.list(prefix, { startAfter })) return key;
  return undefined;
}
