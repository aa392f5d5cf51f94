/** Tables for the functions that work on tables, as the bronze function writes them. */
import { createBronzeWriter } from '../../src/kafka/bronze-writer.ts';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { webRequests } from '../kafka/web-requests.ts';
import type { World } from './world.ts';

export interface TableGrowth {
  /** Commits of one file each. */
  readonly files: number;
  /** Rows of each. */
  readonly rows: number;
}

/** Where a table's next offset is. */
const offsets = new Map<string, number>();

/** Makes the table, with a first commit of one row, or goes on with it. */
export async function growTable({ store }: World, root: string, { files, rows }: TableGrowth): Promise<void> {
  const writer = createBronzeWriter({
    store,
    reader: createCheckpointReader(),
    registries: { confluent: noRegistry, glue: noRegistry },
    config: parseKafkaConfig({
      bucket: 'lake',
      topics: [{ topic: 'web', table: root, format: 'json', columns: { ts: 'timestamp' } }],
    }),
    telemetry: { log: () => undefined, metrics: () => undefined },
    now: Date.now,
    random: Math.random,
    sleep: async () => undefined,
  });
  const counts = offsets.has(root) ? [] : [1];
  counts.push(...Array.from({ length: files }, () => rows));
  for (const count of counts) {
    const first = offsets.get(root) ?? 0;
    const failures = await writer.write([recordsFrom(first, count)], Date.now() + 60_000);
    if (failures.length > 0) throw new Error(`the table ${root} was not written`, { cause: failures[0]?.error });
    offsets.set(root, first + count);
  }
}

function recordsFrom(first: number, count: number) {
  const records = [...webRequests(count, first + 1)].map((row, index): KafkaRecord => {
    const value = Buffer.from(JSON.stringify(row));
    const offset = first + index;
    return {
      topic: 'web',
      partition: 0,
      offset,
      timestamp: 0,
      timestampType: 'CREATE_TIME',
      key: undefined,
      value,
      headers: [],
    };
  });
  return { topic: 'web', partition: 0, records };
}

function noRegistry(): Promise<never> {
  return Promise.reject(new Error('there is no registry here'));
}
