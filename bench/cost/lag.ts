/** How old records are when they are in the table: from their time in Kafka until the commit is in the log. */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { StreamProgram } from '../../src/cost/measured.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type KafkaBroker, startKafkaBroker } from '../../test/support/kafka-broker.ts';
import type { LocalS3 } from '../append/local-s3.ts';
import { type BenchBucket, createBenchBucket } from '../kafka/bench-bucket.ts';
import { watchLog } from '../kafka/watch-log.ts';
import { LAGGING, type LagContender } from './lag-contenders.ts';
import type { CostOptions } from './options.ts';
import { producePaced } from './paced-records.ts';

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

const PARTITIONS = 4;
/** Until a contender has begun to read, and its code is there, ms; nothing is produced before. */
const START = 20_000;
/** After the last record, for what is in no commit yet, ms: that of a minute, and Spark's time for it. */
const PATIENCE = 180_000;
/** How often it is looked whether all is there, ms; the times are those of the proxy. */
const LOOK = 2_000;

type Contend = (name: StreamProgram, run: () => Promise<LagResult>) => Promise<void>;

/** One contender after the other, each with a topic of its own on one broker. Throws `UnavailableError` without Java. */
export async function measureLags(options: CostOptions, s3: LocalS3, contend: Contend): Promise<void> {
  const broker = await startKafkaBroker();
  try {
    for (const name of options.lags) {
      await contend(name, async () => measureLag(LAGGING[name], name, broker, await createBenchBucket(s3), options));
    }
  } finally {
    await broker.stop();
  }
}

async function measureLag(
  { contender, trigger, start, root }: LagContender,
  topic: string,
  { bootstrap, createTopic }: KafkaBroker,
  place: BenchBucket,
  options: CostOptions,
): Promise<LagResult> {
  await createTopic(topic, { partitions: PARTITIONS });
  const stop = await start({ bootstrap, topic }, place, options);
  try {
    const paced = { bootstrap, topic, partitions: PARTITIONS, after: START, seconds: options.lagSeconds };
    const { records, end } = await producePaced(paced, options.seed);
    const files = await untilAllIn(place, root(topic), records);
    const lags: number[] = [];
    let rows = 0;
    for (const { path, commit } of files) {
      const committed = place.commits.get(commit);
      if (committed === undefined) throw new Error(`${commit} came past the proxy, its time is not known`);
      const times = await timesIn(place.store, path);
      rows += times.length;
      for (const time of times) if (time <= end) lags.push(committed - time);
    }
    if (rows !== records) throw new Error(`${contender}: ${rows} rows in the files, expected ${records}`);
    const commits = new Set(files.map(({ commit }) => commit)).size;
    return { contender, trigger, records: lags.length, commits, ...quantilesOf(lags) };
  } finally {
    await stop();
  }
}

/** The files of a table, with the key of the commit that added each. Throws when records are missing for long. */
async function untilAllIn({ store }: BenchBucket, root: string, records: number) {
  const news = watchLog(store, root);
  const files: { path: string; commit: string }[] = [];
  let rows = 0;
  for (const deadline = Date.now() + PATIENCE; rows < records; ) {
    if (Date.now() > deadline) throw new Error(`${rows} of ${records} rows are in ${root} after ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    for (const { key, files: added } of await news()) {
      for (const file of added) {
        files.push({ path: `${root}/${file.path}`, commit: key });
        rows += file.rows;
      }
    }
  }
  return files;
}

/** The column `ts`, which is the time of the record in Kafka, ms since the epoch. */
async function timesIn(store: ObjectStore, path: string): Promise<number[]> {
  const { body } = await store.get(path);
  const { buffer, byteOffset, byteLength } = body;
  const rows = await parquetReadObjects({
    file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
    columns: ['ts'],
    compressors,
  });
  return rows.map(({ ts }) => (ts as Date).getTime());
}

/** Of values in any order: the smallest that half of them, and that 99 % of them, do not exceed; and the largest. */
export function quantilesOf(values: readonly number[]): Pick<LagResult, 'median' | 'p99' | 'max'> {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}
