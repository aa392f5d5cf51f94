import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { isCdfError } from '../../src/cdf/errors.ts';
import { type ExportOptions, type ExportResult, exportTable } from '../../src/cdf/export/export-table.ts';
import { type OutputSettingsInput, readOutputSettings } from '../../src/cdf/output/settings.ts';
import { serializeSchema } from '../../src/delta/schema.ts';
import { ConfigReader } from '../../src/ingest/config-reader.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError, type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import { metaData } from '../support/delta-log-builder.ts';
import { createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { type CdfWorld, createCdfWorld, removeOf, structOf } from './cdf-world.ts';

function settingsOf(input: OutputSettingsInput) {
  const problems: string[] = [];
  const settings = readOutputSettings(new ConfigReader(input, '', problems));
  assert.deepEqual(problems, []);
  return settings;
}

function run(
  { table }: CdfWorld,
  store: ObjectStore,
  input: OutputSettingsInput = {},
  options: Omit<ExportOptions, 'output'> = {},
): Promise<ExportResult> {
  const target = { store, root: 'feed', url: 's3://feeds/feed' };
  return exportTable(table, target, createCheckpointReader(), { ...options, output: settingsOf(input) });
}

/** The objects of a store by key, as text. */
async function contents(store: ObjectStore): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key } of store.list('')) found[key] = Buffer.from((await store.get(key)).body).toString('latin1');
  return found;
}

const V = (version: number) => String(version).padStart(20, '0');

/** Version 1 inserts two rows, 2 updates one, 3 deletes one and inserts another. */
async function peopleWorld(): Promise<CdfWorld> {
  const world = await createCdfWorld();
  const a = await world.file('a.parquet', [
    [1n, 'one'],
    [2n, 'two'],
  ]);
  await world.log.commit({ add: a });
  const b = await world.file('b.parquet', [
    [1n, 'uno'],
    [2n, 'two'],
  ]);
  const cdc = await world.recorded('_change_data/c.parquet', [
    [1n, 'one', 'update_preimage'],
    [1n, 'uno', 'update_postimage'],
  ]);
  await world.log.commit(removeOf(a), { add: b }, cdc);
  const c = await world.file('c.parquet', [[3n, 'three']]);
  await world.log.commit(
    removeOf(b),
    { add: c },
    await world.recorded('_change_data/d.parquet', [
      [1n, 'uno', 'delete'],
      [2n, 'two', 'delete'],
      [3n, 'three', 'insert'],
    ]),
  );
  return world;
}

describe('an export', () => {
  it('writes the changes of a range, what is in it, and how far it is', async () => {
    const world = await peopleWorld();
    const store = createMemoryStore();
    const result = await run(world, store);
    assert.deepEqual(
      [result.state, result.version, result.latest, result.ranges, result.versions],
      ['done', 3, 3, 1, 4],
    );
    const folder = `feed/${V(0)}-${V(3)}`;
    const objects = await contents(store);
    assert.deepEqual(Object.keys(objects).sort(), [
      `${folder}/_SUCCESS`,
      `${folder}/part-00000.csv`,
      `feed/_plans/${V(0)}.json`,
      'feed/_position.json',
    ]);
    assert.equal(
      objects[`${folder}/part-00000.csv`],
      [
        'id,name,_change_type,_commit_version,_commit_timestamp',
        '1,one,insert,1,2026-01-01T00:01:00.000000Z',
        '2,two,insert,1,2026-01-01T00:01:00.000000Z',
        '1,one,update_preimage,2,2026-01-01T00:02:00.000000Z',
        '1,uno,update_postimage,2,2026-01-01T00:02:00.000000Z',
        '1,uno,delete,3,2026-01-01T00:03:00.000000Z',
        '2,two,delete,3,2026-01-01T00:03:00.000000Z',
        '3,three,insert,3,2026-01-01T00:03:00.000000Z',
        '',
      ].join('\n'),
    );
    const { table, tableId, ...manifest } = JSON.parse(objects[`${folder}/_SUCCESS`] ?? '');
    assert.deepEqual(manifest, {
      from: 0,
      until: 3,
      format: 'csv',
      columns: ['id', 'name', '_change_type', '_commit_version', '_commit_timestamp'],
      changes: { insert: 3, update_preimage: 1, update_postimage: 1, delete: 2 },
      rows: 7,
      files: [{ path: 'part-00000.csv', rows: 7, bytes: objects[`${folder}/part-00000.csv`]?.length }],
    });
    assert.deepEqual(JSON.parse(objects['feed/_position.json'] ?? ''), { table, tableId, version: 3 });
    assert.equal(table, 's3://bucket/lake/people');
  });

  it('goes on where it was, and writes nothing where nothing is new', async () => {
    const world = await peopleWorld();
    const store = createMemoryStore();
    await run(world, store, {}, { until: { version: 2 } });
    const second = await run(world, store);
    assert.deepEqual([second.ranges, second.version], [1, 3]);
    const before = await contents(store);
    assert.match(before[`feed/${V(3)}/part-00000.csv`] ?? '', /^id,.*\n1,uno,delete,3,/);
    const third = await run(world, store);
    assert.deepEqual([third.ranges, third.version], [0, 3]);
    assert.deepEqual(await contents(store), before);
  });

  it('splits deletes from inserts by version, with the key only, and no columns of changes', async () => {
    const world = await peopleWorld();
    const store = createMemoryStore();
    const csv = { quote: 'all', header: false } as const;
    const { ranges } = await run(world, store, { layout: 'split', key: ['id'], changeColumns: false, csv });
    assert.equal(ranges, 4);
    const objects = await contents(store);
    const files = Object.entries(objects).filter(([key]) => key.endsWith('.csv'));
    assert.deepEqual(files, [
      [`feed/${V(1)}/inserts/part-00000.csv`, '"1","one"\n"2","two"\n'],
      [`feed/${V(2)}/inserts/part-00000.csv`, '"1","uno"\n'],
      [`feed/${V(3)}/deletes/part-00000.csv`, '"1"\n"2"\n'],
      [`feed/${V(3)}/inserts/part-00000.csv`, '"3","three"\n'],
    ]);
    assert.deepEqual(JSON.parse(objects[`feed/${V(3)}/_SUCCESS`] ?? '').files, [
      { path: 'deletes/part-00000.csv', rows: 2, bytes: 8 },
      { path: 'inserts/part-00000.csv', rows: 1, bytes: 12 },
    ]);
  });

  it('writes the changes that are wanted, and reads no file of others', async () => {
    const world = await createCdfWorld();
    const a = await world.file('a.parquet', [[1n, 'one']]);
    await world.log.commit({ add: a });
    await world.log.commit(removeOf(a));
    await world.store.delete('lake/people/a.parquet');
    await world.log.commit({ add: await world.file('b.parquet', [[2n, 'two']]) });
    const store = createMemoryStore();
    await run(world, store, { changes: ['insert'], changeColumns: false }, { from: { version: 2 } });
    assert.equal((await contents(store))[`feed/${V(2)}-${V(3)}/part-00000.csv`], 'id,name\n2,two\n');
  });

  for (const compression of ['gzip', 'zstd'] as const) {
    it(`compresses with ${compression}`, async () => {
      const world = await peopleWorld();
      const store = createMemoryStore();
      await run(world, store, { format: 'jsonl', compression });
      const key = `feed/${V(0)}-${V(3)}/part-00000.jsonl.${compression === 'gzip' ? 'gz' : 'zst'}`;
      const body = (await store.get(key)).body;
      const text = (compression === 'gzip' ? gunzipSync(body) : zstdDecompressSync(body)).toString();
      const rows = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.equal(rows.length, 7);
      assert.deepEqual(rows[0], {
        id: 1,
        name: 'one',
        _change_type: 'insert',
        _commit_version: 1,
        _commit_timestamp: '2026-01-01T00:01:00.000000Z',
      });
    });
  }

  it('begins another file where one is large, and holds the header in each', async () => {
    const world = await createCdfWorld();
    const rows = Array.from({ length: 30_000 }, (_, index) => [BigInt(index), 'x'.repeat(60)]);
    await world.log.commit({ add: await world.file('a.parquet', rows) });
    const store = createMemoryStore();
    const { files } = await run(world, store, { maxFileSize: 2 ** 20, changeColumns: false });
    assert.equal(files, 2);
    const objects = await contents(store);
    const parts = [0, 1].map((part) => objects[`feed/${V(0)}-${V(1)}/part-0000${part}.csv`] ?? '');
    const lines = parts.map((text) => text.trimEnd().split('\n'));
    assert.deepEqual(
      lines.map(([first]) => first),
      ['id,name', 'id,name'],
    );
    const ids = lines.flatMap(([, ...own]) => own.map((line) => Number(line.split(',')[0])));
    assert.deepEqual(
      ids,
      rows.map(([id]) => Number(id)),
    );
    assert.ok((parts[0]?.length ?? 0) < 2 ** 20 + 200_000);
  });

  it('begins another range where the columns change', async () => {
    const world = await createCdfWorld();
    await world.log.commit({ add: await world.file('a.parquet', [[1n, 'one']]) });
    const wider = structOf({ id: 'long', name: 'string', age: 'integer' });
    const configuration = { 'delta.enableChangeDataFeed': 'true' };
    await world.log.commit(metaData({ schemaString: serializeSchema(wider), configuration }));
    await world.log.commit(
      metaData({ schemaString: serializeSchema(wider), configuration: { ...configuration, a: 'b' } }),
    );
    const store = createMemoryStore();
    await run(world, store);
    const columns = Object.entries(await contents(store)).flatMap(([key, text]) =>
      key.endsWith('_SUCCESS') ? [[key.split('/')[1], JSON.parse(text).columns.length]] : [],
    );
    assert.deepEqual(columns, [
      [`${V(0)}-${V(1)}`, 5],
      [`${V(2)}-${V(3)}`, 6],
    ]);
  });

  it('goes on with a range that was begun as it was begun', async () => {
    const world = await peopleWorld();
    const inner = createMemoryStore();
    const dying = createFaultyStore(inner, ({ key }) =>
      key.endsWith('_SUCCESS') ? { kind: 'crash', when: 'before' } : undefined,
    );
    await assert.rejects(run(world, dying, {}, { until: { version: 2 } }), /crash before/);
    // Another version came, and another format is asked for.
    const { ranges } = await run(world, inner, { format: 'jsonl' });
    assert.equal(ranges, 2);
    const keys = Object.keys(await contents(inner)).filter((key) => key.includes('part-'));
    assert.deepEqual(keys, [`feed/${V(0)}-${V(2)}/part-00000.csv`, `feed/${V(3)}/part-00000.jsonl`]);
  });

  for (const settings of [{}, { layout: 'split', compression: 'gzip' }, { format: 'parquet' }] as const) {
    it(`has the same files after a failure at any call of the target: ${JSON.stringify(settings)}`, async () => {
      const world = await peopleWorld();
      const whole = createMemoryStore();
      const counting = createFaultyStore(whole, () => undefined);
      await run(world, counting, settings);
      const expected = await contents(whole);
      for (const { name, number, fault } of everySingleFault(counting.calls.length)) {
        const inner = createMemoryStore();
        const faulty = createFaultyStore(inner, failCall(number, fault));
        // A read of what is not there loses no answer.
        await run(world, faulty, settings).catch(() => undefined);
        await assertNotAhead(await contents(inner), name);
        await run(world, inner, settings);
        assert.deepEqual(await contents(inner), expected, name);
      }
    });

    it(`has the same files after a failure at any call of the table: ${JSON.stringify(settings)}`, async () => {
      const world = await peopleWorld();
      const whole = createMemoryStore();
      const counting = createFaultyStore(world.store, () => undefined);
      await run({ ...world, table: { ...world.table, store: counting } }, whole, settings);
      const expected = await contents(whole);
      for (const { name, number, fault } of everySingleFault(counting.calls.length)) {
        const store = createMemoryStore();
        const faulty = createFaultyStore(world.store, failCall(number, fault));
        const attempt = run({ ...world, table: { ...world.table, store: faulty } }, store, settings);
        // The hint of the last checkpoint may be missed.
        await attempt.catch(() => undefined);
        await assertNotAhead(await contents(store), name);
        await run(world, store, settings);
        assert.deepEqual(await contents(store), expected, name);
      }
    });
  }

  for (const compression of ['none', 'gzip'] as const) {
    it(`tells why the target takes no more of a file: ${compression}`, async () => {
      const world = await createCdfWorld();
      const rows = Array.from({ length: 20_000 }, (_, index) => [BigInt(index), `row ${index * 7919}`]);
      await world.log.commit({ add: await world.file('a.parquet', rows) });
      const inner = createMemoryStore();
      const full: ObjectStore = {
        ...inner,
        async putStream(key, pieces) {
          for await (const _ of pieces) throw new StoreError('ACCESS_DENIED', 'putStream', key, 'the bucket is full');
          return 0;
        },
      };
      await assert.rejects(run(world, full, { compression, csv: { header: false } }), (error) =>
        isStoreError(error, 'ACCESS_DENIED'),
      );
      assert.deepEqual(Object.keys(await contents(inner)), [`feed/_plans/${V(0)}.json`]);
    });
  }

  it('of two at a time has one range after the other, of which none is there twice', async () => {
    const world = await peopleWorld();
    const store = createMemoryStore();
    await Promise.all([run(world, store, {}, { until: { version: 1 } }), run(world, store)]);
    await run(world, store);
    const froms = Object.keys(await contents(store))
      .filter((key) => key.endsWith('_SUCCESS'))
      .map((key) => key.split('/')[1]);
    const ranges = froms.map((name) => (name ?? '').split('-').map(Number));
    let next = 0;
    for (const [from = -1, until = from] of ranges) {
      assert.equal(from, next);
      next = until + 1;
    }
    assert.equal(next, 4);
  });

  it('stops when the time is up, between the ranges and in one', async () => {
    const world = await peopleWorld();
    const store = createMemoryStore();
    let looks = 0;
    const isTimeUp = () => ++looks > 3;
    const first = await run(world, store, { maxVersions: 1 }, { isTimeUp });
    assert.equal(first.state, 'more');
    const { state, version } = await run(world, store, { maxVersions: 1 });
    assert.deepEqual([state, version], ['done', 3]);
    await assert.rejects(run(world, createMemoryStore(), {}, { isTimeUp: createAfter(1) }), (error) =>
      isCdfError(error, 'TIME_UP'),
    );
  });

  it('plans without writing, and begins again where it is asked to', async () => {
    const world = await peopleWorld();
    const store = createMemoryStore();
    const planned = await run(world, store, { maxVersions: 2 }, { dryRun: true });
    assert.deepEqual([planned.ranges, planned.versions], [2, 4]);
    assert.deepEqual(await contents(store), {});
    await run(world, store, {}, { from: { version: 3 } });
    const again = await run(world, store, {}, { restart: true, from: { timestamp: Date.UTC(2026, 0, 1, 0, 1) } });
    assert.deepEqual([again.versions, again.version], [3, 3]);
    assert.ok((await contents(store))[`feed/${V(1)}-${V(3)}/_SUCCESS`]);
  });

  it('refuses the position of another table, a key that is not there, and objects that are none of its own', async () => {
    const world = await peopleWorld();
    const store = createMemoryStore();
    await run(world, store);
    const other = await createCdfWorld();
    await other.log.commit(metaData({ id: 'another' }));
    await assert.rejects(run(other, store), (error) => isCdfError(error, 'OTHER_TABLE'));
    const empty = createMemoryStore();
    await assert.rejects(run(world, empty, { layout: 'split', key: ['no'] }), /no key column "no"/);
    assert.deepEqual(await contents(empty), {});
    await store.put('feed/_position.json', Buffer.from('{"version": -1}'));
    await assert.rejects(run(world, store), (error) => isCdfError(error, 'CORRUPT_EXPORT'));
    await store.put('feed/_position.json', Buffer.from('nonsense'));
    await assert.rejects(run(world, store), /"feed\/_position\.json" is no JSON object: nonsense/);
  });
});

function createAfter(calls: number): () => boolean {
  let count = 0;
  return () => ++count > calls;
}

/** No position, and no `_SUCCESS`, without what it stands for. */
async function assertNotAhead(objects: Readonly<Record<string, string>>, name: string): Promise<void> {
  const position = objects['feed/_position.json'];
  const manifests = Object.entries(objects).filter(([key]) => key.endsWith('_SUCCESS'));
  for (const [key, text] of manifests) {
    const folder = key.slice(0, -'_SUCCESS'.length);
    for (const { path, bytes } of JSON.parse(text).files) assert.equal(objects[folder + path]?.length, bytes, name);
  }
  if (position === undefined) return;
  const until = Math.max(...manifests.map(([, text]) => Number(JSON.parse(text).until)));
  assert.ok(JSON.parse(position).version <= until, `${name}: position ${position}`);
}
