import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asNullable } from '../../src/delta/schema.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { StoreError } from '../../src/storage/object-store.ts';
import { schemasAndRows, types } from '../support/arbitrary-rows.ts';
import { parquet } from '../support/landing.ts';
import { createMergeWorld, type MergeWorld, ROOT } from '../support/merge-world.ts';
import { plainRow } from '../support/parquet-values.ts';

const range = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);
const stageAll = (world: MergeWorld, ids: readonly number[], path: (id: number) => string) =>
  Promise.all(ids.map((id) => world.stage(path(id), id)));

describe('small files that are merged', () => {
  it('become one file for each partition, and one commit', async () => {
    const world = createMergeWorld();
    const records = await stageAll(world, range(0, 30), (id) => `orders/ds=2026-11-2${id % 3}/${id}.parquet`);
    assert.deepEqual(await world.deliver(...records, ...records.slice(0, 5)), []);
    assert.deepEqual(await world.ids(), range(0, 30));
    const adds = await world.adds();
    assert.deepEqual(adds.map(({ partitionValues }) => partitionValues.ds).sort(), [
      '2026-11-20',
      '2026-11-21',
      '2026-11-22',
    ]);
    for (const { path, partitionValues, stats } of adds) {
      assert.match(path, new RegExp(`^ds=${partitionValues.ds}/resaca-merged-[0-9a-f-]{36}\\.zstd\\.parquet$`));
      assert.equal(JSON.parse(stats ?? '').numRecords, 10);
    }
    assert.equal((await world.snapshot()).version, 0);
    assert.deepEqual(await world.deliver(...records), []);
    assert.equal((await world.snapshot()).version, 0);
    assert.equal((await world.keys('staging/')).length, 30);
  });

  it('have every value of any columns', async () => {
    await fc.assert(
      fc.asyncProperty(schemasAndRows(types), async (written) => {
        fc.pre(written.rows.length > 0);
        const schema = asNullable(written.schema);
        const world = createMergeWorld();
        const records: object[] = [];
        for (const [index, row] of written.rows.slice(0, 8).entries()) {
          const writer = new RowWriter(schema);
          writer.append(row);
          records.push(await world.land(`staging/orders/${index}.parquet`, await writer.finish()));
          world.advance(1_000);
        }
        assert.deepEqual(await world.deliver(...records), []);
        assert.deepEqual(await world.quarantined(), []);
        const expected = written.rows.slice(0, 8).map((row) => plainRow(schema, row));
        assert.deepEqual(await world.rows(), expected);
      }),
      { numRuns: 60 },
    );
  });

  it('have the partition values of their folders, whatever these are', async () => {
    const world = createMergeWorld();
    const records = [
      await world.stage('orders/k=a%2Fb%25 c/1.parquet', 1),
      await world.stage('orders/k=__HIVE_DEFAULT_PARTITION__/2.parquet', 2),
      await world.stage('orders/k=ä=b/3.parquet', 3),
      await world.stage('orders/k=a%2Fb%25 c/4.parquet', 4),
    ];
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(await world.ids(), [1, 2, 3, 4]);
    const values = (await world.adds()).map(({ partitionValues }) => partitionValues.k);
    assert.deepEqual(new Set(values), new Set(['a/b% c', null, 'ä=b']));
    assert.equal(values.length, 3);
  });

  it('go into a table of each name of the prefix, with the settings of its rule', async () => {
    const world = createMergeWorld({
      config: {
        append: {
          tables: [
            {
              prefix: 'lake/typed',
              partitionColumns: [{ name: 'ds', type: 'date' }],
              description: 'Typed',
              properties: { 'delta.appendOnly': 'true' },
            },
          ],
        },
      },
    });
    const records = [
      await world.stage('typed/ds=2026-11-24/a.parquet', 1),
      await world.stage('other/b.parquet', 2),
      await world.stage('other/_temporary/c.parquet', 3),
    ];
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(await world.ids('lake/typed'), [1]);
    assert.deepEqual(await world.ids('lake/other'), [2]);
    const { schema, metadata } = await world.snapshot('lake/typed');
    assert.equal(schema.fields.at(-1)?.type, 'date');
    assert.equal(metadata.description, 'Typed');
    assert.equal(metadata.configuration['delta.appendOnly'], 'true');
  });

  it('give their table new columns, or not, as its rule says', async () => {
    const wide = (id: number) => parquet([{ id, name: 'x', extra: 7 }], { id: 'long', name: 'string', extra: 'long' });
    for (const [schemaPolicy, columns, ids] of [
      ['evolve', ['id', 'name', 'extra'], [1, 2, 3]],
      ['fixed', ['id', 'name'], [1, 2, 3]],
      ['strict', ['id', 'name'], [1, 3]],
    ] as const) {
      const world = createMergeWorld({ config: { append: { tables: [{ prefix: ROOT, schemaPolicy }] } } });
      await world.deliver(await world.stage('orders/1.parquet', 1));
      world.advance(10_000);
      const records = [await world.land('staging/orders/2.parquet', wide(2)), await world.stage('orders/3.parquet', 3)];
      assert.deepEqual(await world.deliver(...records), []);
      const { schema } = await world.snapshot();
      assert.deepEqual(
        schema.fields.map(({ name }) => name),
        columns,
      );
      assert.deepEqual(await world.ids(), ids);
      assert.equal((await world.quarantined()).length, schemaPolicy === 'strict' ? 1 : 0);
    }
  });

  it('that cannot be taken are in quarantine, and the others in the table', async () => {
    const world = createMergeWorld();
    const good = await world.stage('orders/ds=1/good.parquet', 1);
    world.advance(1_000);
    const broken = parquet([{ id: 5, name: 'broken' }]);
    broken.fill(0xff, 4, 40);
    const records = [
      good,
      await world.land('staging/orders/ds=1/text.parquet', new TextEncoder().encode('no Parquet at all')),
      await world.land('staging/orders/ds=1/empty.parquet', new Uint8Array()),
      await world.land(
        'staging/orders/ds=1/type.parquet',
        parquet([{ id: 'x', name: 'y' }], { id: 'string', name: 'string' }),
      ),
      await world.stage('orders/hour=1/other.parquet', 4),
      await world.land('staging/orders/ds=1/pages.parquet', broken),
      await world.land(
        'staging/orders/ds=1/case.parquet',
        parquet([{ ID: 1, name: 'y' }], { ID: 'long', name: 'string' }),
      ),
    ];
    world.advance(1_000);
    records.push(await world.stage('orders/ds=2/late.parquet', 2));
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(await world.ids(), [1, 2]);
    const reasons = (await world.quarantined()).map(({ key, reason }) => `${key.split('/').at(-1)} ${reason}`).sort();
    assert.equal(reasons.length, 6, reasons.join());
    assert.deepEqual(
      reasons.filter((text) => /^(type|other|pages|empty)/.test(text)),
      [
        'empty.parquet EMPTY',
        'other.parquet PARTITION_MISMATCH',
        'pages.parquet UNREADABLE',
        'type.parquet SCHEMA_CONFLICT',
      ],
    );
    assert.deepEqual(await world.deliver(...records), []);
    assert.equal((await world.quarantined()).length, 6);
  });

  it('that cannot be written again with the same values stay out, and give their table no columns', async () => {
    const world = createMergeWorld();
    const legacy = readFileSync(join(import.meta.dirname, '../fixtures/parquet/spark-legacy-dates.parquet'));
    const records = [await world.stage('orders/a.parquet', 1), await world.stage('orders/b.parquet', 2)];
    world.advance(1_000);
    records.push(await world.land('staging/orders/legacy.parquet', Uint8Array.from(legacy)));
    world.advance(1_000);
    records.push(await world.stage('orders/c.parquet', 3));
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(
      (await world.quarantined()).map(({ key, reason }) => `${key} ${reason}`),
      ['staging/orders/legacy.parquet CANNOT_MERGE'],
    );
    assert.deepEqual(await world.ids(), [1, 2, 3]);
    const { schema } = await world.snapshot();
    assert.deepEqual(
      schema.fields.map(({ name }) => name),
      ['id', 'name'],
    );
  });

  it('of more bytes than the memory is for become several commits, and a large one is read by row groups', async () => {
    const world = createMergeWorld({ config: { roundBytes: 2 ** 20, wholeBytes: 1024 } });
    const names = range(0, 40_000).map((id) => ({ id, name: `${id}`.repeat(4) + crypto.randomUUID() }));
    const records: object[] = [];
    for (let part = 0; part < 4; part++) {
      const rows = names.slice(part * 10_000, (part + 1) * 10_000);
      records.push(
        await world.land(`staging/orders/${part}.parquet`, parquet(rows, undefined, { rowGroupSize: 3_000 })),
      );
    }
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(await world.ids(), range(0, 40_000));
    assert.ok((await world.snapshot()).version > 0);
  });

  it('are deleted once their rows are in the table, where that is wanted, and not a newer version of them', async () => {
    const world = createMergeWorld({ config: { deleteSources: true } });
    const records = [await world.stage('orders/a.parquet', 1), await world.stage('orders/b.parquet', 2)];
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(await world.keys('staging/'), []);
    const newer = await world.stage('orders/a.parquet', 3);
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(await world.keys('staging/'), ['staging/orders/a.parquet']);
    assert.deepEqual(await world.deliver(newer), []);
    assert.deepEqual(await world.ids(), [1, 2, 3]);
  });

  it('that were overwritten before they were read count as their newer version only', async () => {
    const world = createMergeWorld();
    const older = await world.stage('orders/a.parquet', 1);
    const newer = await world.stage('orders/a.parquet', 2);
    assert.deepEqual(await world.deliver(older), []);
    assert.deepEqual(await world.deliver(older, newer), []);
    assert.deepEqual(await world.ids(), [2]);
  });

  it('fail alone where the store does not show them', async () => {
    const world = createMergeWorld({
      wrap: (store) => ({
        ...store,
        get: (key, options) => {
          if (key.endsWith('/b.parquet') && isDown) throw new StoreError('ACCESS_DENIED', 'get', key, 'not for you');
          return store.get(key, options);
        },
      }),
    });
    let isDown = true;
    const records = [await world.stage('orders/a.parquet', 1), await world.stage('orders/b.parquet', 2)];
    assert.deepEqual(await world.deliver(...records, { no: 'notification' }), ['m2', 'm1']);
    assert.deepEqual(await world.ids(), [1]);
    isDown = false;
    assert.deepEqual(await world.deliver(...records), []);
    assert.deepEqual(await world.ids(), [1, 2]);
  });
});
