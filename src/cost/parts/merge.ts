import { gathered, groupsMet } from '../batches.ts';
import { type Bill, billOf, DAYS } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The merge function. */
export interface MergePart {
  readonly window: number;
  readonly batchSize: number;
  /** MB. */
  readonly memory: number;
  readonly deleteSources: boolean;
}

/** Very small Parquet files of staging prefixes. */
export interface StagedFiles {
  readonly perDay: number;
  /** Tables that they are for, each as often as another. */
  readonly tables: number;
}

/** A message of S3 in an event: so many fit into an invocation (docs/sizing.md). */
const MAX_MESSAGES = 3_700;
/** A test holds the alarms. */
const STANDING = { queues: 1, alarms: 4, metrics: 8 };

/** Commits in a month. */
export function mergeCommits({ perDay, tables }: StagedFiles, part: MergePart): number {
  const files = filesOfBatch(perDay, part);
  return ((perDay * DAYS) / files) * groupsMet(files, tables);
}

export function mergeBill(load: StagedFiles, part: MergePart, prices: PriceList): Bill {
  const files = load.perDay * DAYS;
  const batches = files / filesOfBatch(load.perDay, part);
  const commits = mergeCommits(load, part);
  const { batchMs, fileMs, puts, gets, fileGets } = MEASURED.merge;
  return billOf(
    'merge',
    [
      ['small files: a GET each, and HEADs of the log', 's3.get', fileGets * files + gets * commits],
      ['sources looked at before they are deleted: a HEAD each', 's3.get', part.deleteSources ? files : 0],
      ['a file and a commit for each table of a batch', 's3.put', puts * commits],
      ['events: sent one by one, received and deleted by tens', 'sqs.standard', 1.2 * files],
      ...functionItems('function', {
        invocations: batches,
        cpuMs: batchMs * commits + fileMs * files,
        memory: part.memory,
      }),
      ...standingItems(STANDING),
    ],
    prices,
    [
      `measured: ${batchMs} ms of CPU a commit and ${fileMs} ms a file of 50 rows (npm run bench:functions)`,
      'assumed: the files of a table in a batch are of one partition',
    ],
  );
}

function filesOfBatch(perDay: number, { window, batchSize }: MergePart): number {
  return gathered({ perDay, window, batchSize: Math.min(batchSize, MAX_MESSAGES) });
}
