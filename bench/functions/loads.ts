/** What each function is given, with the settings that it is deployed with. */
import { randomUUID } from 'node:crypto';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  type Bundle,
  CATALOG_BUNDLE,
  CDF_EXPORT_BUNDLE,
  GROUP_BUNDLE,
  LOAD_BUNDLE,
  MAINTENANCE_BUNDLE,
  MEDALLION_BUNDLE,
  MERGE_BUNDLE,
  QUEUE_INGEST_BUNDLE,
  TAG_BUNDLE,
  WEBHOOK_BUNDLE,
} from '../../scripts/bundles.ts';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { createRandom } from '../../src/local/demo/random.ts';
import { webRequests as rowsOf } from '../../src/local/demo/web-requests.ts';
import { WRITERS, writeFile } from '../../src/local/demo/writers.ts';
import { webRequests } from '../kafka/web-requests.ts';
import { landedEvent } from '../sizing-events.ts';
import { growTable, type TableGrowth } from './tables.ts';
import { land, messagesEvent, type World } from './world.ts';

export interface Sized {
  /** Units of work in an invocation. */
  readonly size: number;
  /** Invocations that count. */
  readonly turns: number;
  /** Prepares the work of an invocation, which is not measured, and gives its event. `turn` is below 0 while it warms up. */
  event(world: World, turn: number): Promise<unknown>;
}

export interface FunctionLoad {
  readonly name: string;
  /** What `size` counts. */
  readonly unit: string;
  readonly bundle: Bundle;
  /** MB, as it is deployed by default. */
  readonly memorySize: number;
  env(world: World): Promise<Readonly<Record<string, string>>>;
  /** Ascending. */
  readonly sizes: readonly Sized[];
}

const TURNS = 30;
const SECRET = 'a-secret-of-the-benchmark';
/** A Parquet file of 50 rows. */
const SMALL = parquetFile(50);

interface Growth extends TableGrowth {
  readonly size: number;
  readonly turns: number;
}

const THOUSANDS: readonly Growth[] = [
  { size: 1, turns: 10, files: 1, rows: 1_000 },
  { size: 50, turns: 5, files: 1, rows: 50_000 },
];

export const LOADS: readonly FunctionLoad[] = [
  {
    name: 'group',
    unit: 'file',
    bundle: GROUP_BUNDLE,
    memorySize: 256,
    env: async (world) => ({ RESACA_TARGET_QUEUE_URL: await world.createQueue('grouped.fifo') }),
    sizes: [10, 1_000].map((size) => ({
      size,
      turns: TURNS,
      // It looks at no object: they need not be there.
      event: async ({ bucket }, turn) => landedEvent(bucket, names(`group/${turn}`, size, 10)),
    })),
  },
  {
    name: 'tag',
    unit: 'file',
    bundle: TAG_BUNDLE,
    memorySize: 256,
    env: async () => ({ RESACA_CONFIG: JSON.stringify({ rules: [{ tags: { team: 'web' } }] }) }),
    sizes: [10, 200].map((size) => ({
      size,
      turns: 10,
      event: (world, turn) => landedIn(world, `tag-${size}/${turn}`, size),
    })),
  },
  {
    name: 'webhook',
    unit: 'request',
    bundle: WEBHOOK_BUNDLE,
    memorySize: 512,
    env: webhookEnvironment,
    sizes: [{ size: 1, turns: 100, event: async () => request() }],
  },
  {
    name: 'queue ingest',
    unit: 'message',
    bundle: QUEUE_INGEST_BUNDLE,
    memorySize: 1_024,
    env: async ({ bucket }) => ({
      RESACA_BUCKET: bucket,
      RESACA_CONFIG: JSON.stringify({ name: 'web', table: `bronze/${randomUUID()}`, columns: { ts: 'timestamp' } }),
    }),
    sizes: [10, 1_000].map((size) => ({
      size,
      turns: TURNS,
      event: async (_, turn) => messagesEvent([...webRequests(size, turn + 100)].map((row) => JSON.stringify(row))),
    })),
  },
  {
    name: 'merge',
    unit: 'file',
    bundle: MERGE_BUNDLE,
    memorySize: 1_024,
    env: async () => ({
      RESACA_CONFIG: JSON.stringify({ rules: [{ prefix: 'staging/{name}', table: 'merged/{name}' }] }),
    }),
    sizes: [10, 500].map((size) => ({
      size,
      turns: 10,
      event: (world, turn) => landedIn(world, `staging/m${size}`, size, `ds=2026-11-24/${turn}-`),
    })),
  },
  {
    name: 'load, JSON lines',
    unit: 'MB',
    bundle: LOAD_BUNDLE,
    memorySize: 1_024,
    env: async (world) => ({
      RESACA_LOAD_QUEUE_URL: await world.createQueue('load'),
      RESACA_CONFIG: JSON.stringify({ rules: [{ prefix: 'incoming/{name}', table: 'loaded/{name}' }] }),
    }),
    sizes: [0.1, 10].map((size) => ({
      size,
      turns: 5,
      event: (world, turn) =>
        land(world, [{ key: `incoming/j${size}/${turn}.jsonl`, body: jsonLines(size * 1e6, turn + 100) }]),
    })),
  },
  {
    name: 'catalog, a table that has not changed',
    unit: 'table',
    bundle: CATALOG_BUNDLE,
    memorySize: 512,
    env: async (world) => ({
      RESACA_CATALOG_QUEUE_URL: await world.createQueue('catalog'),
      RESACA_CONFIG: JSON.stringify({ buckets: [world.bucket], rules: [{ root: 'cat/{table}', database: 'bench' }] }),
    }),
    sizes: [1, 10].map((size) => ({ size, turns: TURNS, event: (world, turn) => catalogEvent(world, size, turn) })),
  },
  exportLoad('export, nothing new', 'table', [{ size: 1, turns: TURNS, files: 0, rows: 0 }]),
  exportLoad('export', 'thousand rows', THOUSANDS),
  stepLoad('step, nothing new', 'step', [{ size: 1, turns: TURNS, files: 0, rows: 0 }]),
  stepLoad('step that appends', 'thousand rows', THOUSANDS),
  stepLoad('step that merges', 'thousand rows', THOUSANDS, { mode: 'merge', keys: ['offset'], orderBy: 'ts' }),
  upkeepLoad('optimize', 'file of 0.8 MB', 'optimize', [
    { size: 5, turns: 3, files: 5, rows: 12_000 },
    { size: 20, turns: 3, files: 20, rows: 12_000 },
  ]),
  upkeepLoad('checkpoint', 'commit', 'checkpoint', [{ size: 10, turns: 10, files: 10, rows: 10 }]),
  upkeepLoad('vacuum', 'file', 'vacuum', [{ size: 10, turns: 5, files: 10, rows: 10 }]),
  upkeepLoad('clean log', 'commit', 'cleanLog', [{ size: 10, turns: 5, files: 10, rows: 10 }]),
];

/** The function is told of a table that has grown since the last time. */
function exportLoad(name: string, unit: string, sizes: readonly Growth[]): FunctionLoad {
  return {
    name,
    unit,
    bundle: CDF_EXPORT_BUNDLE,
    memorySize: 2_048,
    env: async (world) => ({
      RESACA_EXPORT_QUEUE_URL: await world.createQueue('export.fifo'),
      RESACA_EXPORT_BUCKETS: JSON.stringify({ web: { tables: world.bucket, to: world.bucket } }),
      RESACA_CONFIG: JSON.stringify({ exports: [{ name: 'web', prefix: 'cdf', to: 'exported' }] }),
    }),
    sizes: grown(
      sizes,
      (size) => rootOf('cdf', name, size),
      (root) => ({ export: 'web', root }),
    ),
  };
}

/** A step's message comes when its source has grown since the last time. */
function stepLoad(name: string, unit: string, sizes: readonly Growth[], mode: object = {}): FunctionLoad {
  const stepOf = (root: string): string => root.replaceAll('/', '-');
  const steps = sizes.map(({ size }) => {
    const root = rootOf('steps', name, size);
    return {
      name: stepOf(root),
      source: { bucket: 'landing', prefix: root, name: 'requests' },
      target: `silver/${root}`,
      sql: 'SELECT "offset", ts, method, url, status, bytes, took_ms, client.country FROM requests WHERE status < 500',
      ...mode,
    };
  });
  return {
    name,
    unit,
    bundle: MEDALLION_BUNDLE,
    memorySize: 2_048,
    env: async (world) => ({
      RESACA_STEP_QUEUE_URL: await world.createQueue('steps.fifo'),
      RESACA_STEP_BUCKETS: JSON.stringify({ landing: world.bucket }),
      RESACA_STEP_DISK: '4096',
      RESACA_CONFIG: JSON.stringify({ steps }),
    }),
    sizes: grown(
      sizes,
      (size) => rootOf('steps', name, size),
      (root) => ({ step: stepOf(root) }),
    ),
  };
}

/** A table that is new each time is given to the maintenance function. */
function upkeepLoad(name: string, unit: string, task: string, sizes: readonly Growth[]): FunctionLoad {
  return {
    name,
    unit,
    bundle: MAINTENANCE_BUNDLE,
    memorySize: 2_048,
    env: async (world) => ({
      RESACA_MAINTENANCE_QUEUE_URL: await world.createQueue('upkeep.fifo'),
      RESACA_CONFIG: JSON.stringify({ places: [{ bucket: world.bucket }], optimize: { minAge: 0 } }),
    }),
    sizes: grown(
      sizes,
      () => `upkeep/${randomUUID()}`,
      (root, { bucket }) => ({ bucket, root, tasks: [task] }),
    ),
  };
}

/** The place of a load's table, the same for each of its invocations. */
function rootOf(folder: string, name: string, size: number): string {
  return `${folder}/${name.replaceAll(/\W/g, '-')}-${size}`;
}

/** Invocations with one message each, about a table that has grown just before. */
function grown(
  sizes: readonly Growth[],
  tableOf: (size: number) => string,
  messageOf: (root: string, world: World) => object,
): readonly Sized[] {
  return sizes.map(({ size, turns, ...growth }) => ({
    size,
    turns,
    async event(world) {
      const root = tableOf(size);
      await growTable(world, root, growth);
      return messagesEvent([JSON.stringify(messageOf(root, world))]);
    },
  }));
}

async function catalogEvent(world: World, tables: number, turn: number): Promise<unknown> {
  const roots = Array.from({ length: tables }, (_, index) => `cat/t${index}`);
  if (turn === -5) for (const root of roots) await growTable(world, root, { files: 1, rows: 10 });
  return messagesEvent(roots.map((root) => JSON.stringify({ bucket: world.bucket, root })));
}

function names(prefix: string, count: number, tables: number) {
  return Array.from({ length: count }, (_, index) => ({
    key: `${prefix}/t${index % tables}/part-${index}.parquet`,
    size: SMALL.byteLength,
    etag: '0'.repeat(32),
  }));
}

async function landedIn(world: World, prefix: string, count: number, start = 'part-') {
  return land(
    world,
    Array.from({ length: count }, (_, index) => ({ key: `${prefix}/${start}${index}.parquet`, body: SMALL })),
  );
}

async function webhookEnvironment(world: World): Promise<Record<string, string>> {
  const secrets = new SecretsManagerClient({
    region: REGION,
    endpoint: world.server.endpoint,
    credentials: CREDENTIALS,
  });
  const name = `hook-${randomUUID()}`;
  await secrets.send(new CreateSecretCommand({ Name: name, SecretString: SECRET }));
  const target = { queueUrl: await world.createQueue('hooks'), secretId: name };
  return {
    RESACA_TARGETS: JSON.stringify({ '/web': target }),
    RESACA_CONFIG: JSON.stringify({ webhooks: [{ path: '/web', signature: 'bearer' }] }),
  };
}

/** As a function URL gives it. */
function request(): unknown {
  const [row] = webRequests(1);
  return {
    version: '2.0',
    rawPath: '/web',
    headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
    body: JSON.stringify(row),
    isBase64Encoded: false,
    requestContext: { stage: '$default', http: { method: 'POST' } },
  };
}

function parquetFile(rows: number): Uint8Array {
  return writeFile(rowsOf(createRandom(1), { rows, from: Date.parse('2026-11-24'), userAgent: true }), WRITERS[0]);
}

function jsonLines(bytes: number, seed: number): Uint8Array {
  const lines: string[] = [];
  let size = 0;
  for (const row of webRequests(Math.ceil(bytes / 300), seed)) {
    if (size >= bytes) break;
    const line = JSON.stringify(row);
    lines.push(line);
    size += line.length + 1;
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}
