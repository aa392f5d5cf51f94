/** kafka-delta-ingest, into a local folder or a bucket. It reads JSON only here: its Avro needs a registry. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseType } from '../../src/delta/ddl.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { BenchBucket } from './bench-bucket.ts';
import { watchProcesses } from './resources.ts';
import { type Result, readTable, type Stage, type TableFacts } from './stage.ts';

/** How often it is looked, ms. */
const LOOK = 500;
/** After so long it writes what is no whole batch, s. */
const LATENCY = 300;
/** How long nothing may come, ms. */
const PATIENCE = (LATENCY + 60) * 1_000;

const COLUMNS = {
  ts: 'timestamp',
  method: 'string',
  url: 'string',
  status: 'long',
  bytes: 'long',
  took_ms: 'double',
  user_agent: 'string',
  client: 'struct<ip: string, country: string, session: string>',
  ds: 'string',
};

/** `program` is its path. Its start, of some 10 ms, is counted. */
export async function runDeltaIngest(stage: Stage, program: string, batch: number, s3?: BenchBucket): Promise<Result> {
  const folder = stage.folder();
  const store = s3?.store ?? createFolderStore(folder);
  await createTable(store);
  const started = performance.now();
  s3?.takeRequests();
  const args = [
    ...['ingest', stage.topic, s3 === undefined ? `file://${join(folder, 'web')}` : `s3://${s3.bucket}/web`],
    ...['-k', stage.bootstrap, '-a', 'bench', '-g', `bench-${batch}`],
    ...['-o', 'earliest', '-l', String(LATENCY), '-m', String(batch), '-b', '1'],
    ...['-t', 'ds: substr(ts,`0`,`10`)'],
  ];
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, RUST_LOG: 'warn', ...s3Variables(s3) },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2_000);
  });
  const watch = watchProcesses(child.pid ?? 0);
  // It does not end by itself.
  const finished = await allWritten(child, () => readTable(store, 'web'), stage.records);
  watch.stop();
  child.kill('SIGKILL');
  if (errors !== '') console.log(`  kafka-delta-ingest said: ${errors.slice(-300)}`);
  const facts = await readTable(store, 'web');
  return {
    contender: 'kafka-delta-ingest',
    storage: s3 === undefined ? 'local folder' : 'local S3',
    batch,
    ...watch.usage(),
    startCpuMs: 0,
    wallMs: finished - started,
    ...(s3 !== undefined && { requests: s3.takeRequests() }),
    // The first version was there before.
    table: { ...facts, commits: facts.commits - 1 },
  };
}

/** Resolves with the time of the last commit: when all is there, or nothing has come for long. */
async function allWritten(child: ChildProcess, read: () => Promise<TableFacts>, records: number): Promise<number> {
  let last = performance.now();
  let known = 0;
  while (child.exitCode === null && performance.now() - last < PATIENCE) {
    await sleep(LOOK);
    const { rows } = await read();
    if (rows > known) last = performance.now();
    known = rows;
    if (rows >= records) break;
  }
  return last;
}

function s3Variables(s3: BenchBucket | undefined): Readonly<Record<string, string>> {
  if (s3 === undefined) return {};
  const { endpoint, region, accessKeyId, secretAccessKey } = s3.address;
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ALLOW_HTTP: 'true',
    // There is one writer: without this it asks for a lock in DynamoDB, which costs it more.
    AWS_S3_ALLOW_UNSAFE_RENAME: 'true',
  };
}

async function createTable(store: ObjectStore): Promise<void> {
  const fields = Object.entries(COLUMNS).map(([name, type]) => {
    return { name, type: parseType(type), nullable: true, metadata: {} };
  });
  const actions = newTableActions({
    schema: { type: 'struct', fields },
    partitionColumns: ['ds'],
    configuration: {},
    id: randomUUID(),
    createdTime: Date.now(),
  });
  const text = actions.map((action) => `${JSON.stringify(action)}\n`).join('');
  await store.put(`web/_delta_log/${'0'.repeat(20)}.json`, Buffer.from(text));
}
