/**
 * Large files in the deployed loader: `npm run bench:load`. The bundle `dist/lambdas/load/index.mjs` runs in a process that is
 * driven, and whose heap is limited, as Lambda does it, over a local S3 and SQS (MiniStack, needs Python). What comes of it is
 * compared with the source file by DuckDB, row by row. Linux only.
 *
 * `-- WORDS` are the formats (`jsonl csv jsonl.gz csv.gz`), `--mb N` the size of the unpacked content (2,000), `--memory MB` the
 * function's (1,024), `--turn SECONDS` what an invocation has (120): what is not done by then is gone on with by the next.
 */
import { createReadStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { awsVariables, REGION } from '../../scripts/local-aws/ministack.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createSqsClient } from '../../src/aws/sqs-queue.ts';
import type { SqsBatchResponse, SqsEvent } from '../../src/ingest/handler.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { startDuckDb } from '../../test/support/interop/engines.ts';
import { startLocalS3 } from '../append/local-s3.ts';
import { describeMachine, loadText } from '../append/machine.ts';
import { startFunction } from '../lambda-runtime.ts';
import { landedEvent } from '../sizing-events.ts';
import { loadedChecksum, sourceChecksum } from './checksum.ts';
import { FORMATS, type Format, makeSourceFile } from './source-file.ts';

const BUNDLE = join(import.meta.dirname, '../../dist/lambdas/load/index.mjs');
const BUCKET = 'resaca-bench-load';
const MB = 1_000_000;
const MIB = 2 ** 20;
/** More of them would say that it does not come on. */
const MAX_TURNS = 200;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mb: { type: 'string', default: '2000' },
    memory: { type: 'string', default: '1024' },
    turn: { type: 'string', default: '120' },
  },
});

interface World {
  readonly folder: string;
  readonly store: ObjectStore;
  readonly env: Readonly<Record<string, string>>;
  readonly queueUrl: string;
  readonly sqs: ReturnType<typeof createSqsClient>;
}

interface Run {
  readonly turns: number;
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakRss: number;
}

const folder = mkdtempSync(join(tmpdir(), 'resaca-bench-load-'));
try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

async function main(): Promise<void> {
  const formats = FORMATS.filter((format) => positionals.length === 0 || positionals.includes(format));
  console.log(`${describeMachine()}; load ${loadText()}`);
  console.log(`a function of ${options.memory} MB, ${options.turn} s an invocation, ${options.mb} MB of content`);
  // Each has a server of its own, which keeps all that it gets in memory.
  for (const format of formats) console.log(await measure(await createWorld(), format));
}

async function createWorld(): Promise<World> {
  const { endpoint, credentials } = await startLocalS3(undefined);
  const env = awsVariables(endpoint);
  Object.assign(process.env, env);
  const client = createS3Client({ region: REGION, endpoint, credentials });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const sqs = createSqsClient();
  const { QueueUrl: queueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `load-${Date.now()}` }));
  return { folder, store: createS3Store({ client, bucket: BUCKET }), env, queueUrl, sqs };
}

async function measure(world: World, format: Format): Promise<string> {
  const key = `incoming/source.${format}`;
  const path = join(world.folder, `source.${format}`);
  await makeSourceFile(path, Number(options.mb) * MB, format);
  const size = statSync(path).size;
  await world.store.putStream(key, createReadStream(path, { highWaterMark: 8 * MIB }));
  const run = await load(world, key);
  await compare(world, path, format);
  rmSync(path);
  const rate = (ms: number): string => `${((Number(options.mb) / ms) * 1000).toFixed(1)} MB/s`;
  return (
    `${format.padEnd(9)} ${(size / MB).toFixed(0)} MB: ${run.turns} invocations, ${(run.ms / 1000).toFixed(0)} s (${rate(run.ms)}), ` +
    `${(run.cpuMs / 1000).toFixed(0)} s of CPU (${rate(run.cpuMs)}), at most ${(run.peakRss / MIB).toFixed(0)} MiB; load ${loadText()}`
  );
}

/** Gives the function the event of the file, and then what it sends to its own queue, until it sends nothing more. */
async function load({ store, env, queueUrl, sqs }: World, key: string): Promise<Run> {
  const info = await store.head(key);
  if (info === undefined) throw new Error(`${key} is not there`);
  const started = await startFunction(BUNDLE, {
    env: {
      ...env,
      RESACA_CONFIG: JSON.stringify({ rules: [{ prefix: 'incoming', table: 'table' }] }),
      RESACA_LOAD_QUEUE_URL: queueUrl,
      RESACA_LOG_LEVEL: 'warn',
    },
    memorySize: Number(options.memory),
    timeout: Number(options.turn),
  });
  const run = { turns: 0, ms: 0, cpuMs: 0, peakRss: 0 };
  try {
    let event: SqsEvent | undefined = landedEvent(BUCKET, [info]);
    while (event !== undefined) {
      const { response, ms, cpuMs, peakRss } = await started.invoke(event);
      const { batchItemFailures } = response as SqsBatchResponse;
      if (batchItemFailures.length > 0) throw new Error(`the file failed in invocation ${run.turns + 1}`);
      run.turns += 1;
      run.ms += ms;
      run.cpuMs += cpuMs;
      run.peakRss = peakRss;
      if (run.turns === MAX_TURNS) throw new Error(`it came to no end in ${MAX_TURNS} invocations`);
      event = await nextEvent(sqs, queueUrl);
    }
  } finally {
    started.stop();
  }
  return run;
}

async function nextEvent(sqs: World['sqs'], queueUrl: string): Promise<SqsEvent | undefined> {
  const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
  if (message === undefined) return undefined;
  await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
  return { Records: [{ messageId: message.MessageId ?? '', body: message.Body ?? '' }] } as SqsEvent;
}

/** Throws unless the files that landed have the rows of the source, each once. */
async function compare({ folder: own, store }: World, path: string, format: Format): Promise<void> {
  const landed = join(own, 'landed');
  mkdirSync(landed);
  for await (const { key } of store.list('table/resaca-loaded-')) {
    writeFileSync(join(landed, key.slice('table/'.length)), (await store.get(key)).body);
  }
  const duckDb = await startDuckDb();
  const [expected, got] = [await sourceChecksum(duckDb, path, format), await loadedChecksum(duckDb, landed, format)];
  rmSync(landed, { recursive: true });
  if (got.rows !== expected.rows || got.hash !== expected.hash) {
    throw new Error(`${format}: the table has ${JSON.stringify(got)}, the source ${JSON.stringify(expected)}`);
  }
}
