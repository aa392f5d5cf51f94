/** One topic, read by each contender in turn. */
import { existsSync } from 'node:fs';
import { UnavailableError } from '../../test/support/unavailable.ts';
import { startLocalS3 } from '../append/local-s3.ts';
import { createBenchBucket } from './bench-bucket.ts';
import type { PayloadFormat } from './payloads.ts';
import { runConsumer } from './run-consumer.ts';
import { runDeltaIngest } from './run-delta-ingest.ts';
import { MAX_BATCH, runFunction } from './run-function.ts';
import { runSpark } from './run-spark.ts';
import { type Result, type Stage, setStage } from './stage.ts';

export interface ThroughputOptions {
  readonly records: number;
  /** Records a commit; each is a run. */
  readonly batches: readonly number[];
  readonly format: PayloadFormat;
  /** Of the function, MB. */
  readonly memorySize: number;
  /** Path of kafka-delta-ingest. */
  readonly peer: string | undefined;
  readonly spark: boolean;
  /** Names of contenders (function, consumer, peer, spark). @default all */
  readonly only: readonly string[] | undefined;
}

const MIB = 2 ** 20;
const GIGABYTE = 1e9;

const COLUMNS: readonly {
  readonly title: string;
  readonly width: number;
  cell(result: Result, stage: Stage): string;
}[] = [
  { title: 'contender', width: 28, cell: ({ contender }) => contender },
  { title: 'storage', width: 14, cell: ({ storage }) => storage },
  { title: 'asked', width: 8, cell: ({ batch }) => String(batch) },
  { title: 'commits', width: 9, cell: ({ table }) => String(table.commits) },
  { title: 'files', width: 7, cell: ({ table }) => String(table.files) },
  { title: 'MB', width: 7, cell: ({ table }) => (table.bytes / 1e6).toFixed(0) },
  { title: 'CPU-s', width: 8, cell: ({ cpuMs }) => (cpuMs / 1000).toFixed(1) },
  { title: 'start', width: 7, cell: ({ startCpuMs }) => (startCpuMs / 1000).toFixed(1) },
  { title: 'a GB', width: 8, cell: ({ cpuMs }, { bytes }) => (cpuMs / 1000 / (bytes / GIGABYTE)).toFixed(1) },
  { title: 'wall s', width: 8, cell: ({ wallMs }) => (wallMs / 1000).toFixed(0) },
  { title: 'records/s', width: 11, cell: ({ wallMs }, { records }) => (records / (wallMs / 1000)).toFixed(0) },
  { title: 'peak MiB', width: 10, cell: ({ peakRss }) => (peakRss / MIB).toFixed(0) },
];

/** Prints a line for each contender. Throws `UnavailableError` without a broker or an S3 server. */
export async function measureThroughput(options: ThroughputOptions): Promise<void> {
  const { records, batches, format, memorySize, peer, spark } = options;
  const stage = await setStage(format, records);
  try {
    const s3 = await startLocalS3(undefined);
    const bucket = () => createBenchBucket(s3);
    console.log(`${records} records as ${format}, ${(stage.bytes / records).toFixed(0)} bytes each\n`);
    console.log(COLUMNS.map(({ title, width }) => title.padEnd(width)).join(''));
    const isWanted = (name: string) => options.only === undefined || options.only.includes(name);
    const contend = async (name: string, run: () => Promise<Result>): Promise<void> => {
      if (isWanted(name)) await printResult(stage, name, run);
    };
    const [first = MAX_BATCH] = batches;
    await contend('function', async () => runFunction(stage, await bucket(), Math.min(first, MAX_BATCH), memorySize));
    for (const batch of batches) await contend('consumer', async () => runConsumer(stage, await bucket(), batch));
    for (const batch of batches) await contend('peer', () => runPeer(stage, peer, batch));
    for (const batch of batches) await contend('spark', () => (spark ? runSpark(stage, batch) : skip('no --spark')));
  } finally {
    await stage.stop();
  }
}

async function printResult(stage: Stage, name: string, run: () => Promise<Result>): Promise<void> {
  try {
    const result = await run();
    console.log(COLUMNS.map(({ width, cell }) => cell(result, stage).padEnd(width)).join(''));
    if (result.note !== undefined) console.log(`  ${result.note}`);
    const { rows } = result.table;
    if (rows !== stage.records) console.log(`  ${rows} rows in the table, expected ${stage.records}`);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    console.log(`${name} is skipped: ${error.message}`);
  }
}

async function runPeer(stage: Stage, program: string | undefined, batch: number): Promise<Result> {
  if (program === undefined) return skip('no --peer');
  if (!existsSync(program)) return skip(`${program} is not there`);
  if (stage.format !== 'json') return skip('its Avro needs a registry');
  return runDeltaIngest(stage, program, batch);
}

function skip(reason: string): never {
  throw new UnavailableError(reason);
}
