/** kafka-delta-ingest, into a local folder. It reads JSON only here: its Avro needs a registry. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseType } from '../../src/delta/ddl.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { watchProcesses } from './resources.ts';
import { type Result, readTable, type Stage, type TableFacts } from './stage.ts';

/** How often it is looked, and how long nothing may come. ms. */
const LOOK = 500;
const PATIENCE = 60_000;

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
export async function runDeltaIngest(stage: Stage, program: string, batch: number): Promise<Result> {
  const folder = stage.folder();
  const table = join(folder, 'web');
  createTable(table);
  const started = performance.now();
  const args = [
    ...['ingest', stage.topic, `file://${table}`, '-k', stage.bootstrap, '-a', 'bench', '-g', `bench-${batch}`],
    ...['-o', 'earliest', '-l', '300', '-m', String(batch), '-b', '1'],
    ...['-t', 'ds: substr(ts,`0`,`10`)'],
  ];
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, RUST_LOG: 'warn' },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2_000);
  });
  const watch = watchProcesses(child.pid ?? 0);
  const store = createFolderStore(folder);
  // It does not end by itself.
  const finished = await allWritten(child, () => readTable(store, 'web'), stage.records);
  watch.stop();
  child.kill('SIGKILL');
  if (errors !== '') console.log(`  kafka-delta-ingest said: ${errors.slice(-300)}`);
  const facts = await readTable(store, 'web');
  return {
    contender: 'kafka-delta-ingest',
    storage: 'local folder',
    batch,
    ...watch.usage(),
    startCpuMs: 0,
    wallMs: finished - started,
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

function createTable(folder: string): void {
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
  mkdirSync(join(folder, '_delta_log'), { recursive: true });
  const text = actions.map((action) => `${JSON.stringify(action)}\n`).join('');
  writeFileSync(join(folder, '_delta_log', `${'0'.repeat(20)}.json`), text);
}
