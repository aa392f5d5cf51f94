/** The bronze function as it is deployed, driven by an event source mapping, over a local S3. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { BRONZE_BUNDLE, bundleOptions, copyPackages } from '../../scripts/bundles.ts';
import { startEventSourceMapping } from '../../test/support/event-source-mapping.ts';
import { type Invocation, type RunningFunction, startFunction } from '../lambda-runtime.ts';
import type { BenchBucket } from './bench-bucket.ts';
import { topicRule } from './payloads.ts';
import { type Result, readTable, type Stage } from './stage.ts';

/** Most records of an invocation; its 6 MB may hold fewer. */
export const MAX_BATCH = 10_000;

/** Invocations of a new function until its code is compiled. */
const WARM_UP = 10;

/** The function as it is deployed, built into `folder`; `memorySize` in MB, which bounds the heap of Node. */
export async function startBronze(
  folder: string,
  { topic, format }: Pick<Stage, 'topic' | 'format'>,
  s3: BenchBucket,
  memorySize: number,
): Promise<RunningFunction> {
  await build(bundleOptions(BRONZE_BUNDLE, folder));
  copyPackages(BRONZE_BUNDLE, folder);
  return startFunction(join(folder, BRONZE_BUNDLE.output), {
    memorySize,
    env: {
      ...s3.env,
      RESACA_BUCKET: s3.bucket,
      RESACA_LOG_LEVEL: 'warn',
      RESACA_CONFIG: JSON.stringify({ topics: [topicRule(topic, format)] }),
    },
  });
}

export async function runFunction(stage: Stage, s3: BenchBucket, batch: number, memorySize: number): Promise<Result> {
  const running = await startBronze(stage.folder(), stage, s3, memorySize);
  s3.takeRequests();
  const invocations: (Invocation & { readonly records: number })[] = [];
  const started = performance.now();
  const mapping = await startEventSourceMapping({
    bootstrap: stage.bootstrap,
    topic: stage.topic,
    batchSize: batch,
    pollers: [
      {
        partitions: [0, 1, 2, 3],
        async invoke(event) {
          const records = Object.values(event.records).reduce((sum, list) => sum + list.length, 0);
          invocations.push({ ...(await running.invoke(event)), records });
        },
      },
    ],
  });
  await mapping.drained();
  const wallMs = performance.now() - started;
  await mapping.stop();
  running.stop();
  return {
    contender: `resaca, function of ${memorySize} MB`,
    storage: 'local S3',
    batch,
    cpuMs: invocations.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    startCpuMs: running.initCpuMs,
    wallMs,
    peakRss: invocations.at(-1)?.peakRss ?? 0,
    requests: s3.takeRequests(),
    table: await readTable(s3.store, `bronze/${stage.topic}`),
    ...(invocations.length > 2 * WARM_UP && { note: warmNote(invocations.slice(WARM_UP), stage) }),
  };
}

/** What the invocations take that come when all is compiled: those of a function that has work all day. */
function warmNote(
  invocations: readonly { readonly cpuMs: number; readonly ms: number; readonly records: number }[],
  { bytes, records }: Stage,
): string {
  const sum = (name: 'cpuMs' | 'ms' | 'records') => invocations.reduce((all, one) => all + one[name], 0);
  const perRecord = (1000 * sum('cpuMs')) / sum('records');
  const perGigabyte = (1000 * perRecord) / (bytes / records);
  return (
    `from invocation ${WARM_UP + 1} on: ${perRecord.toFixed(1)} µs of CPU a record, ${perGigabyte.toFixed(1)} CPU-s a GB, ` +
    `${(sum('records') / invocations.length).toFixed(0)} records and ${(sum('ms') / invocations.length).toFixed(0)} ms each`
  );
}
