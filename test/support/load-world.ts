/** A bucket, the loader and the append function over it, and a clock. */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { StructType } from '../../src/delta/schema.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { createAppendHandler, type SqsEvent } from '../../src/ingest/handler.ts';
import { parseLoaderConfig } from '../../src/loader/config.ts';
import { createLoadHandler } from '../../src/loader/handler.ts';
import type { LoadQuarantineRecord } from '../../src/loader/quarantine.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { BUCKET, createdRecord, createLanding, sqsBatch } from './landing.ts';

export type Row = Readonly<Record<string, unknown>>;
export type LoadWorld = ReturnType<typeof createLoadWorld>;

export interface LoadWorldOptions {
  /** Of the one rule, for `in/` into `lake/t`, unless there are `rules`. */
  readonly rule?: object;
  /** Besides the rules. */
  readonly config?: object;
  readonly rules?: readonly object[];
  readonly append?: object;
  /** What the loader sees instead of the store itself. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
  /** ms that each look at the clock takes. */
  readonly pace?: number;
}

/** Messages that the loader sent itself are handled at once; more of them than this means that it never ends. */
const MAX_ROUNDS = 1_000;

export function createLoadWorld(options: LoadWorldOptions = {}) {
  const { rule = {}, config = {}, append = {}, wrap = (store) => store, pace = 0 } = options;
  const rules = options.rules ?? [{ prefix: 'in', table: 'lake/t', ...rule }];
  let time = Date.parse('2026-11-24T06:00:00Z');
  const now = () => time;
  const store = createMemoryStore({ now });
  const reader = createCheckpointReader();
  const sent: string[] = [];
  const metrics: Row[] = [];
  const landing = createLanding(store, now);
  const telemetry = {
    log: () => undefined,
    metrics: (table: string, values: object) => void metrics.push({ table, ...values }),
  };
  const sleep = async (ms: number) => {
    time += ms;
  };
  const world = { reader, telemetry, now, random: () => 0.5, sleep };
  const load = createLoadHandler({
    ...world,
    now: () => {
      time += pace;
      return time;
    },
    storeFor: () => wrap(store),
    config: parseLoaderConfig({ rules, ...config }),
    queue: { send: async (body) => void sent.push(body) },
  });
  const appendConfig = parseAppendConfig(append);
  const newAppend = () =>
    createAppendHandler({
      ...world,
      storeFor: () => store,
      urlOf: (bucket, root) => `s3://${bucket}/${root}`,
      config: appendConfig,
    });

  /** One invocation; gives what failed. */
  async function invoke(event: SqsEvent, remaining = 300_000): Promise<string[]> {
    time += 1_000;
    const { batchItemFailures } = await load(event, { getRemainingTimeInMillis: () => remaining });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  return {
    store,
    metrics,
    sent,
    now,
    invoke,
    ...landing,
    advance(ms: number): void {
      time += ms;
    },
    /** Lands a file; gives the message about it. */
    async put(key: string, body: string | Uint8Array): Promise<SqsEvent> {
      return sqsBatch([await landing.land(key, typeof body === 'string' ? new TextEncoder().encode(body) : body)]);
    },
    /** Handles a message, and those that the loader sends itself; returns the number of invocations. */
    async run(event: SqsEvent, remaining?: number): Promise<number> {
      const failed = await invoke(event, remaining);
      if (failed.length > 0) throw new Error(`the loader failed ${failed.join()}`);
      for (let round = 1; ; round++) {
        const body = sent.shift();
        if (body === undefined) return round;
        if (round > MAX_ROUNDS) throw new Error('the loader sends itself messages without end');
        const again = await invoke({ Records: [{ messageId: `again-${round}`, body }] }, remaining);
        if (again.length > 0) throw new Error(`the loader failed in round ${round}`);
      }
    },
    /** What S3 would announce of the Parquet files is appended; `times` is how often it is delivered. */
    async append(times = 1): Promise<void> {
      const records: object[] = [];
      for await (const { key, size, etag, modified } of store.list('')) {
        const isLanded = key.endsWith('.parquet') && !key.startsWith('in/');
        if (isLanded) records.push(createdRecord({ key, size, etag, time: modified }));
      }
      for (let round = 0; round < times; round++) {
        const { batchItemFailures } = await newAppend()(sqsBatch(...records.map((record) => [record])), {
          getRemainingTimeInMillis: () => 300_000,
        });
        if (batchItemFailures.length > 0) throw new Error('the append function failed');
      }
    },
    async snapshot(root = 'lake/t') {
      return loadSnapshot({ store, root, url: `s3://${BUCKET}/${root}` }, reader);
    },
    async schema(root = 'lake/t'): Promise<StructType> {
      return (await this.snapshot(root)).schema;
    },
    /** All rows of a table, in the order of its paths, with the values of its partitions as texts. */
    async rows(root = 'lake/t'): Promise<Row[]> {
      const adds = [];
      for await (const batch of activeFiles(await this.snapshot(root), reader)) adds.push(...batch);
      adds.sort((a, b) => (a.path < b.path ? -1 : 1));
      const rows: Row[] = [];
      for (const { path, partitionValues } of adds) {
        const { body } = await store.get(`${root}/${decodeURIComponent(path)}`);
        const file = Uint8Array.from(body).buffer;
        const found = await parquetReadObjects({ file, compressors, utf8: false });
        rows.push(...found.map((row) => ({ ...withNulls(row), ...partitionValues })));
      }
      return rows;
    },
    async keys(prefix: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of store.list(prefix)) keys.push(key);
      return keys;
    },
    async json<T>(key: string): Promise<T> {
      return JSON.parse(new TextDecoder().decode((await store.get(key)).body));
    },
    async text(key: string): Promise<string> {
      return new TextDecoder().decode((await store.get(key)).body);
    },
    async quarantined(root = 'lake/t'): Promise<LoadQuarantineRecord[]> {
      const records: LoadQuarantineRecord[] = [];
      for (const key of await this.keys(`${root}/_resaca/quarantine/`)) records.push(await this.json(key));
      return records;
    },
  };
}

/** Loads one file and appends what it gives. */
export async function loaded(
  key: string,
  body: string | Uint8Array,
  options: LoadWorldOptions = {},
): Promise<LoadWorld> {
  const world = createLoadWorld(options);
  await world.run(await world.put(key, body));
  await world.append();
  return world;
}

/** The reader gives lists and structs that are null as undefined. */
function withNulls(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? null]));
}
