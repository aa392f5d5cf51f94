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
import { type Result, readTable, type Stage } from './stage.ts';
import { watchLog } from './watch-log.ts';

/** How often it is looked whether a commit came, ms; by a LIST past what is counted. */
const LOOK = 2_000;
/** After so long it writes what is no whole batch, s: not here, where the records are whole batches. */
const LATENCY = 300;
/** How long nothing may come, ms. */
const PATIENCE = (LATENCY + 60) * 1_000;
const TABLE = 'web';

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
  await createDeltaIngestTable(store);
  const started = performance.now();
  s3?.takeRequests();
  const location = s3 === undefined ? `file://${join(folder, TABLE)}` : `s3://${s3.bucket}/${TABLE}`;
  const child = startDeltaIngest(program, stage, location, ['-l', String(LATENCY), '-m', String(batch), '-b', '1'], s3);
  const watch = watchProcesses(child.pid ?? 0);
  // It does not end by itself.
  const finished = await allWritten(child, store, stage.records);
  watch.stop();
  child.kill('SIGKILL');
  const facts = await readTable(store, TABLE);
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

/** The table must be there. What it says goes to this process's error output. */
export function startDeltaIngest(
  program: string,
  { bootstrap, topic }: Pick<Stage, 'bootstrap' | 'topic'>,
  location: string,
  flush: readonly string[],
  s3?: BenchBucket,
): ChildProcess {
  const args = [
    ...['ingest', topic, location, '-k', bootstrap, '-a', 'bench', '-g', `bench-${randomUUID()}`, '-o', 'earliest'],
    ...[...flush, '-t', 'ds: substr(ts,`0`,`10`)'],
  ];
  return spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, RUST_LOG: 'error', ...s3Variables(s3) },
  });
}

/** Resolves with the time of the last commit: when all is there, or nothing has come for long. */
async function allWritten(child: ChildProcess, store: ObjectStore, records: number): Promise<number> {
  const news = watchLog(store, TABLE);
  let last = performance.now();
  let rows = 0;
  while (rows < records && performance.now() - last < PATIENCE) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(
        `kafka-delta-ingest ended with ${child.signalCode ?? child.exitCode} after ${rows} of ${records} records`,
      );
    }
    await sleep(LOOK);
    const commits = await news();
    if (commits.length > 0) last = performance.now();
    for (const { files } of commits) for (const file of files) rows += file.rows;
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

/** The empty table, which it does not make by itself. */
export async function createDeltaIngestTable(store: ObjectStore): Promise<void> {
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
  await store.put(`${TABLE}/_delta_log/${'0'.repeat(20)}.json`, Buffer.from(text));
}
