/** A bucket, the bronze handler over it, and a clock: for tests of the way from Kafka to a table. */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { AddFile } from '../../src/delta/actions.ts';
import type { DefinitionRequests } from '../../src/delta/definition-requests.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import type { SchemaRegistries } from '../../src/kafka/decode/create-decoder.ts';
import { commitPending } from '../../src/kafka/deferred/committer.ts';
import { createBronzeHandler } from '../../src/kafka/handler.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { mskEvent } from './kafka-events.ts';

const BUCKET = 'lake';
const encoder = new TextEncoder();

export type Row = Readonly<Record<string, unknown>>;

export interface BronzeWorldOptions {
  readonly config?: object;
  readonly registries?: Partial<SchemaRegistries>;
  /** What the handler sees instead of the store itself. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
  /** Told of tables that are made or change. @default nobody */
  readonly definitions?: DefinitionRequests;
}

export type BronzeWorld = ReturnType<typeof createBronzeWorld>;

const noRegistry = () => Promise.reject(new Error('there is no registry here'));

export function createBronzeWorld(options: BronzeWorldOptions = {}) {
  const { config = {}, registries = {}, wrap = (store) => store, definitions } = options;
  let time = Date.parse('2026-11-24T06:00:00Z');
  const now = () => time;
  const store = createMemoryStore({ now });
  const reader = createCheckpointReader();
  const metrics: Row[] = [];
  const deps = () => ({
    store: wrap(store),
    reader,
    definitions,
    registries: { confluent: noRegistry, glue: noRegistry, ...registries },
    config: parseKafkaConfig({ bucket: BUCKET, ...config }),
    telemetry: {
      log: () => undefined,
      metrics: (table: string, values: object) => void metrics.push({ table, ...values }),
    },
    now,
    random: () => 0.5,
    sleep: async (ms: number) => {
      time += ms;
    },
  });
  const start = () => createBronzeHandler(deps());
  let handler = start();
  const context = { getRemainingTimeInMillis: () => 300_000 };

  return {
    store,
    metrics,
    now,
    advance(ms: number): void {
      time += ms;
    },
    /** A new execution environment: nothing is remembered. */
    coldStart(): void {
      handler = start();
    },
    /** Another execution environment, on its own. */
    otherEnvironment() {
      const other = start();
      return (...records: KafkaRecord[]) => other(mskEvent(records), context);
    },
    /** What the committer does when its time has come. */
    commitPending: () => commitPending(deps(), time + 60_000),
    deliver: (...records: KafkaRecord[]) => handler(mskEvent(records), context),
    async snapshot(root: string): Promise<Snapshot> {
      return loadSnapshot({ store, root, url: `s3://${BUCKET}/${root}` }, reader);
    },
    /** The roots of all tables. */
    async tables(): Promise<string[]> {
      const roots = new Set<string>();
      for await (const { key } of store.list('')) {
        const end = key.indexOf('/_delta_log/');
        if (end >= 0) roots.add(key.slice(0, end));
      }
      return [...roots];
    },
    /** The files of a table. */
    async adds(root: string): Promise<AddFile[]> {
      const adds: AddFile[] = [];
      for await (const batch of activeFiles(await this.snapshot(root), reader)) adds.push(...batch);
      return adds;
    },
    /** All rows of a table, in the order of topic, partition and offset. */
    async rows(root: string): Promise<Row[]> {
      const rows: Row[] = [];
      for (const { path } of await this.adds(root)) {
        const { body } = await store.get(`${root}/${decodeURIComponent(path)}`);
        const file = Uint8Array.from(body).buffer;
        rows.push(...(await parquetReadObjects({ file, compressors, utf8: false })));
      }
      const order = ({ topic, partition, offset }: Row) => `${topic}/${partition}/${String(offset).padStart(20, '0')}`;
      return rows.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    },
    /** `topic/partition/offset` of all rows of a table. */
    async offsets(root: string): Promise<string[]> {
      return (await this.rows(root)).map(({ topic, partition, offset }) => `${topic}/${partition}/${offset}`);
    },
  };
}

/** A record with this offset; the rest as given, or made from the offset. */
export function kafkaRecord(offset: number, facts: Partial<KafkaRecord> = {}): KafkaRecord {
  return {
    topic: 'web',
    partition: 0,
    offset,
    timestamp: Date.parse('2026-11-24T05:59:00Z') + (offset % 1_000),
    timestampType: 'CREATE_TIME',
    key: encoder.encode(`key ${offset}`),
    value: encoder.encode(`value ${offset}`),
    headers: [],
    ...facts,
  };
}

/** Records with the offsets from `first` to before `end`. */
export function kafkaRecords(first: number, end: number, facts: Partial<KafkaRecord> = {}): KafkaRecord[] {
  return Array.from({ length: end - first }, (_, index) => kafkaRecord(first + index, facts));
}
