import { type TableRef, tableKey } from '../../delta/table.ts';

/**
 * The objects of a run lie under the table's root in a hidden folder, which no reader, no append and no vacuum looks into:
 *
 *     _resaca/optimize/<run id>/plan.jsonl      what is to be rewritten; as long as it is there, so is the run
 *                               job.json        the id of the Spark job
 *                               input/          of the job: a Delta table of the plan's files, where they lie
 *                               output/         of the job: files that are not in their place yet
 *                               result.jsonl    what the job wrote
 */
const RUNS = '_resaca/optimize/';

export interface RunKeys {
  /** With a slash at the end. */
  readonly folder: string;
  readonly plan: string;
  readonly job: string;
  readonly result: string;
}

export function runKeys(table: TableRef, run: string): RunKeys {
  const folder = tableKey(table, `${RUNS}${run}/`);
  return { folder, plan: `${folder}plan.jsonl`, job: `${folder}job.json`, result: `${folder}result.jsonl` };
}

/** A run that is not finished; undefined when there is none. */
export async function findRun(table: TableRef): Promise<string | undefined> {
  const prefix = tableKey(table, RUNS);
  for (let startAfter = prefix; ; ) {
    const first = await firstKey(table, prefix, startAfter);
    if (first === undefined) return undefined;
    const run = first.slice(prefix.length, first.indexOf('/', prefix.length));
    if (isRunId(run) && (await table.store.head(runKeys(table, run).plan)) !== undefined) return run;
    // Behind all keys of the folder: '0' follows '/'.
    startAfter = `${prefix}${run}0`;
  }
}

/** Ends a run. A crash in between leaves objects that are none of a run, which the next call of `sweepRuns` deletes. */
export async function deleteRun(table: TableRef, run: string): Promise<void> {
  const { folder, plan } = runKeys(table, run);
  await table.store.delete(plan);
  for await (const { key } of table.store.list(folder)) await table.store.delete(key);
}

/**
 * Deletes what finished runs have left, which a crash, or a job that wrote on after it was given up, may have done.
 * Only what was written before this time, ms since the epoch.
 */
export async function sweepRuns(table: TableRef, before: number): Promise<void> {
  const { store } = table;
  for await (const { key, modified } of store.list(tableKey(table, RUNS))) {
    if (modified < before) await store.delete(key);
  }
}

export function isRunId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

async function firstKey({ store }: TableRef, prefix: string, startAfter: string): Promise<string | undefined> {
  for await (const { key } of store.list(prefix, { startAfter })) return key;
  return undefined;
}
