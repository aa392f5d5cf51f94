/** The scheduled consumer as it is deployed: turn after turn until all is written, then some without news. Over a local S3. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions, CONSUMER_BUNDLE, copyPackages } from '../../scripts/bundles.ts';
import { type Invocation, type RunningFunction, startFunction } from '../lambda-runtime.ts';
import type { BenchBucket } from './bench-bucket.ts';
import { topicRule } from './payloads.ts';
import { type Result, readTable, type Stage } from './stage.ts';

/** Seconds, as the construct has it. */
const TIMEOUT = 600;
/** Turns that may be needed, each of which ends when its time is up. */
const MOST_TURNS = 20;
const IDLE_TURNS = 10;

/** The function, built into `folder`; `memorySize` in MB. */
export async function startScheduled(
  folder: string,
  { bootstrap, topic, format }: Pick<Stage, 'bootstrap' | 'topic' | 'format'>,
  s3: BenchBucket,
  { memorySize, flush = {} }: { readonly memorySize: number; readonly flush?: object },
): Promise<RunningFunction> {
  await build(bundleOptions(CONSUMER_BUNDLE, folder));
  copyPackages(CONSUMER_BUNDLE, folder);
  const tables = { topics: [topicRule(topic, format)] };
  return startFunction(join(folder, CONSUMER_BUNDLE.output), {
    memorySize,
    timeout: TIMEOUT,
    env: {
      ...s3.env,
      RESACA_BUCKET: s3.bucket,
      RESACA_LOG_LEVEL: 'warn',
      RESACA_CONFIG: JSON.stringify({ brokers: [bootstrap], topics: [topic], group: `turns-${topic}`, tables, flush }),
    },
  });
}

export async function runTurns(stage: Stage, s3: BenchBucket, batch: number, memorySize: number): Promise<Result> {
  const running = await startScheduled(stage.folder(), stage, s3, { memorySize, flush: { records: batch } });
  try {
    s3.takeRequests();
    const turns: Invocation[] = [];
    const table = () => readTable(s3.store, `bronze/${stage.topic}`);
    do turns.push(await running.invoke({}));
    while ((await table()).rows < stage.records && turns.length < MOST_TURNS);
    const requests = s3.takeRequests();
    const idle: Invocation[] = [];
    for (let turn = 0; turn < IDLE_TURNS; turn++) idle.push(await running.invoke({}));
    const mean = (name: 'cpuMs' | 'ms') => idle.reduce((sum, one) => sum + one[name], 0) / IDLE_TURNS;
    return {
      contender: `resaca, scheduled consumer of ${memorySize} MB`,
      storage: 'local S3',
      batch,
      cpuMs: turns.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      startCpuMs: running.initCpuMs,
      wallMs: turns.reduce((sum, { ms }) => sum + ms, 0),
      peakRss: idle.at(-1)?.peakRss ?? 0,
      requests,
      table: await table(),
      note: `${turns.length} turns; one without news takes ${mean('ms').toFixed(0)} ms, ${mean('cpuMs').toFixed(0)} ms of CPU`,
    };
  } finally {
    running.stop();
  }
}
