import { createHash } from 'node:crypto';
import {
  type BatchSource,
  deleteBatch,
  type FailedBatch,
  type OtherObject,
  readFailedBatches,
} from './failed-batches.ts';
import { recordId } from './record-id.ts';
import { type ReplayDeps, type ReplayResult, replayRecords } from './replay-records.ts';

export interface BatchReplayOptions {
  /** Records after which no further step begins. @default none */
  readonly limit?: number;
  readonly isDryRun: boolean;
  /** Whether objects are removed of which every record is where it belongs. */
  readonly deletes: boolean;
  /** Time for each step, ms. */
  readonly timeout: number;
  /** Asked before each step; the rest stays as it is. */
  readonly isStopped?: () => boolean;
}

/** One step of a replay: some objects. */
export interface BatchReplayStep {
  readonly objects: number;
  readonly records: number;
  /** Objects that were removed. */
  readonly deleted: number;
  /** Objects with records that are in no table yet. */
  readonly unfinished: readonly string[];
  /** Objects that are no records of failed invocations. */
  readonly others: readonly OtherObject[];
  /** Undefined where there was nothing to replay. */
  readonly result: ReplayResult | undefined;
}

/**
 * Replays the batches that were given up, from the objects of an on-failure destination. Records that no
 * table can take go to the dead letters of their table. Throws the errors of the store that the objects are in.
 */
export async function* replayBatches(
  deps: ReplayDeps,
  source: BatchSource,
  options: BatchReplayOptions,
): AsyncGenerator<BatchReplayStep> {
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  for await (const { batches, others } of readFailedBatches(source)) {
    if (left <= 0 || options.isStopped?.() === true) return;
    const records = batches.flatMap((batch) => batch.records);
    if (records.length === 0 && batches.length === 0) {
      yield { objects: 0, records: 0, deleted: 0, unfinished: [], others, result: undefined };
      continue;
    }
    const result = await replayRecords(deps, records, {
      identity: identityOf(batches),
      deadline: deps.engine.now() + options.timeout,
      isDryRun: options.isDryRun,
      writesLetters: true,
    });
    const isFinished = (batch: FailedBatch) => !batch.records.some((record) => result.untouched.has(recordId(record)));
    const unfinished = batches.filter((batch) => !isFinished(batch)).map(({ key }) => key);
    let deleted = 0;
    for (const batch of options.deletes && !options.isDryRun ? batches.filter(isFinished) : []) {
      if (await deleteBatch(source.store, batch)) deleted += 1;
    }
    left -= records.length;
    yield { objects: batches.length, records: records.length, deleted, unfinished, others, result };
  }
}

/** Key and version of all the objects. */
function identityOf(batches: readonly FailedBatch[]): string {
  const hash = createHash('sha256');
  for (const { key, etag } of batches) hash.update(`${key}\0${etag}\0`);
  return hash.digest('hex');
}
