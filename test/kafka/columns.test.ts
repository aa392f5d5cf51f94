import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { parseType } from '../../src/delta/ddl.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import type { DataType } from '../../src/delta/schema.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { RegisteredSchema } from '../../src/kafka/registry/schema-registry.ts';
import { extendType } from '../../src/kafka/rows/new-columns.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, type Row } from '../support/bronze-world.ts';

const DAY = 24 * 3_600_000;
const encode = (text: string) => new TextEncoder().encode(text);

function json(offset: number, value: unknown, facts: Partial<KafkaRecord> = {}): KafkaRecord {
  return kafkaRecord(offset, { value: encode(typeof value === 'string' ? value : JSON.stringify(value)), ...facts });
}

function jsonWorld(rule: object = {}): BronzeWorld {
  return createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json', ...rule }] } });
}

/** A world whose registry has these schemas, with the ids 1, 2 and so on. */
function registryWorld(schemas: readonly RegisteredSchema[], rule: object = {}): BronzeWorld {
  const get = async (id: string) => schemas[Number(id) - 1] ?? Promise.reject(new Error(`no schema ${id}`));
  const topics = [{ topic: '*', format: 'confluent', ...rule }];
  return createBronzeWorld({
    config: { registry: { url: 'http://registry' }, topics },
    registries: { confluent: async () => ({ get }) },
  });
}

function framed(offset: number, id: number, body: Uint8Array): KafkaRecord {
  return kafkaRecord(offset, { value: Buffer.concat([Uint8Array.of(0, 0, 0, 0, id), body]) });
}

async function typesOf(world: BronzeWorld): Promise<Map<string, DataType>> {
  const { schema } = await world.snapshot('bronze/web');
  return new Map(schema.fields.map(({ name, type }) => [name, type]));
}

/** The names of the fields of a struct column. */
async function fieldsOf(world: BronzeWorld, column: string): Promise<string[]> {
  const type = (await typesOf(world)).get(column);
  assert.ok(typeof type === 'object' && type.type === 'struct');
  return type.fields.map(({ name }) => name);
}

async function letters(world: BronzeWorld): Promise<[number, string][]> {
  const rows = await world.rows('bronze/web__dead_letters');
  return rows.map(({ offset, error_code: code }) => [Number(offset), String(code)]);
}

/** One column of the rows, whole numbers as numbers. */
async function valuesOf(world: BronzeWorld, column: string): Promise<unknown[]> {
  return (await world.rows('bronze/web')).map((row: Row) => {
    const value = row[column];
    return typeof value === 'bigint' ? Number(value) : value;
  });
}

/** A table that someone else made. */
async function putTable(world: BronzeWorld, columns: Readonly<Record<string, DataType>>, partitionColumns: string[]) {
  const fields = Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  const schema = { type: 'struct', fields } as const;
  const id = crypto.randomUUID();
  const creation = newTableActions({ schema, partitionColumns, configuration: {}, id, createdTime: 0 });
  await world.store.putIfAbsent('bronze/web/_delta_log/00000000000000000000.json', serializeCommit(creation));
}

describe('the columns of Kafka', () => {
  it('have headers as a map, of which the last of a name wins', async () => {
    const world = jsonWorld({ headers: 'map' });
    const headers = ['1', '2'].map((text) => ({ key: 'trace', value: encode(text) }));
    await world.deliver(json(0, {}, { headers }));
    const [value] = await valuesOf(world, 'headers');
    assert.deepEqual(value, { trace: encode('2') });
  });

  it('have no headers, key and value where the rule leaves them out', async () => {
    const world = jsonWorld({ headers: 'omit', key: 'omit' });
    await world.deliver(json(0, {}));
    const types = await typesOf(world);
    assert.deepEqual(
      ['headers', 'key', 'value'].filter((name) => types.has(name)),
      [],
    );
  });

  it('have a prefix before their names, so that fields of payloads keep theirs', async () => {
    const world = jsonWorld({ metadataPrefix: 'kafka_' });
    await world.deliver(json(7, { offset: 1 }));
    assert.deepEqual([await valuesOf(world, 'kafka_offset'), await valuesOf(world, 'offset')], [[7], [1]]);
  });

  it('send a key that is no text to the dead letters, where the rule says "string"', async () => {
    const world = jsonWorld({ key: 'string' });
    await world.deliver(json(0, {}), json(1, {}, { key: Uint8Array.of(0xff) }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0']);
    assert.deepEqual(await letters(world), [[1, 'INVALID_UTF8']]);
  });

  it('have the exact time of records of any year', async () => {
    const world = jsonWorld();
    const timestamp = Date.parse('9999-12-31T23:59:59.999Z');
    await world.deliver(json(0, {}, { timestamp }));
    assert.deepEqual(await valuesOf(world, 'timestamp'), [new Date(timestamp)]);
  });
});

describe('the partition of a row', () => {
  it('is the date of its writing, also when the environment is older than the day', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, {}));
    world.advance(DAY);
    await world.deliver(json(1, {}));
    const dates = (await world.adds('bronze/web')).map(({ partitionValues }) => partitionValues.ingest_date);
    assert.deepEqual(dates.sort(), ['2026-11-24', '2026-11-25']);
  });

  it('is what the expression says, also for the column with the date of the writing', async () => {
    const world = jsonWorld({ partitionBy: [{ name: 'ingest_date', type: 'date', expression: 'day' }] });
    await world.deliver(json(0, { day: '2020-02-29' }));
    const [add] = await world.adds('bronze/web');
    assert.deepEqual(add?.partitionValues, { ingest_date: '2020-02-29' });
  });

  it('is found by names of columns whatever their case, and its field is in no file then', async () => {
    const world = jsonWorld({
      partitionBy: [{ name: 'Country', expression: 'upper' }],
      transforms: { upper: 'country' },
    });
    await world.deliver(json(0, { country: 'de' }));
    const [add] = await world.adds('bronze/web');
    const [row] = await world.rows('bronze/web');
    assert.deepEqual([add?.partitionValues, row && 'country' in row], [{ Country: 'de' }, false]);
  });

  it('comes from the rule for a column that the table has in another case', async () => {
    const world = jsonWorld({ partitionBy: [{ name: 'country', expression: 'at' }], schemaPolicy: 'fixed' });
    await putTable(world, { offset: 'long', Country: 'string' }, ['Country']);
    await world.deliver(json(0, { at: 'de' }));
    const [add] = await world.adds('bronze/web');
    assert.deepEqual(add?.partitionValues, { Country: 'de' });
  });

  it('is in the paths of files, and not inside of them', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, {}));
    await world.deliver(json(1, {}));
    assert.deepEqual(
      (await world.rows('bronze/web')).map((row) => 'ingest_date' in row),
      [false, false],
    );
  });

  it('leaves a field of the name of the date column a column of its own', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, { ingest_date: 'then' }));
    assert.deepEqual(await valuesOf(world, 'value_ingest_date'), ['then']);
  });
});

describe('the names of columns', () => {
  it('have "_" for what Spark does not take', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, { 'a b,c;d{e}f(g)h\ni\tj=k': 1 }));
    assert.deepEqual(await valuesOf(world, 'a_b_c_d_e_f_g_h_i_j_k'), [1]);
  });

  it('have 255 characters at most', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, { ['n'.repeat(300)]: 1 }));
    assert.deepEqual(await valuesOf(world, 'n'.repeat(255)), [1]);
  });

  it('may be those of an object’s prototype, also where the configuration has them', async () => {
    const world = jsonWorld({ columns: JSON.parse('{"__proto__":"int","toString":"int"}') });
    await world.deliver(json(0, '{"__proto__":1,"toString":2}'));
    const types = await typesOf(world);
    assert.deepEqual([types.get('__proto__'), types.get('toString')], ['integer', 'integer']);
  });
});

describe('the types of columns', () => {
  it('take numbers of timestamps in the unit of the rule', async () => {
    const world = jsonWorld({ columns: { at: 'timestamp' }, timestampUnit: 's' });
    await world.deliver(json(0, { at: 1_000 }));
    assert.deepEqual(await valuesOf(world, 'at'), [new Date(1_000_000)]);
  });

  it('hold all values of a batch, also where the name has capitals', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, { Price: 1.5 }), json(1, { Price: 1 }));
    assert.deepEqual(await valuesOf(world, 'Price'), [1.5, 1]);
  });

  it('are not widened by a record that goes to the dead letters', async () => {
    const world = jsonWorld({ columns: { at: 'timestamp' } });
    await world.deliver(json(0, { a: 1 }), json(1, { a: 1.5, at: 'yesterday' }));
    assert.equal((await typesOf(world)).get('a'), 'long');
    assert.deepEqual(await letters(world), [[1, 'TYPE_MISMATCH']]);
  });

  it('of the configuration get the fields that values bring along', async () => {
    const world = jsonWorld({ columns: { user: 'struct<id: bigint>' } });
    await world.deliver(json(0, { user: { id: 1, name: 'x' } }));
    assert.deepEqual(await fieldsOf(world, 'user'), ['id', 'name']);
    assert.deepEqual(await valuesOf(world, 'user'), [{ id: 1n, name: 'x' }]);
  });

  it('get the fields that many records of a batch bring along, each another one', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, { a: { x: 1 } }));
    await world.deliver(...Array.from({ length: 40 }, (_, index) => json(index + 1, { a: { [`f${index}`]: 1 } })));
    assert.equal((await fieldsOf(world, 'a')).length, 41);
  });

  it('get fields inside of lists, and keep the types that they have', () => {
    const extended = extendType(
      parseType('struct<l: array<struct<x: int>>, n: int>'),
      parseType('struct<N: bigint, L: array<struct<X: bigint, y: int>>>'),
    );
    assert.deepEqual(extended, parseType('struct<l: array<struct<x: int, y: int>>, n: int>'));
  });

  it('are those of the table and of no other, once it has as many as it is to get', async () => {
    const world = jsonWorld({ maxColumns: 2 });
    await world.deliver(json(0, { a: 1, b: 1 }));
    await world.deliver(json(1, { c: 1 }), json(2, { a: 2 }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/2']);
    assert.deepEqual(await letters(world), [[1, 'UNKNOWN_COLUMN']]);
  });

  it('leave no field of a value out in silence', async () => {
    const world = jsonWorld();
    await world.deliver(json(0, { a: { x: 1 } }));
    await world.deliver(json(1, { a: { x: 1, X: 2 } }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0']);
    assert.deepEqual(await letters(world), [[1, 'UNKNOWN_COLUMN']]);
  });

  it('that cannot be written stay as they are, and are null', async () => {
    const world = jsonWorld();
    await putTable(world, { nothing: 'void', offset: 'long', ingest_date: 'date' }, ['ingest_date']);
    await world.deliver(json(0, { a: 1 }));
    assert.deepEqual(await valuesOf(world, 'a'), [1]);
    assert.equal((await typesOf(world)).get('nothing'), 'void');
  });
});

describe('a table with the policy "strict"', () => {
  it('begins with the columns of its first batch', async () => {
    const world = jsonWorld({ schemaPolicy: 'strict' });
    await world.deliver(json(0, { a: 1 }));
    assert.deepEqual(await valuesOf(world, 'a'), [1]);
  });

  it('refuses fields inside of its columns that it does not have', async () => {
    const world = jsonWorld({ schemaPolicy: 'strict' });
    await world.deliver(json(0, { a: { x: 1 } }));
    await world.deliver(json(1, { a: { x: 1, y: 2 } }));
    assert.deepEqual(await letters(world), [[1, 'UNKNOWN_COLUMN']]);
  });
});

describe('a table with the policy "fixed"', () => {
  it('leaves out fields inside of its columns that it does not have', async () => {
    const world = jsonWorld({ schemaPolicy: 'fixed', columns: { a: 'struct<x: int>' } });
    await world.deliver(json(0, { a: { x: 1, y: 2 } }));
    assert.deepEqual(await valuesOf(world, 'a'), [{ x: 1 }]);
  });
});

describe('values with a schema of a registry', () => {
  const avro = (fields: readonly object[]): RegisteredSchema => {
    const inner = { type: 'record', name: 'User', fields };
    const schema = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'user', type: inner }] });
    return { type: 'AVRO', schema, references: [] };
  };
  const [v1, v2] = [
    avro([{ name: 'id', type: 'long' }]),
    avro([
      { name: 'id', type: 'long' },
      { name: 'name', type: 'string' },
    ]),
  ];
  const bytesOf = ({ schema }: RegisteredSchema, value: unknown) =>
    avsc.Type.forSchema(JSON.parse(schema)).toBuffer(value);
  const batches = [
    framed(0, 1, bytesOf(v1, { user: { id: 1 } })),
    framed(1, 2, bytesOf(v2, { user: { id: 2, name: 'x' } })),
  ];

  async function deliverEach(schemaPolicy: string): Promise<BronzeWorld> {
    const world = registryWorld([v1, v2], { schemaPolicy, columns: { user: 'struct<id: bigint>' } });
    for (const record of batches) await world.deliver(record);
    return world;
  }

  it('give a column the fields of the newer schema, which older rows have not', async () => {
    const world = await deliverEach('evolve');
    assert.deepEqual(await valuesOf(world, 'user'), [{ id: 1n }, { id: 2n, name: 'x' }]);
    const type = (await typesOf(world)).get('user');
    assert.ok(typeof type === 'object' && type.type === 'struct');
    assert.deepEqual(
      type.fields.map(({ name, nullable }) => [name, nullable]),
      [
        ['id', true],
        ['name', true],
      ],
    );
  });

  it('go to the dead letters of a strict table that lacks fields', async () => {
    assert.deepEqual(await letters(await deliverEach('strict')), [[1, 'UNKNOWN_COLUMN']]);
  });

  it('lose the fields that a fixed table lacks', async () => {
    assert.deepEqual(await valuesOf(await deliverEach('fixed'), 'user'), [{ id: 1n }, { id: 2n }]);
  });

  it('make no column of what is null in all of them', async () => {
    const fields = ['a', 'b'].map((name) => ({ name, type: ['null', 'string'] }));
    const schema = JSON.stringify({ type: 'record', name: 'R', fields });
    const world = registryWorld([{ type: 'AVRO', schema, references: [] }]);
    const value = avsc.Type.forSchema(JSON.parse(schema)).toBuffer({ a: 'x', b: null });
    await world.deliver(framed(0, 1, value));
    const types = await typesOf(world);
    assert.deepEqual([types.has('a'), types.has('b')], [true, false]);
  });

  it('have the types of a JSON Schema, and no column for its nulls', async () => {
    const properties = { a: { type: 'number' }, b: { type: ['string', 'null'] } };
    const schema = JSON.stringify({ type: 'object', properties });
    const world = registryWorld([{ type: 'JSON', schema, references: [] }]);
    await world.deliver(framed(0, 1, encode('{"a":1,"b":null}')));
    const types = await typesOf(world);
    assert.deepEqual([types.get('a'), types.has('b')], ['double', false]);
  });
});
