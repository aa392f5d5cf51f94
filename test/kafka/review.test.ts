/** Places where the way from Kafka to a table could go wrong, and does not: found by a review, kept so that it stays so. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord } from '../support/bronze-world.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function json(offset: number, value: object, facts: Partial<KafkaRecord> = {}): KafkaRecord {
  return kafkaRecord(offset, { value: encode(JSON.stringify(value)), ...facts });
}

interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly nullable: boolean;
  readonly metadata: object;
}

function field(name: string, type: unknown, nullable = true): Field {
  return { name, type, nullable, metadata: {} };
}

/** Makes a table as someone else would. */
async function createTable(
  world: BronzeWorld,
  root: string,
  fields: readonly Field[],
  partitionColumns: readonly string[] = [],
): Promise<void> {
  const metaData = {
    id: 'f0000000-0000-4000-8000-000000000001',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields }),
    partitionColumns,
    configuration: {},
    createdTime: world.now(),
  };
  const actions = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
  const body = encode(actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
  await world.store.put(`${root}/_delta_log/00000000000000000000.json`, body);
}

async function letters(world: BronzeWorld): Promise<string[]> {
  return world.offsets('bronze/web__dead_letters').catch((): string[] => []);
}

describe('a file that the committer makes anew', () => {
  const columns = {
    a: 'array<struct<x:int,y:string>>',
    m: 'map<string,array<double>>',
    s: 'struct<t:timestamp,n:struct<d:decimal(20,4)>>',
    d: 'date',
    b: 'binary',
    n: 'timestamp_ntz',
    f: 'float',
    y: 'byte',
    z: 'short',
    e: 'decimal(38,10)',
    l: 'array<array<string>>',
  };
  const full = {
    a: [{ x: 1, y: 'q' }, {}, null],
    m: { k: [1.5, null], z: null },
    s: { t: '2026-01-01T00:00:00.123456Z', n: { d: '1.2345' } },
    d: '2026-01-02',
    b: 'AAEC',
    n: '2026-01-01T00:00:00',
    f: 'NaN',
    y: 3,
    z: 300,
    e: '1234567890123456789012345678.0123456789',
    l: [['x', null], null, []],
  };
  const values = [full, {}, { a: [], m: {}, s: { n: null }, l: [] }, { ...full, f: 1.25 }];
  const records = Array.from({ length: 12 }, (_, offset) => {
    const headers = offset % 2 === 0 ? [] : [{ key: 'h', value: Uint8Array.of(1, 255) }];
    return json(offset, values[offset % values.length] ?? {}, { headers });
  });
  for (const partitionBy of [[{ name: 'ingest_date' }], [{ name: 'p', type: 'decimal(38,10)', expression: 'e' }]]) {
    it(`has the values, types and statistics of the first, by ${partitionBy[0]?.name}`, async () => {
      const topics = [{ topic: '*', format: 'json', columns, headers: 'map', partitionBy }];
      const direct = createBronzeWorld({ config: { topics } });
      await direct.deliver(...records.slice(0, 5));
      await direct.deliver(...records.slice(5));
      const deferred = createBronzeWorld({ config: { topics, commits: 'deferred' } });
      await deferred.deliver(...records.slice(0, 5));
      await deferred.deliver(...records.slice(3));
      await deferred.commitPending();
      assert.deepEqual(await deferred.rows('bronze/web'), await direct.rows('bronze/web'));
      assert.deepEqual((await deferred.snapshot('bronze/web')).schema, (await direct.snapshot('bronze/web')).schema);
      const stats = async (world: BronzeWorld) => (await world.adds('bronze/web')).map((add) => add.stats).sort();
      assert.deepEqual(await stats(deferred), await stats(direct));
    });
  }
});

describe('one record does not take others with it', () => {
  it('where a column of the table is NOT NULL, also inside of others', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json' }] } });
    await createTable(world, 'bronze/web', [
      field('id', 'long', false),
      field('s', { type: 'struct', fields: [field('x', 'long', false)] }),
      field('l', { type: 'array', elementType: 'long', containsNull: false }),
    ]);
    await world.deliver(
      json(0, { id: 1, s: { x: 1 }, l: [1] }),
      json(1, { s: { x: 1 } }),
      json(2, { id: 1, s: {} }),
      json(3, { id: 1, l: [null] }),
      json(4, { id: 2, s: null }),
    );
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/4']);
    assert.deepEqual(await letters(world), ['web/0/1', 'web/0/2', 'web/0/3']);
  });

  it('where names inside of objects differ in case, cannot be columns, or come later', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json' }] } });
    await world.deliver(
      json(0, { c: { a: 1 } }),
      json(1, { c: { A: 2 } }),
      json(2, { c: { a: 1, A: 2 } }),
      json(3, { C: { b: 1 } }),
      json(4, { d: [{ c: 1 }, { C: 'x' }] }),
    );
    await world.deliver(
      json(5, { c: { 'p q': 1 } }),
      json(6, { d: [{ c: 1, e: { 'f g': 1 } }] }),
      json(7, { d: [{ 'f g': 1 }] }),
      json(8, { 'x y': { 'p q': 1 } }),
    );
    const rest = ['web/0/0', 'web/0/1', 'web/0/2', 'web/0/3', 'web/0/4', 'web/0/5', 'web/0/6', 'web/0/8'];
    assert.deepEqual(await world.offsets('bronze/web'), rest);
    assert.deepEqual(await letters(world), ['web/0/7']);
  });
});

describe('tables that others change', () => {
  it('are read anew when another one lies at the place, with the same version', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json' }] } });
    await world.deliver(json(0, { a: 1 }));
    for await (const { key } of world.store.list('bronze/web/')) await world.store.delete(key);
    await createTable(world, 'bronze/web', [field('a', 'string'), field('region', 'string')], ['region']);
    await world.deliver(json(1, { a: 1, region: 'eu' }));
    const [add] = await world.adds('bronze/web');
    assert.deepEqual(add?.partitionValues, { region: 'eu' });
  });

  it('keep what they are to have when their dead letters cannot be written', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json' }] } });
    await createTable(world, 'bronze/web__dead_letters', [field('topic', 'long')]);
    await assert.rejects(world.deliver(json(0, { a: 1 }), kafkaRecord(1)));
    assert.deepEqual(await world.tables(), ['bronze/web__dead_letters']);
  });
});

it('times that no calendar has are kept, and do not stop the partition', async () => {
  for (const timestamp of [8.64e15 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    const world = createBronzeWorld();
    await world.deliver(kafkaRecord(0, { timestamp }), kafkaRecord(1));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/1']);
  }
});
