/** How old records are when they are in the table: from their time in Kafka until the commit is in the log. */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { StreamProgram } from '../../src/cost/measured.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type KafkaBroker, startKafkaBroker } from '../../test/support/kafka-broker.ts';
import type { LocalS3 } from '../append/local-s3.ts';
import { type BenchBucket, createBenchBucket } from '../kafka/bench-bucket.ts';
import { FILE_LAGS, type FileLagProgram, measureFileLag } from './file-lag.ts';
import { LAGGING, type LagContender } from './lag-contenders.ts';
import { type LagResult, quantilesOf, untilAllIn } from './lag-tools.ts';
import type { CostOptions } from './options.ts';
import { producePaced } from './paced-records.ts';

/** Whose lag is measured: of records of Kafka, or of files that land. */
export type LagProgram = StreamProgram | FileLagProgram;

const PARTITIONS = 4;
/** Until a contender has begun to read, and its code is there, ms; nothing is produced before. */
const START = 20_000;

type Contend = (name: LagProgram, run: () => Promise<LagResult>) => Promise<void>;

/** One contender after the other, those of Kafka each with a topic of its own on one broker. Throws `UnavailableError` without Java. */
export async function measureLags(options: CostOptions, s3: LocalS3, contend: Contend): Promise<void> {
  for (const name of options.lags.filter(isOfFiles)) await contend(name, () => measureFileLag(name, s3, options));
  const streams = options.lags.filter((name) => !isOfFiles(name));
  if (streams.length === 0) return;
  const broker = await startKafkaBroker();
  try {
    for (const name of streams) {
      await contend(name, async () => measureLag(LAGGING[name], name, broker, await createBenchBucket(s3), options));
    }
  } finally {
    await broker.stop();
  }
}

function isOfFiles(name: LagProgram): name is FileLagProgram {
  return name in FILE_LAGS;
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
    for (const { path, at } of files) {
      const times = await timesIn(place.store, path);
      rows += times.length;
      for (const time of times) if (time <= end) lags.push(at - time);
    }
    if (rows !== records) throw new Error(`${contender}: ${rows} rows in the files, expected ${records}`);
    const commits = new Set(files.map(({ at }) => at)).size;
    return { contender, trigger, records: lags.length, commits, ...quantilesOf(lags) };
  } finally {
    await stop();
  }
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
