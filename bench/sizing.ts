/**
 * Memory and time of the deployed append function under different loads: `npm run bench:sizing`. Every load has a fresh
 * process of the bundle, which is driven as Lambda drives it, over a local S3 (MiniStack, needs Python). Its wall time
 * is mostly that of the local S3; CPU time and memory are the function's own. `-- WORD` runs the loads with the word.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { build } from 'esbuild';
import { APPEND_BUNDLE, bundleOptions } from '../scripts/bundles.ts';
import { awsVariables, CREDENTIALS, miniStackPython, REGION, spawnMiniStack } from '../scripts/local-aws/ministack.ts';
import { createS3Client } from '../src/aws/clients.ts';
import { createS3Store } from '../src/aws/s3-store.ts';
import { mapConcurrently } from '../src/ingest/concurrently.ts';
import { createRandom } from '../src/local/demo/random.ts';
import { webRequests } from '../src/local/demo/web-requests.ts';
import { WRITERS, writeFile } from '../src/local/demo/writers.ts';
import { s3Notification } from '../src/local/s3-event.ts';
import type { ObjectStore } from '../src/storage/object-store.ts';
import { type RunningFunction, startFunction } from './lambda-runtime.ts';
import { wideFile } from './wide-file.ts';

const BUCKET = 'sizing';
const MIB = 2 ** 20;

const folder = mkdtempSync(join(tmpdir(), 'resaca-sizing-'));
try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

interface Load {
  readonly name: string;
  readonly files: number;
  readonly tables: number;
  readonly content: Uint8Array;
}

async function main(): Promise<void> {
  const bundle = join(folder, APPEND_BUNDLE.output);
  await build(bundleOptions(APPEND_BUNDLE, folder));
  await measureStart(bundle);
  const server = await spawnMiniStack(await miniStackPython(), join(folder));
  await server.ready();
  const client = createS3Client({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const store = createS3Store({ client, bucket: BUCKET });
  const env = { ...awsVariables(server.endpoint), NODE_OPTIONS: '--enable-source-maps', RESACA_LOG_LEVEL: 'warn' };
  const usual = writeFile(webRequests(createRandom(1), { rows: 1_000, from: Date.now(), userAgent: true }), WRITERS[0]);
  const loads: Load[] = [
    { name: '1 file', files: 1, tables: 1, content: usual },
    { name: '10 files', files: 10, tables: 1, content: usual },
    { name: '1,000 files, 1 table', files: 1_000, tables: 1, content: usual },
    { name: '1,000 files, 100 tables', files: 1_000, tables: 100, content: usual },
    { name: '10,000 files, 1 table', files: 10_000, tables: 1, content: usual },
    { name: '1,000 files of 500 columns', files: 1_000, tables: 1, content: wideFile(500, 1) },
    { name: '100 files, footers of 1 MB', files: 100, tables: 4, content: wideFile(500, 18) },
    { name: '64 files, footers of 12 MB', files: 64, tables: 8, content: wideFile(2_000, 55) },
  ];
  console.log('load                          content, kB   wall ms   CPU ms   then, wall ms   CPU ms   peak RSS, MiB');
  const [word = ''] = process.argv.slice(2);
  for (const [index, load] of loads.filter(({ name }) => name.includes(word)).entries()) {
    // What Node takes by itself on a machine with 512 MB: half of it.
    const started = await startFunction(bundle, { env, nodeArguments: ['--max-old-space-size=256'] });
    const first = await run(started, store, load, `l${index}`, 0);
    const second = await run(started, store, load, `l${index}`, 1);
    started.stop();
    const cells = [
      load.name.padEnd(28),
      (load.content.byteLength / 1000).toFixed(0).padStart(13),
      first.ms.toFixed(0).padStart(10),
      first.cpuMs.toFixed(0).padStart(9),
      second.ms.toFixed(0).padStart(16),
      second.cpuMs.toFixed(0).padStart(9),
      (second.peakRss / MIB).toFixed(0).padStart(16),
    ];
    console.log(cells.join(''));
  }
}

async function run(started: RunningFunction, store: ObjectStore, load: Load, prefix: string, turn: number) {
  const keys = Array.from(
    { length: load.files },
    (_, index) => `${prefix}/t${index % load.tables}/ds=2026-11-24/f${turn}-${index}.parquet`,
  );
  await mapConcurrently(keys, 16, (key) => store.put(key, load.content));
  const etag = (await store.head(keys[0] ?? ''))?.etag ?? '';
  const size = load.content.byteLength;
  const Records = keys.map((key, index) => ({
    messageId: String(index),
    body: s3Notification(BUCKET, { kind: 'created', key, size, etag, time: Date.now() }),
  }));
  const result = await started.invoke({ Records });
  const { batchItemFailures } = result.response as { batchItemFailures: unknown[] };
  if (batchItemFailures.length > 0) throw new Error(`${load.name}: ${batchItemFailures.length} messages failed`);
  return result;
}

/** Process start until the function asks for its first event, the median of some starts. */
async function measureStart(bundle: string): Promise<void> {
  const client = join(folder, 'client.ts');
  const source =
    "import { S3Client } from '@aws-sdk/client-s3';\nconst client = new S3Client({ region: 'us-east-1' });\nexport const handler = async () => client.config.apiVersion;\n";
  writeFileSync(client, source);
  const withClient = join(folder, 'client.mjs');
  const { outdir: _, entryNames: __, ...options } = bundleOptions(APPEND_BUNDLE, folder);
  await build({
    ...options,
    entryPoints: [client],
    outfile: withClient,
    absWorkingDir: join(import.meta.dirname, '..'),
    nodePaths: [join(import.meta.dirname, '../node_modules')],
  });
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, 'export const handler = async () => 0;\n');
  const env = { AWS_REGION: REGION };
  const maps = { ...env, NODE_OPTIONS: '--enable-source-maps' };
  console.log('start, median of 15                                   ready after, ms   CPU ms');
  await printStart('an empty function', empty, env);
  await printStart('a function with an S3 client', withClient, env);
  await printStart('the append function, as deployed (source maps)', bundle, maps);
  await printStart('the append function without --enable-source-maps', bundle, env);
  console.log('');
}

async function printStart(name: string, bundle: string, env: Readonly<Record<string, string>>): Promise<void> {
  const times: { ms: number; cpu: number }[] = [];
  for (let turn = 0; turn < 15; turn += 1) {
    // What Node takes by itself on a machine with 512 MB: half of it.
    const started = await startFunction(bundle, { env, nodeArguments: ['--max-old-space-size=256'] });
    times.push({ ms: started.initMs, cpu: started.initCpuMs });
    started.stop();
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const ms = median(times.map((time) => time.ms));
  const cpu = median(times.map((time) => time.cpu));
  console.log(`${name.padEnd(52)}${ms.toFixed(0).padStart(17)}${cpu.toFixed(0).padStart(9)}`);
}
