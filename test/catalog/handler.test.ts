import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCatalogConfig } from '../../src/catalog/config.ts';
import { createCatalogHandler } from '../../src/catalog/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import { createLogBuilder, featureProtocol, metaData, protocol } from '../support/delta-log-builder.ts';
import { createMemoryCatalog } from '../support/memory-catalog.ts';

const RULES = [
  { root: 'raw/{table}', database: 'raw' },
  { root: 'x/{database}/{table}', database: '{database}' },
];

function worldOf() {
  const stores = { lake: createMemoryStore(), other: createMemoryStore() };
  const catalog = createMemoryCatalog();
  const sent: string[] = [];
  const counted: string[] = [];
  const logs: string[] = [];
  const broken = new Set<string>();
  let clock = 0;
  const urlOf = (bucket: string, root: string) => `s3://${bucket}/${root}`;
  const storeOf = (bucket: string): ObjectStore => stores[bucket as keyof typeof stores];
  const handle = createCatalogHandler({
    catalog,
    reader: createCheckpointReader(),
    config: parseCatalogConfig({ rules: RULES, createDatabase: true, buckets: ['lake', 'other'] }),
    telemetry: {
      log: (level, message, data) => logs.push(`${level}: ${message}${data?.reason ? `: ${data.reason}` : ''}`),
      metrics: (table, values) => counted.push(`${table} ${Object.keys(values).join()}`),
    },
    enqueue: async (message) => {
      clock += 1_000;
      const { bucket, ...rest } = message;
      sent.push('root' in message ? urlOf(bucket, message.root) : JSON.stringify({ bucket, ...rest }));
    },
    storeFor: (bucket) => ({
      ...storeOf(bucket),
      async *list(prefix, options) {
        if (broken.has(prefix)) throw new StoreError('UNAVAILABLE', 'list', prefix, 'a bad day');
        yield* storeOf(bucket).list(prefix, options);
      },
    }),
    urlOf,
    now: () => clock,
    random: () => 0,
    sleep: async () => undefined,
  });
  return {
    catalog,
    sent,
    counted,
    logs,
    broken,
    stores,
    tick: (ms: number) => {
      clock += ms;
    },
    makeTable: (root: string, first = protocol(), bucket: 'lake' | 'other' = 'lake') =>
      createLogBuilder({ store: stores[bucket], root, url: urlOf(bucket, root) }).commit(first, metaData()),
    sweep: (time = 60_000) => handle({ sweep: true }, { getRemainingTimeInMillis: () => time }),
    async deliver(bodies: readonly (string | object)[], time = 60_000) {
      const Records = bodies.map((body, index) => ({
        messageId: String(index),
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }));
      const { batchItemFailures } = await handle({ Records }, { getRemainingTimeInMillis: () => time });
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort();
    },
  };
}

describe('the catalog function', () => {
  it('brings the tables of its messages up to date, each once', async () => {
    const world = worldOf();
    await world.makeTable('raw/web');
    await world.makeTable('x/Sales/orders', protocol(), 'other');
    const web = { bucket: 'lake', root: 'raw/web' };
    assert.deepEqual(await world.deliver([web, web, { bucket: 'other', root: 'x/Sales/orders' }]), []);
    assert.deepEqual([...world.catalog.tables.keys()].sort(), ['raw.web', 'sales.orders']);
    assert.equal(world.catalog.requests.filter((request) => request.startsWith('getTable')).length, 2);
    assert.deepEqual(world.counted.sort(), [
      's3://lake/raw/web catalogUpdates',
      's3://other/x/Sales/orders catalogUpdates',
    ]);
    world.counted.length = 0;
    assert.deepEqual(await world.deliver([web]), []);
    assert.deepEqual(world.counted, []);
    assert.deepEqual(world.logs.at(-1), 'info: table unchanged in the catalog');
  });

  it('has only those messages delivered again whose table failed', async () => {
    const world = worldOf();
    await world.makeTable('raw/web');
    await world.makeTable('raw/hits');
    world.broken.add('raw/hits/_delta_log/');
    const bodies = ['raw/web', 'raw/hits', 'raw/hits'].map((root) => ({ bucket: 'lake', root }));
    assert.deepEqual(await world.deliver([...bodies, 'no message', '{"bucket":"lake"}']), ['1', '2', '3', '4']);
    assert.deepEqual([...world.catalog.tables.keys()], ['raw.web']);
    assert.ok(world.counted.includes('s3://lake/raw/hits failures'));
  });

  it('hands back what the time is not enough for', async () => {
    const world = worldOf();
    await world.makeTable('raw/web');
    assert.deepEqual(await world.deliver([{ bucket: 'lake', root: 'raw/web' }], 5_000), ['0']);
    assert.deepEqual(world.catalog.requests, []);
  });

  it('counts what trying again would not help, and names both tables of one name', async () => {
    const world = worldOf();
    await world.makeTable('raw/web-hits');
    await world.makeTable('raw/Web_Hits');
    await world.makeTable('raw/strange', featureProtocol(['notOfThisWorld']));
    const deliver = (root: string) => world.deliver([{ bucket: 'lake', root }]);
    await deliver('raw/web-hits');
    world.logs.length = 0;
    assert.deepEqual(await deliver('raw/Web_Hits'), []);
    assert.match(
      world.logs.join(),
      /^error: .*: raw\.web_hits is in Glue already, as s3:\/\/lake\/raw\/web-hits\/: s3:\/\/lake\/raw\/Web_Hits\/ was left out/,
    );
    assert.deepEqual(await deliver(`raw/${'x'.repeat(300)}`), []);
    assert.deepEqual(await deliver('raw/strange'), []);
    assert.equal(world.counted.filter((line) => line.endsWith('catalogRefusals')).length, 3);
    assert.equal(world.catalog.tables.get('raw.web_hits')?.StorageDescriptor?.Location, 's3://lake/raw/web-hits/');
  });

  it('leaves the catalog alone for a table that is gone, and for one of no rule', async () => {
    const world = worldOf();
    await world.makeTable('raw/web');
    await world.deliver([{ bucket: 'lake', root: 'raw/web' }]);
    await world.stores.lake.delete('raw/web/_delta_log/00000000000000000000.json');
    assert.deepEqual(await world.deliver([{ bucket: 'lake', root: 'raw/web' }]), []);
    assert.match(world.logs.at(-1) ?? '', /^warn: there is no such table any more/);
    assert.deepEqual(await world.deliver([{ bucket: 'lake', root: 'elsewhere' }]), []);
    assert.deepEqual([...world.catalog.tables.keys()], ['raw.web']);
  });

  it('sends a message for each table of the rules when the schedule calls', async () => {
    const world = worldOf();
    for (const root of ['raw/a', 'raw/deep/er', 'x/db/t', 'y/db/t', `raw/${'x'.repeat(300)}`])
      await world.makeTable(root);
    await world.makeTable('raw/b', protocol(), 'other');
    assert.deepEqual(await world.sweep(), { batchItemFailures: [] });
    assert.deepEqual(world.sent, [
      's3://lake/raw/a',
      `s3://lake/raw/${'x'.repeat(300)}`,
      's3://lake/x/db/t',
      's3://other/raw/b',
    ]);
    assert.deepEqual(world.catalog.requests, []);
  });

  it('goes on where the time of the schedule’s call, or of a message, was up', async () => {
    const world = worldOf();
    const roots = ['raw/a', 'raw/a0', 'raw/b', 'x/db/t'];
    for (const root of roots) await world.makeTable(root);
    await world.makeTable('raw/c', protocol(), 'other');
    // A second for each message, and ten that are kept back.
    await world.sweep(12_000);
    assert.deepEqual(world.sent.splice(0), [
      's3://lake/raw/a',
      's3://lake/raw/a0',
      '{"bucket":"lake","prefix":"raw","behind":"raw/a0"}',
      '{"bucket":"lake","prefix":"x"}',
      '{"bucket":"other","prefix":"raw"}',
      '{"bucket":"other","prefix":"x"}',
    ]);
    const messages = [
      { bucket: 'lake', prefix: 'raw', behind: 'raw/a0' },
      { bucket: 'lake', prefix: 'x' },
    ];
    assert.deepEqual(await world.deliver(messages, 10_500), []);
    assert.deepEqual(
      world.sent.splice(0).sort(),
      [
        's3://lake/raw/b',
        's3://lake/x/db/t',
        '{"bucket":"lake","prefix":"raw","behind":"raw/b"}',
        '{"bucket":"lake","prefix":"x","behind":"x/db/t"}',
      ].sort(),
    );
    assert.deepEqual(await world.deliver([{ bucket: 'lake', prefix: 'raw', behind: 'raw/b' }]), []);
    assert.deepEqual(world.sent, []);
    world.broken.add('x/');
    assert.deepEqual(
      await world.deliver([
        { bucket: 'lake', prefix: 'x' },
        { bucket: 'lake', prefix: 'raw' },
      ]),
      ['0'],
    );
  });
});
