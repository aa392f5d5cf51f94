import { type TableRef, tableKey } from '../../delta/table.ts';
import { findRun, type Runs } from '../../spark/run-folder.ts';

/**
 * The runs that compact a table. In the folder of each are, beside what every run has,
 *
 *     input/      a Delta table of the plan's files, where they lie
 *     output/     files that are not in their place yet
 */
export function optimizeRuns(table: TableRef): Runs {
  return { store: table.store, prefix: tableKey(table, '_resaca/optimize/') };
}

/** The run that is not finished; undefined when there is none. */
export function findOptimizeRun(table: TableRef): Promise<string | undefined> {
  return findRun(optimizeRuns(table));
}
