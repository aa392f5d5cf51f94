/**
 * Memory and time of the deployed append function under different loads: `npm run bench:sizing`. Every load has a fresh
 * process of the bundle, which is driven as Lambda drives it, over a local S3 (MiniStack, needs Python).
 *
 * `-- WORDS` runs the loads with the words in their names, `start` the start-up. `--memory MB` is the function's size,
 * `--fit` finds the smallest that carries each load. `--latency MS` lets every request to S3 wait. `--s3 URL` takes
 * another S3 server, with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { build } from 'esbuild';
import { APPEND_BUNDLE, bundleOptions } from '../scripts/bundles.ts';
import { awsVariables, CREDENTIALS, miniStackPython, REGION, spawnMiniStack } from '../scripts/local-aws/ministack.ts';
import { createS3Client } from '../src/aws/clients.ts';
import { createS3Store } from '../src/aws/s3-store.ts';
import { type Invocation, startFunction } from './lambda-runtime.ts';
import { type S3Proxy, type S3Requests, startS3Proxy } from './s3-proxy.ts';
import { type Landing, LOADS, type Load } from './sizing-loads.ts';
import { measureStart } from './sizing-start.ts';

/** A new one for each run, on servers that stay. */
const BUCKET = `resaca-sizing-${Date.now()}`;
const MIB = 2 ** 20;
/** MB that `--fit` tries, ascending. */
const SIZES = [128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
/** The part of the function's memory that a load may take, for `--fit`. */
const FIT = 0.85;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    memory: { type: 'string', default: '512' },
    fit: { type: 'boolean', default: false },
    latency: { type: 'string', default: '0' },
    s3: { type: 'string' },
  },
});

interface World {
  readonly bundle: string;
  readonly landing: Omit<Landing, 'prefix'>;
  readonly proxy: S3Proxy;
  /** Variables of the function. */
  readonly env: Readonly<Record<string, string>>;
}

interface Turn extends Invocation {
  readonly requests: S3Requests;
}

const COLUMNS: readonly { readonly title: string; readonly width: number; readonly cell: (turns: Turns) => string }[] =
  [
    { title: 'first: wall ms', width: 16, cell: ({ first }) => first.ms.toFixed(0) },
    { title: 'CPU ms', width: 8, cell: ({ first }) => first.cpuMs.toFixed(0) },
    { title: 'requests', width: 42, cell: ({ first }) => requestsText(first.requests) },
    { title: 'peak MiB', width: 10, cell: ({ first }) => (first.peakRss / MIB).toFixed(0) },
    { title: 'last: wall ms', width: 15, cell: ({ last }) => last.ms.toFixed(0) },
    { title: 'CPU ms', width: 8, cell: ({ last }) => last.cpuMs.toFixed(0) },
    { title: 'requests', width: 42, cell: ({ last }) => requestsText(last.requests) },
    { title: 'peak MiB', width: 10, cell: ({ last }) => (last.peakRss / MIB).toFixed(0) },
  ];

interface Turns {
  readonly first: Turn;
  readonly last: Turn;
}

let runs = 0;

const folder = mkdtempSync(join(tmpdir(), 'resaca-sizing-'));
try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

async function main(): Promise<void> {
  const bundle = join(folder, APPEND_BUNDLE.output);
  await build(bundleOptions(APPEND_BUNDLE, folder));
  const wanted = (name: string): boolean => positionals.length === 0 || positionals.some((word) => name.includes(word));
  if (wanted('start')) await measureStart(bundle, folder);
  const loads = LOADS.filter(({ name }) => wanted(name));
  if (loads.length === 0) return;
  const world = await createWorld(bundle);
  if (options.fit) for (const load of loads) console.log(`${load.name.padEnd(48)} ${await smallestSize(world, load)}`);
  else {
    console.log(COLUMNS.map(({ title, width }) => title.padStart(width)).join(''));
    for (const load of loads) await printLoad(world, load, Number(options.memory));
  }
}

async function createWorld(bundle: string): Promise<World> {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = process.env;
  const credentials =
    options.s3 === undefined ? CREDENTIALS : { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
  const endpoint = options.s3 ?? (await startMiniStack());
  const client = createS3Client({ region: REGION, endpoint, credentials });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const proxy = await startS3Proxy(endpoint, Number(options.latency));
  const env = {
    ...awsVariables(proxy.endpoint),
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    NODE_OPTIONS: '--enable-source-maps',
    RESACA_LOG_LEVEL: 'warn',
  };
  return { bundle, proxy, env, landing: { store: createS3Store({ client, bucket: BUCKET }), bucket: BUCKET } };
}

async function startMiniStack(): Promise<string> {
  const server = await spawnMiniStack(await miniStackPython(), folder);
  await server.ready();
  return server.endpoint;
}

/** Gives a load to a fresh function, and hands out what each invocation took. Throws if the function does not get through. */
async function* invocations({ bundle, landing, proxy, env }: World, load: Load, memorySize: number) {
  runs += 1;
  const place: Landing = { ...landing, prefix: `run-${runs}` };
  await load.prepare?.(place);
  const started = await startFunction(bundle, { env, memorySize });
  try {
    for (let turn = 0; turn < (load.invocations ?? 2); turn += 1) {
      const event = await load.event(place, turn);
      proxy.takeRequests();
      const result = await started.invoke(event);
      const { batchItemFailures } = result.response as { batchItemFailures: unknown[] };
      if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} messages failed`);
      yield { ...result, requests: proxy.takeRequests() } satisfies Turn;
    }
  } finally {
    started.stop();
  }
}

/** The smallest of the sizes in which the load leaves some memory free. */
async function smallestSize(world: World, load: Load): Promise<string> {
  for (const size of SIZES) {
    try {
      let peak = 0;
      for await (const { peakRss } of invocations(world, load, size)) peak = peakRss / MIB;
      if (peak <= size * FIT) return `${size} MB (takes ${peak.toFixed(0)} MiB)`;
    } catch (error) {
      console.error(`${load.name}, ${size} MB: ${messageOf(error)}`);
    }
  }
  return `more than ${SIZES.at(-1)} MB`;
}

async function printLoad(world: World, load: Load, memorySize: number): Promise<void> {
  const turns: Turn[] = [];
  let problem = '';
  try {
    for await (const turn of invocations(world, load, memorySize)) turns.push(turn);
  } catch (error) {
    problem = messageOf(error);
  }
  const [first] = turns;
  const last = turns.at(-1);
  console.log(load.name);
  if (first !== undefined && last !== undefined) {
    console.log(COLUMNS.map(({ width, cell }) => cell({ first, last }).padStart(width)).join(''));
  }
  if (problem !== '') console.log(`  invocation ${turns.length + 1}: ${problem}`);
}

function requestsText({ get, head, list, put }: S3Requests): string {
  return `${get} GET ${list} LIST ${put} PUT${head > 0 ? ` ${head} HEAD` : ''}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
