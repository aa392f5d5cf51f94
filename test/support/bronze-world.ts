/** A bucket, the bronze handler over it, and a clock: for tests of the way from Kafka to a table. */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
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
  /** What the handler sees instead of the store itself. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
}

export type BronzeWorld = ReturnType<typeof createBronzeWorld>;

export function createBronzeWorld({ config = {}, wrap = (store) => store }: BronzeWorldOptions = {}) {
  let time = Date.parse('2026-11-24T06:00:00Z');
  const now = () => time;
  const store = createMemoryStore({ now });
  const reader = createCheckpointReader();
  const metrics: Row[] = [];
  const start = () =>
    createBronzeHandler({
      store: wrap(store),
      reader,
      config: parseKafkaConfig({ bucket: BUCKET, ...config }),
      telemetry: { log: () => undefined, metrics: (table, values) => metrics.push({ table, ...values }) },
      now,
      random: () => 0.5,
      sleep: async (ms) => {
        time += ms;
      },
    });
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
    deliver: (...records: KafkaRecord[]) => handler(mskEvent(records), context),
    async snapshot(root: string): Promise<Snapshot> {
      return loadSnapshot({ store, root, url: `s3://${BUCKET}/${root}` }, reader);
    },
    /** All rows of a table, in the order of topic, partition and offset. */
    async rows(root: string): Promise<Row[]> {
      const rows: Row[] = [];
      for await (const batch of activeFiles(await this.snapshot(root), reader)) {
        for (const { path } of batch) {
          const { body } = await store.get(`${root}/${decodeURIComponent(path)}`);
          const file = Uint8Array.from(body).buffer;
          rows.push(...(await parquetReadObjects({ file, compressors, utf8: false })));
        }
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
