/** A bucket, a queue, the queue ingest over them, and a clock: for tests of the way from messages to a table. */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { AddFile } from '../../src/delta/actions.ts';
import type { DefinitionRequests } from '../../src/delta/definition-requests.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { parseQueueConfig, type QueueConfigInput } from '../../src/queue/config.ts';
import type { MessageQueue } from '../../src/queue/drain.ts';
import { createQueueHandler, type SqsBatchResponse } from '../../src/queue/handler.ts';
import type { SqsRecord } from '../../src/queue/message.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

const BUCKET = 'lake';

export type Row = Readonly<Record<string, unknown>>;

export interface QueueWorldOptions {
  readonly config?: Partial<QueueConfigInput>;
  /** What the handler sees instead of the store itself. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
  readonly queue?: MessageQueue;
  readonly definitions?: DefinitionRequests;
}

export type QueueWorld = ReturnType<typeof createQueueWorld>;

export function createQueueWorld({ config = {}, wrap = (store) => store, queue, definitions }: QueueWorldOptions = {}) {
  let time = Date.parse('2026-11-24T06:00:00Z');
  const now = () => time;
  const store = createMemoryStore({ now });
  const reader = createCheckpointReader();
  const metrics: Row[] = [];
  const logs: Row[] = [];
  const start = () =>
    createQueueHandler({
      store: wrap(store),
      reader,
      config: parseQueueConfig({ name: 'orders', bucket: BUCKET, table: 'bronze/orders', ...config }),
      queue,
      definitions,
      telemetry: {
        log: (level, message, data) => void logs.push({ level, message, ...data }),
        metrics: (table: string, values: object) => void metrics.push({ table, ...values }),
      },
      now,
      random: () => 0.5,
      sleep: async (ms) => {
        time += ms;
      },
    });
  let handler = start();
  const context = { getRemainingTimeInMillis: () => 300_000 };
  const idsOf = ({ batchItemFailures }: SqsBatchResponse) => batchItemFailures.map((item) => item.itemIdentifier);

  return {
    store,
    metrics,
    logs,
    now,
    advance(ms: number): void {
      time += ms;
    },
    /** A new execution environment: nothing is remembered. */
    coldStart(): void {
      handler = start();
    },
    /** Another execution environment, on its own. */
    otherEnvironment(wrapOther = wrap) {
      const wrapped = wrap;
      wrap = wrapOther;
      const other = start();
      wrap = wrapped;
      return async (...records: SqsRecord[]) => idsOf(await other({ Records: records }, context));
    },
    /** The ids of the messages that come again. */
    deliver: async (...records: SqsRecord[]) => idsOf(await handler({ Records: records }, context)),
    /** A message that is sent now. */
    message: (id: string, body: unknown, facts: Partial<SqsRecord> = {}): SqsRecord => ({
      messageId: id,
      body: typeof body === 'string' ? body : JSON.stringify(body),
      attributes: { SentTimestamp: String(time) },
      ...facts,
    }),
    async snapshot(root = 'bronze/orders'): Promise<Snapshot> {
      return loadSnapshot({ store, root, url: `s3://${BUCKET}/${root}` }, reader);
    },
    /** All rows of a table; none where there is no table. */
    async rows(root = 'bronze/orders'): Promise<Row[]> {
      const rows: Row[] = [];
      for (const { path } of await this.adds(root)) {
        const { body } = await store.get(`${root}/${decodeURIComponent(path)}`);
        rows.push(...(await parquetReadObjects({ file: Uint8Array.from(body).buffer, compressors })));
      }
      return rows;
    },
    async adds(root: string): Promise<AddFile[]> {
      const adds: AddFile[] = [];
      try {
        for await (const batch of activeFiles(await this.snapshot(root), reader)) adds.push(...batch);
      } catch (error) {
        if (!isDeltaError(error, 'TABLE_NOT_FOUND')) throw error;
      }
      return adds;
    },
    /** A column of all rows, sorted. */
    async column(name: string, root?: string): Promise<string[]> {
      return (await this.rows(root)).map((row) => String(row[name])).sort();
    },
  };
}
