/** `resaca kafka` as a user starts it, from the broker, over a local S3. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchBucket } from './bench-bucket.ts';
import { topicRule } from './payloads.ts';
import { type Usage, watchProcesses } from './resources.ts';
import { type Result, readTable, type Stage } from './stage.ts';

const CLI = join(import.meta.dirname, '../../src/cli/resaca.ts');
/** Until it has its partitions and asks for records, ms. */
const START = 5_000;

export async function runConsumer(stage: Stage, s3: BenchBucket, batch: number): Promise<Result> {
  const source = { ...stage, group: `bench-${batch}` };
  const flush = { records: batch, latency: 300_000 };
  const start = (topic: string) => startConsumer({ ...source, topic }, s3, flush, 'pipe');
  const idle = await run(start(stage.emptyTopic), 0);
  s3.takeRequests();
  const full = await run(start(stage.topic), stage.records);
  return {
    contender: 'resaca kafka',
    storage: 'local S3',
    batch,
    cpuMs: full.cpuMs - idle.cpuMs,
    startCpuMs: idle.cpuMs,
    wallMs: full.wallMs,
    peakRss: full.peakRss,
    requests: s3.takeRequests(),
    table: await readTable(s3.store, `bronze/${stage.topic}`),
  };
}

export function startConsumer(
  { bootstrap, topic, format, group = 'bench' }: Pick<Stage, 'bootstrap' | 'topic' | 'format'> & { group?: string },
  s3: BenchBucket,
  flush: object,
  output: 'pipe' | 'ignore',
): ChildProcess {
  const config = {
    brokers: [bootstrap],
    topics: [topic],
    group: `${group}-${topic}`,
    storage: { bucket: s3.bucket },
    tables: { topics: [topicRule(topic, format)] },
    flush,
    http: { host: '127.0.0.1', port: 0 },
  };
  return spawn(process.execPath, [CLI, 'kafka'], {
    stdio: ['ignore', output, 'inherit'],
    env: { ...process.env, ...s3.env, RESACA_KAFKA_CONFIG: JSON.stringify(config) },
  });
}

/** Until so many records are committed; what is left at the end is written when it stops. */
async function run(child: ChildProcess, records: number): Promise<Usage & { readonly wallMs: number }> {
  const started = performance.now();
  const watch = watchProcesses(child.pid ?? 0);
  try {
    if (records === 0) await sleep(START);
    else await committed(child, records);
    return { ...watch.usage(), wallMs: performance.now() - started };
  } finally {
    watch.stop();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
}

/** How long nothing may be committed before what is in memory is asked for, ms. */
const QUIET = 30_000;

async function committed(child: ChildProcess, records: number): Promise<void> {
  let written = 0;
  let quiet: NodeJS.Timeout | undefined;
  if (child.stdout === null) throw new Error('the consumer has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line);
    if (entry.message !== 'committed') continue;
    written += Number(entry.recordsWritten);
    if (written >= records) return clearTimeout(quiet);
    clearTimeout(quiet);
    quiet = setTimeout(() => child.kill('SIGTERM'), QUIET);
  }
  throw new Error(`the consumer ended after ${written} of ${records} records`);
}
