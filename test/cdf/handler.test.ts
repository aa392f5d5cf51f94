import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cdfExportEnvironment } from '../../src/aws/cdf-env.ts';
import { parseCdfExportConfig } from '../../src/cdf/config.ts';
import { createCdfExportHandler } from '../../src/cdf/handler.ts';
import { type ExportMessage, exportDeduplication, exportGroup, parseExportMessage } from '../../src/cdf/messages.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import type { TableMetrics } from '../../src/ingest/telemetry.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { type CdfWorld, createCdfWorld } from './cdf-world.ts';

/** The function with a table `lake/people` of three versions, beside the queue that it sends to. */
async function createFunction(settings: Readonly<Record<string, unknown>> = {}) {
  const world: CdfWorld = await createCdfWorld();
  for (const id of [1n, 2n]) await world.log.commit({ add: await world.file(`${id}.parquet`, [[id, 'x']]) });
  const feeds = createMemoryStore();
  const sent: ExportMessage[] = [];
  const metrics: Partial<TableMetrics>[] = [];
  const logs: string[] = [];
  let time = 0;
  const handler = createCdfExportHandler({
    config: parseCdfExportConfig({
      exports: [{ bucket: 'tables', prefix: 'lake', to: 's3://feeds/cdf', ...settings }],
    }),
    reader: createCheckpointReader(),
    queue: { send: async (message) => void sent.push(message) },
    telemetry: { log: (_, message) => logs.push(message), metrics: (_, values) => metrics.push(values) },
    storeFor: (bucket) => (bucket === 'tables' ? world.store : feeds),
    now: () => time++,
  });
  const context = (remaining: number) => ({ awsRequestId: 'r', getRemainingTimeInMillis: () => remaining });
  const messages = (message: object) => ({ Records: [{ messageId: 'm', body: JSON.stringify(message) }] });
  return {
    world,
    sent,
    metrics,
    logs,
    scheduled: () => handler({ exports: ['lake'], time: 't' }, context(900_000)),
    work: (message: object, remaining = 900_000) => handler(messages(message), context(remaining)),
    async keys(): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of feeds.list('')) keys.push(key);
      return keys;
    },
  };
}

describe('the export function', () => {
  it('puts the tables of an export into the queue, and exports those that come from it', async () => {
    const { scheduled, sent, work, keys, metrics } = await createFunction();
    await scheduled();
    assert.deepEqual(sent, [{ export: 'lake', root: 'lake/people' }]);
    await work(sent[0] ?? {});
    const folder = 'cdf/lake/people/00000000000000000000-00000000000000000002';
    assert.deepEqual(await keys(), [
      `${folder}/_SUCCESS`,
      `${folder}/part-00000.csv`,
      'cdf/lake/people/_plans/00000000000000000000.json',
      'cdf/lake/people/_position.json',
    ]);
    assert.deepEqual(metrics, [{ changesExported: 2, versionsExported: 3, versionsBehind: 0 }]);
    await work(sent[0] ?? {});
    assert.deepEqual(metrics.at(-1), { changesExported: 0, versionsExported: 0, versionsBehind: 0 });
  });

  it('goes on with another message when the time is up, and fails where it was not enough for anything', async () => {
    const { work, sent, metrics } = await createFunction({ maxVersions: 1 });
    await work({ export: 'lake', root: 'lake/people' }, 20_004);
    assert.deepEqual(sent, [{ export: 'lake', root: 'lake/people', turn: 1 }]);
    assert.ok((metrics[0]?.versionsBehind ?? 0) > 0);
    const other = await createFunction({ maxVersions: 3 });
    await assert.rejects(other.work({ export: 'lake', root: 'lake/people' }, 20_003), /The time ended/);
    assert.deepEqual(other.metrics, [{ failures: 1 }]);
  });

  it('throws what fails, so that the message comes again', async () => {
    const { world, work, keys, metrics } = await createFunction();
    await world.store.delete('lake/people/2.parquet');
    await assert.rejects(
      work({ export: 'lake', root: 'lake/people' }),
      /version 2 .*"2\.parquet" is not there any more/,
    );
    assert.deepEqual(await keys(), ['cdf/lake/people/_plans/00000000000000000000.json']);
    assert.deepEqual(metrics, [{ failures: 1 }]);
  });

  it('leaves out a table that is there no more, and refuses what is none of its own', async () => {
    const { work, logs } = await createFunction();
    await work({ export: 'lake', root: 'lake/other' });
    assert.deepEqual(logs, ['export left out']);
    await assert.rejects(work({ export: 'lake', root: 'elsewhere' }), /expected a table in "lake"/);
    await assert.rejects(
      work({ export: 'sea', root: 'lake/people' }),
      /expected the name of an export \(lake\), got "sea"/,
    );
    await assert.rejects(work({ root: 'lake/people' }), /expected \{"export": text, "root": text\}/);
  });

  it('has a message group for each table of an export, and takes a message once', () => {
    const message = { export: 'a', root: 'b' };
    assert.notEqual(exportGroup(message), exportGroup({ export: 'a', root: 'c' }));
    assert.equal(exportGroup(message), exportGroup({ ...message, turn: 3 }));
    assert.notEqual(exportDeduplication(message, 't'), exportDeduplication({ ...message, turn: 1 }, 't'));
    assert.throws(() => parseExportMessage('x'), /got x/);
  });
});

describe('the environment of the export function', () => {
  const exports = [{ prefix: 'lake', to: 'cdf' }];
  const env = {
    RESACA_CONFIG: JSON.stringify({ exports }),
    RESACA_EXPORT_QUEUE_URL: 'https://queue',
    RESACA_EXPORT_BUCKETS: '{"lake":{"tables":"a","to":"b"}}',
  };

  it('has the buckets that are known at the deployment only', () => {
    const { config, queueUrl } = cdfExportEnvironment(env);
    const [rule] = config.exports;
    assert.deepEqual(
      [rule?.tables, rule?.to, queueUrl],
      [{ bucket: 'a', prefix: 'lake' }, { bucket: 'b', prefix: 'cdf' }, 'https://queue'],
    );
  });

  it('refuses what is missing', () => {
    assert.throws(() => cdfExportEnvironment({ ...env, RESACA_EXPORT_QUEUE_URL: '' }), ConfigError);
    assert.throws(
      () => cdfExportEnvironment({ ...env, RESACA_EXPORT_BUCKETS: '[]' }),
      /RESACA_EXPORT_BUCKETS: expected/,
    );
    assert.throws(
      () => cdfExportEnvironment({ ...env, RESACA_EXPORT_BUCKETS: '' }),
      /exports\[0\]\.bucket: is required/,
    );
  });
});
