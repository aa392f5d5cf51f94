import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppendConfig, parseAppendConfig } from '../../../src/ingest/config.ts';
import { createAppendHandler } from '../../../src/ingest/handler.ts';
import type { QuarantineRecord } from '../../../src/ingest/quarantine.ts';
import { createCheckpointReader } from '../../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { BUCKET, createdRecord, sqsBatch } from '../landing.ts';

/** The append function as it is deployed, over a store in which other programs write and read. */
export interface Pipeline {
  /** Has the function append these objects; throws when a message fails. The objects of one call are one batch. */
  append(...keys: string[]): Promise<void>;
  /** The files of a table that were not taken. */
  quarantined(root: string): Promise<QuarantineRecord[]>;
}

export function createPipeline(store: ObjectStore, config: unknown = {}): Pipeline {
  const problems: unknown[] = [];
  const handler = createAppendHandler({
    storeFor: () => store,
    urlOf: (bucket, root) => `s3://${bucket}/${root}`,
    reader: createCheckpointReader(),
    config: parseAppendConfig(config) satisfies AppendConfig,
    telemetry: {
      log: (level, message, data) => {
        if (level === 'error') problems.push({ message, ...data });
      },
      metrics: () => undefined,
    },
    now: Date.now,
    random: Math.random,
    sleep: (ms) => sleep(ms),
  });
  return {
    async append(...keys) {
      const records = await Promise.all(keys.map((key) => recordOf(store, key)));
      const event = sqsBatch(...records.map((record) => [record]));
      const { batchItemFailures } = await handler(event, { getRemainingTimeInMillis: () => 300_000 });
      assert.deepEqual({ batchItemFailures, problems }, { batchItemFailures: [], problems: [] });
    },
    async quarantined(root) {
      const records: QuarantineRecord[] = [];
      for await (const { key } of store.list(`${root}/_resaca/quarantine/`)) {
        records.push(JSON.parse(new TextDecoder().decode((await store.get(key)).body)));
      }
      return records;
    },
  };
}

async function recordOf(store: ObjectStore, key: string): Promise<object> {
  const info = await store.head(key);
  assert.ok(info, `there is no object ${key}`);
  return createdRecord({ bucket: BUCKET, key, size: info.size, etag: info.etag, time: info.modified });
}
