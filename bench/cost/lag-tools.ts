/** What the measurements of lags have in common. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { BenchBucket } from '../kafka/bench-bucket.ts';
import { watchLog } from '../kafka/watch-log.ts';

export interface LagResult {
  readonly contender: string;
  /** When it commits, in words. */
  readonly trigger: string;
  readonly records: number;
  readonly commits: number;
  /** Over the records, ms. */
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** Seconds between two commits of those that commit by time. */
export const MINUTE = 60;
/** After the last record, for what is in no commit yet, ms: that of a minute, and Spark's time for it. */
const PATIENCE = 180_000;
/** How often it is looked whether all is there, ms; the times are those of the proxy. */
const LOOK = 2_000;

/** The files of a table, with their rows, and when each was committed, ms since the epoch. Throws when rows are missing for long. */
export async function untilAllIn({ store, commits }: BenchBucket, root: string, records: number) {
  const news = watchLog(store, root);
  const files: { path: string; rows: number; at: number }[] = [];
  let rows = 0;
  for (const deadline = Date.now() + PATIENCE; rows < records; ) {
    if (Date.now() > deadline) throw new Error(`${rows} of ${records} rows are in ${root} after ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    for (const { key, files: added } of await news()) {
      const at = commits.get(key);
      for (const file of added) {
        if (at === undefined) throw new Error(`${key} came past the proxy, its time is not known`);
        files.push({ path: `${root}/${file.path}`, rows: file.rows, at });
        rows += file.rows;
      }
    }
  }
  return files;
}

/** Of values in any order: the smallest that half of them, and that 99 % of them, do not exceed; and the largest. */
export function quantilesOf(values: readonly number[]): Pick<LagResult, 'median' | 'p99' | 'max'> {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}

/** Ends a contender's process. */
export function ending(child: ChildProcess): () => Promise<void> {
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
}
