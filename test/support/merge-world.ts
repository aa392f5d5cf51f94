/** A bucket, the merge function over it, and a clock: for tests of the way from small files to a table. */
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { AddFile } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { asNullable } from '../../src/delta/schema.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import type { SqsBatchResponse } from '../../src/ingest/handler.ts';
import type { QuarantineRecord } from '../../src/ingest/quarantine.ts';
import { type MergeConfigInput, parseMergeConfig } from '../../src/merge/config.ts';
import { createMergeHandler } from '../../src/merge/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { putClassicCheckpoint } from './checkpoint-fixtures.ts';
import { BUCKET, createLanding, parquet, sqsBatch } from './landing.ts';
import { type PlainRow, readRows } from './parquet-values.ts';

export interface MergeWorldOptions {
  readonly config?: Partial<MergeConfigInput>;
  /** What the handler sees instead of the store itself. */
  readonly wrap?: (store: ObjectStore) => ObjectStore;
}

export type MergeWorld = ReturnType<typeof createMergeWorld>;

const RULES = [{ prefix: 'staging/{name}', table: 'lake/{name}' }];
export const ROOT = 'lake/orders';

export function createMergeWorld({ config = {}, wrap = (store) => store }: MergeWorldOptions = {}) {
  let time = Date.parse('2026-11-24T06:00:00Z');
  const now = () => time;
  const store = createMemoryStore({ now });
  const landing = createLanding(store, now);
  const reader = createCheckpointReader();
  const metrics: Record<string, number | string>[] = [];
  const logs: Record<string, unknown>[] = [];
  const start = (seen: () => ObjectStore = () => wrap(store)) => {
    const shown = seen();
    return createMergeHandler({
      storeFor: () => shown,
      reader,
      config: parseMergeConfig({ rules: RULES, ...config }),
      telemetry: {
        log: (level, message, data) => void logs.push({ level, message, ...data }),
        metrics: (table, values) => void metrics.push({ table, ...values }),
      },
      now,
      random: () => 0.5,
      sleep: async (ms) => {
        time += ms;
      },
    });
  };
  let handler = start();
  const idsOf = ({ batchItemFailures }: SqsBatchResponse) => batchItemFailures.map((item) => item.itemIdentifier);
  const deliverTo = async (to: typeof handler, records: readonly object[]): Promise<string[]> => {
    time += 1_000;
    return idsOf(await to(sqsBatch(...records.map((one) => [one])), { getRemainingTimeInMillis: () => 300_000 }));
  };

  return {
    store,
    now,
    metrics,
    logs,
    land: landing.land,
    /** A small file of one row, and the record of the event about it. */
    stage: (path: string, id: number) => landing.land(`staging/${path}`, parquet([{ id, name: `row ${id}` }])),
    advance(ms: number): void {
      time += ms;
    },
    /** A new execution environment: nothing is remembered. */
    coldStart(): void {
      handler = start();
    },
    /** Hands the handler one message for each record, `m0`, `m1`, …; gives the ids of those that failed. */
    deliver: (...records: readonly object[]) => deliverTo(handler, records),
    /** Another execution environment, on its own. */
    otherEnvironment() {
      const other = start(() => store);
      return (...records: readonly object[]) => deliverTo(other, records);
    },
    async snapshot(root = ROOT): Promise<Snapshot> {
      return loadSnapshot({ store, root, url: `s3://${BUCKET}/${root}` }, reader);
    },
    async adds(root = ROOT): Promise<AddFile[]> {
      const adds: AddFile[] = [];
      try {
        for await (const batch of activeFiles(await this.snapshot(root), reader, { stats: true })) adds.push(...batch);
      } catch (error) {
        if (!isDeltaError(error, 'TABLE_NOT_FOUND')) throw error;
      }
      return adds;
    },
    /** All rows of a table, without the partition columns. */
    async rows(root = ROOT): Promise<PlainRow[]> {
      const rows: PlainRow[] = [];
      for (const { path } of await this.adds(root)) {
        const { schema, metadata } = await this.snapshot(root);
        const fields = schema.fields.filter(({ name }) => !metadata.partitionColumns.includes(name));
        const { body } = await store.get(`${root}/${decodeURIComponent(path)}`);
        rows.push(...readRows(Uint8Array.from(body), asNullable({ type: 'struct', fields })));
      }
      return rows;
    },
    /** The column `id` of all rows, sorted. */
    async ids(root = ROOT): Promise<number[]> {
      const ids: number[] = [];
      for (const { path } of await this.adds(root)) {
        const { body } = await store.get(`${root}/${decodeURIComponent(path)}`);
        const rows = await parquetReadObjects({ file: Uint8Array.from(body).buffer, compressors });
        ids.push(...rows.map(({ id }) => Number(id)));
      }
      return ids.sort((a, b) => a - b);
    },
    /** A checkpoint of the table as it is, with nothing but what readers need. */
    async checkpoint(root = ROOT): Promise<void> {
      const { table, version, protocol, metadata } = await this.snapshot(root);
      const files = (await this.adds(root)).map((add) => ({ add }));
      await putClassicCheckpoint(table, version, [{ protocol }, { metaData: metadata }, ...files]);
      const hint = JSON.stringify({ version, size: files.length + 2 });
      await store.put(`${root}/_delta_log/_last_checkpoint`, new TextEncoder().encode(hint));
    },
    async keys(prefix: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of store.list(prefix)) keys.push(key);
      return keys;
    },
    async quarantined(root = ROOT): Promise<QuarantineRecord[]> {
      const records: QuarantineRecord[] = [];
      for await (const { key } of store.list(`${root}/_resaca/quarantine/`)) {
        records.push(JSON.parse(new TextDecoder().decode((await store.get(key)).body)));
      }
      return records;
    },
  };
}
