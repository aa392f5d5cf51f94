import { type TableRef, tableKey } from '../../delta/table.ts';
import { type Runs, runKeys } from '../../spark/run-folder.ts';

/**
 * The runs of a step on Spark, under the root of its target. In the folder of each are, beside what every run has,
 *
 *     note.json            what whoever commits has to know of the plan
 *     attempt-<uuid>/      of the job: tables of input files, statements that are kept, files that are not in their place yet
 */
export function stepRuns(target: TableRef, step: string): Runs {
  return { store: target.store, prefix: tableKey(target, `_resaca/step/${step}/`) };
}

export function noteKey(runs: Runs, run: string): string {
  return `${runKeys(runs, run).folder}note.json`;
}

/** Beside the folder of the runs: how often jobs failed at the same work. */
export function failuresKey({ prefix }: Runs): string {
  return `${prefix.slice(0, -1)}.failures.json`;
}
