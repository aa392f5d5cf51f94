import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import avsc from 'avsc';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { unknownSchemaId } from '../../src/kafka/registry/schema-registry.ts';
import { createBronzeWorld, kafkaRecord, type Row } from '../support/bronze-world.ts';

const encoder = new TextEncoder();

/** Records whose values are these, as JSON unless they are bytes, from offset 0 on. */
function records(...values: unknown[]): KafkaRecord[] {
  return values.map((value, offset) => jsonRecord(offset, value));
}

function jsonRecord(offset: number, value: unknown, facts: Partial<KafkaRecord> = {}): KafkaRecord {
  const bytes =
    value instanceof Uint8Array ? value : encoder.encode(typeof value === 'string' ? value : JSON.stringify(value));
  return kafkaRecord(offset, { value: bytes, ...facts });
}

function jsonWorld(rule: object = {}) {
  return createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json', ...rule }] } });
}

const METADATA = [
  'key',
  'headers',
  'timestamp',
  'timestamp_type',
  'topic',
  'partition',
  'offset',
  'ingested_at',
  'ingest_date',
];

type World = ReturnType<typeof createBronzeWorld>;

/** The columns of a table that came from payloads, as `name type`. */
async function columns(world: World, root = 'bronze/web'): Promise<string[]> {
  const { schema } = await world.snapshot(root);
  return schema.fields
    .filter(({ name }) => !METADATA.includes(name))
    .map(({ name, type }) => `${name} ${typeof type === 'string' ? type : JSON.stringify(type)}`);
}

/** The rows of a table without Kafka's columns. */
async function payloads(world: World, root = 'bronze/web'): Promise<Row[]> {
  const rows = await world.rows(root);
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !METADATA.includes(name))));
}

async function letters(world: World, root = 'bronze/web'): Promise<[number, string][]> {
  const rows = await world.rows(`${root}__dead_letters`);
  return rows.map(({ offset, error_code: code }) => [Number(offset), String(code)]);
}

describe('JSON', () => {
  it('becomes columns, whose types are found out', async () => {
    const world = jsonWorld();
    await world.deliver(
      ...records(
        { status: 200, url: '/a', took: 1.5, ok: true, tags: ['x'], user: { id: 1, name: 'é' }, nothing: null },
        { status: 404, took: 2 },
      ),
    );
    const user = {
      type: 'struct',
      fields: [
        { name: 'id', type: 'long', nullable: true, metadata: {} },
        { name: 'name', type: 'string', nullable: true, metadata: {} },
      ],
    };
    assert.deepEqual(await columns(world), [
      'status long',
      'url string',
      'took double',
      'ok boolean',
      `tags ${JSON.stringify({ type: 'array', elementType: 'string', containsNull: true })}`,
      `user ${JSON.stringify(user)}`,
    ]);
    const [first, second] = await payloads(world);
    assert.deepEqual(text(first), {
      status: '200',
      url: '/a',
      took: 1.5,
      ok: true,
      tags: ['x'],
      user: { id: '1', name: 'é' },
    });
    assert.deepEqual(text(second), { status: '404', url: null, took: 2, ok: null });
  });

  it('gives the table new columns, also inside of others', async () => {
    const world = jsonWorld();
    await world.deliver(jsonRecord(0, { a: 1, deep: { x: 1 }, list: [{ p: 1 }] }));
    await world.deliver(jsonRecord(1, { a: 2, b: 'new', deep: { y: [true] }, list: [{ q: 'z' }] }));
    world.coldStart();
    await world.deliver(jsonRecord(2, { deep: { x: 3, y: [] }, list: [] }));
    assert.deepEqual(text(await payloads(world)), [
      { a: '1', deep: { x: '1' }, list: [{ p: '1' }] },
      { a: '2', deep: { x: null, y: [true] }, list: [{ p: null, q: 'z' }], b: 'new' },
      { a: null, deep: { x: '3', y: [] }, list: [], b: null },
    ]);
  });

  it('takes nothing for something in fields that are not known yet', async () => {
    const world = jsonWorld();
    const values = [{ a: { x: 1, y: null, z: {} }, l: [{ p: 1, q: [] }] }, { a: { y: null } }, { a: { y: 2 } }];
    await world.deliver(...records(...values));
    assert.deepEqual(await letters(world).catch(() => []), []);
    assert.equal((await payloads(world)).length, 3);
    assert.match((await columns(world)).join(), /"name":"y","type":"long"/);
  });

  it('keeps numbers exact', async () => {
    const world = jsonWorld({ columns: { amount: 'decimal(20,2)' } });
    await world.deliver(
      jsonRecord(0, '{"id":9007199254740993,"amount":123456789012345678.91}'),
      jsonRecord(1, '{"id":-9223372036854775808,"amount":0.1}'),
      jsonRecord(2, '{"id":9223372036854775808,"amount":1}'),
      jsonRecord(3, '{"id":1,"amount":0.125}'),
    );
    assert.deepEqual(await columns(world), ['amount decimal(20,2)', 'id decimal(38,0)']);
    const rows = await world.rows('bronze/web');
    assert.equal(rows.length, 3);
    assert.deepEqual(await letters(world), [[3, 'TYPE_MISMATCH']]);
    const other = jsonWorld();
    await other.deliver(jsonRecord(0, '{"id":9007199254740993}'), jsonRecord(1, '{"id":-9223372036854775808}'));
    assert.deepEqual(text(await payloads(other)), [{ id: '9007199254740993' }, { id: '-9223372036854775808' }]);
  });

  it('goes to the dead letters when a column cannot have it, with the reason and the bytes', async () => {
    const world = jsonWorld({ columns: { at: 'timestamp' } });
    await world.deliver(jsonRecord(0, { status: 1, at: '2026-11-24T05:00:00Z' }));
    await world.deliver(
      jsonRecord(1, { status: 'two' }),
      jsonRecord(2, '{"status":'),
      jsonRecord(3, '[1]'),
      jsonRecord(4, { at: 'yesterday' }),
      jsonRecord(5, Uint8Array.of(0x7b, 0xff, 0x7d)),
      jsonRecord(6, { status: 3 }),
    );
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/6']);
    assert.deepEqual(await letters(world), [
      [1, 'TYPE_MISMATCH'],
      [2, 'INVALID_JSON'],
      [3, 'INVALID_JSON'],
      [4, 'TYPE_MISMATCH'],
      [5, 'INVALID_JSON'],
    ]);
    const [letter] = await world.rows('bronze/web__dead_letters');
    assert.equal(new TextDecoder().decode(letter?.value as Uint8Array), '{"status":"two"}');
    assert.match(String(letter?.error), /status.*two/);
  });

  it('obeys the policy of the table for columns that it does not have', async () => {
    const strict = jsonWorld({ schemaPolicy: 'strict', columns: { a: 'int' } });
    await strict.deliver(jsonRecord(0, { a: 1 }));
    await strict.deliver(jsonRecord(1, { a: 2, b: 1 }), jsonRecord(2, { a: 3 }));
    assert.deepEqual(text(await payloads(strict)), [{ a: 1 }, { a: 3 }]);
    assert.deepEqual(await letters(strict), [[1, 'UNKNOWN_COLUMN']]);

    const fixed = jsonWorld({ schemaPolicy: 'fixed', columns: { a: 'int' } });
    await fixed.deliver(jsonRecord(0, { a: 1, b: 5 }));
    assert.deepEqual(text(await payloads(fixed)), [{ a: 1 }]);
  });

  it('cannot fill a table with columns', async () => {
    const world = jsonWorld({ maxColumns: 3 });
    await world.deliver(
      jsonRecord(0, { a: 1, b: 1 }),
      jsonRecord(1, { c: 1 }),
      jsonRecord(2, { d: 1 }),
      jsonRecord(3, { a: 2 }),
    );
    assert.deepEqual(await columns(world), ['a long', 'b long', 'c long']);
    assert.deepEqual(await letters(world), [[2, 'UNKNOWN_COLUMN']]);
  });

  it('has names that columns can have', async () => {
    const world = jsonWorld();
    await world.deliver(jsonRecord(0, '{"user id":1,"offset":7,"":2,"__proto__":"p","constructor":"c"}'));
    await world.deliver(jsonRecord(1, { 'user id': 2, user_id: 3 }), jsonRecord(2, { USER_ID: 4, Offset: 8 }));
    assert.deepEqual(await columns(world), [
      'user_id long',
      'value_offset long',
      '_ long',
      '__proto__ string',
      'constructor string',
    ]);
    const rows = await world.rows('bronze/web');
    assert.deepEqual(
      rows.map((row) => [row.offset, row.user_id, row.value_offset].map(String)),
      [
        ['0', '1', '7'],
        ['2', '4', '8'],
      ],
    );
    assert.deepEqual(await letters(world), [[1, 'TYPE_MISMATCH']]);
  });

  it('may be packed, within bounds', async () => {
    const world = jsonWorld({ compression: 'auto', maxPayloadBytes: 1_000 });
    const bomb = gzipSync(Buffer.alloc(1_000_000, 0x20));
    await world.deliver(
      ...records(
        gzipSync('{"a":1}'),
        zstdCompressSync('{"a":2}'),
        '{"a":3}',
        bomb,
        gzipSync('{"a":1}').subarray(0, 15),
      ),
    );
    assert.deepEqual(text(await payloads(world)), [{ a: '1' }, { a: '2' }, { a: '3' }]);
    assert.deepEqual(await letters(world), [
      [3, 'TOO_LARGE'],
      [4, 'INVALID_COMPRESSION'],
    ]);
  });

  it('in lines gives a row for each, or none', async () => {
    const world = jsonWorld({ format: 'json-lines' });
    await world.deliver(
      jsonRecord(0, '{"a":1}\n{"a":2}\r\n\n'),
      jsonRecord(1, '{"a":3}\n{"a":"x"'),
      jsonRecord(2, '{"a":4}'),
    );
    const rows = await world.rows('bronze/web');
    assert.deepEqual(
      rows.map(({ offset, line, a }) => [offset, line, a].map(String)),
      [
        ['0', '0', '1'],
        ['0', '1', '2'],
        ['2', '0', '4'],
      ],
    );
    assert.deepEqual(await letters(world), [[1, 'INVALID_JSON']]);
  });

  it('takes a row back of which a part does not fit', async () => {
    const world = jsonWorld({ format: 'json-lines' });
    await world.deliver(jsonRecord(0, '{"a":1}'));
    await world.deliver(jsonRecord(1, '{"a":5}\n{"a":"no"}'), jsonRecord(2, '{"a":2}'));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/2']);
  });
});

describe('tombstones', () => {
  const tombstone = kafkaRecord(1, { value: undefined });

  it('are rows without data, marked rows, or nothing', async () => {
    for (const [tombstones, expected] of [
      ['keep', [{ a: '1' }, { a: null }]],
      [
        'marker',
        [
          { deleted: false, a: '1' },
          { deleted: true, a: null },
        ],
      ],
      ['drop', [{ a: '1' }]],
    ] as const) {
      const world = jsonWorld({ tombstones });
      await world.deliver(jsonRecord(0, { a: 1 }), tombstone);
      assert.deepEqual(text(await payloads(world)), expected, tombstones);
      assert.equal((await world.snapshot('bronze/web')).txns.get('resaca/web/0')?.version, 1);
    }
  });
});

describe('expressions', () => {
  it('set columns, with what the record says of itself', async () => {
    const world = jsonWorld({ transforms: { day: 'substr(at, `0`, `10`)', at_offset: 'kafka.offset' } });
    await world.deliver(jsonRecord(5, { at: '2026-11-24T05:00:00Z' }));
    assert.deepEqual(text(await payloads(world)), [{ at: '2026-11-24T05:00:00Z', day: '2026-11-24', at_offset: '5' }]);
  });

  it('leave rows out', async () => {
    const world = jsonWorld({ filter: 'status >= `400`' });
    await world.deliver(...records({ status: 200 }, { status: 404 }, { status: 500 }, { status: 200 }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/1', 'web/0/2']);
    assert.equal((await world.snapshot('bronze/web')).txns.get('resaca/web/0')?.version, 3);
    // A batch of which nothing is wanted costs no commit.
    await world.deliver(jsonRecord(4, { status: 200 }));
    assert.equal((await world.snapshot('bronze/web')).version, 0);
  });

  it('partition the table', async () => {
    const world = jsonWorld({ partitionBy: [{ name: 'country', expression: 'country' }, { name: 'ingest_date' }] });
    await world.deliver(
      ...records({ country: 'de', a: 1 }, { country: 'a/b=c', a: 2 }, { a: 3 }, { country: 'de', a: 4 }),
    );
    const { metadata } = await world.snapshot('bronze/web');
    assert.deepEqual(metadata.partitionColumns, ['country', 'ingest_date']);
    const adds = await world.adds('bronze/web');
    assert.deepEqual(adds.map(({ partitionValues }) => partitionValues.country).sort(), ['a/b=c', 'de', null].sort());
    assert.equal((await world.rows('bronze/web')).length, 4);
  });
});

describe('a table that someone else made', () => {
  it('keeps its columns and its partitions', async () => {
    const world = jsonWorld({ continueFrom: 'ingest', schemaPolicy: 'fixed' });
    const field = (name: string, type: 'long' | 'string') => ({ name, type, nullable: true, metadata: {} });
    const creation = newTableActions({
      schema: { type: 'struct', fields: [field('id', 'long'), field('day', 'string')] },
      partitionColumns: ['day'],
      configuration: {},
      id: crypto.randomUUID(),
      createdTime: 0,
    });
    const txn = { txn: { appId: 'ingest-0', version: 1, lastUpdated: world.now() } };
    await world.store.putIfAbsent(
      'bronze/web/_delta_log/00000000000000000000.json',
      serializeCommit([...creation, txn]),
    );
    await world.deliver(...records({ id: 1 }, { id: 2 }, { id: 3, day: 'mon', extra: 1 }, { id: 4, day: 'tue' }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/2', 'web/0/3']);
    const { schema } = await world.snapshot('bronze/web');
    assert.deepEqual(
      schema.fields.map(({ name }) => name),
      ['id', 'day'],
    );
    const adds = await world.adds('bronze/web');
    assert.deepEqual(adds.map(({ partitionValues }) => partitionValues.day).sort(), ['mon', 'tue']);
  });
});

describe('one topic for many tables', () => {
  const rule = { table: 'bronze/{topic}/{type}' };

  it('goes by a field, each record once', async () => {
    const world = jsonWorld(rule);
    const batch = [
      ...records({ type: 'click', x: 1 }, { type: 'view', y: 'a' }, { type: 'click', x: 2 }),
      jsonRecord(3, { type: '../up' }),
      jsonRecord(4, { other: 1 }),
    ];
    await world.deliver(...batch);
    assert.deepEqual(await world.offsets('bronze/web/click'), ['web/0/0', 'web/0/2']);
    assert.deepEqual(await world.offsets('bronze/web/view'), ['web/0/1']);
    assert.deepEqual(await columns(world, 'bronze/web/view'), ['type string', 'y string']);
    assert.deepEqual(await letters(world), [
      [3, 'INVALID_TARGET'],
      [4, 'INVALID_TARGET'],
    ]);
    await world.deliver(...batch.slice(0, 3), jsonRecord(5, { type: 'view', y: 'b' }));
    assert.deepEqual(await world.offsets('bronze/web/click'), ['web/0/0', 'web/0/2']);
    assert.deepEqual(await world.offsets('bronze/web/view'), ['web/0/1', 'web/0/5']);
  });

  it('goes by a header', async () => {
    const world = jsonWorld({ table: 'bronze/{header:tenant}' });
    const header = (value: string) => ({ headers: [{ key: 'tenant', value: encoder.encode(value) }] });
    await world.deliver(jsonRecord(0, { a: 1 }, header('acme')), jsonRecord(1, { a: 2 }, header('other')));
    assert.deepEqual(await world.offsets('bronze/acme'), ['web/0/0']);
    assert.deepEqual(await world.offsets('bronze/other'), ['web/0/1']);
  });
});

describe('change events of Debezium', () => {
  it('are unwrapped', async () => {
    const world = jsonWorld({ envelope: 'debezium', tombstones: 'drop' });
    const source = { db: 'shop', schema: 'public', table: 'orders', ts_ms: 1, lsn: 7 };
    await world.deliver(
      jsonRecord(0, { before: null, after: { id: 1, total: 5 }, source, op: 'c', ts_ms: 2 }),
      jsonRecord(1, { payload: { before: { id: 1, total: 5 }, after: null, source, op: 'd', ts_ms: 3 } }),
      kafkaRecord(2, { value: undefined }),
      jsonRecord(3, { no: 'envelope' }),
    );
    const rows = await payloads(world);
    assert.deepEqual(
      rows.map(({ id, total, __op: op, __deleted: deleted }) => [String(id), String(total), op, deleted]),
      [
        ['1', '5', 'c', false],
        ['1', '5', 'd', true],
      ],
    );
    assert.deepEqual(await letters(world), [[3, 'INVALID_ENVELOPE']]);
  });
});

describe('Avro', () => {
  const v1: avsc.Schema = {
    type: 'record',
    name: 'Hit',
    fields: [
      { name: 'id', type: 'long' },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    ],
  };
  const type = avsc.Type.forSchema(v1);

  it('has the types of its schema', async () => {
    const world = jsonWorld({ format: { type: 'avro', schema: JSON.stringify(v1) } });
    await world.deliver(...records(type.toBuffer({ id: 5, at: 1_000 }), Uint8Array.of(1)));
    assert.deepEqual(await columns(world), ['id long', 'at timestamp']);
    assert.deepEqual(text(await payloads(world)), [{ id: '5', at: '1970-01-01T00:00:01.000Z' }]);
    assert.deepEqual(await letters(world), [[1, 'INVALID_AVRO']]);
  });

  it('is what expressions see, too', async () => {
    const world = jsonWorld({
      format: { type: 'avro', schema: JSON.stringify(v1) },
      filter: 'id > `4`',
      transforms: { day: 'substr(at, `0`, `10`)' },
    });
    await world.deliver(...records(type.toBuffer({ id: 5, at: 1_000 }), type.toBuffer({ id: 4, at: 1_000 })));
    assert.deepEqual(await columns(world), ['id long', 'at timestamp', 'day string']);
    assert.deepEqual(text(await payloads(world)), [{ id: '5', at: '1970-01-01T00:00:01.000Z', day: '1970-01-01' }]);
  });
});

describe('Confluent’s wire format', () => {
  const registry = {
    get: async (id: string) => {
      if (id !== '7') throw unknownSchemaId(id, 'http://registry');
      const fields = [{ name: 'id', type: 'long' }];
      return { type: 'AVRO', schema: JSON.stringify({ type: 'record', name: 'R', fields }), references: [] } as const;
    },
  };
  const frame = (id: number) => Uint8Array.of(0, 0, 0, 0, id);
  const framed = (id: number) => Buffer.concat([frame(id), Uint8Array.of(10)]);
  const world = () =>
    createBronzeWorld({
      config: {
        registry: { url: 'http://registry' },
        topics: [{ topic: '*', format: 'confluent', compression: 'auto' }],
      },
      registries: { confluent: async () => registry },
    });

  it('has the schema of each record from the registry, before the value or in a header, packed or not', async () => {
    const table = world();
    const headers = [{ key: '__value_schema_id', value: frame(7) }];
    await table.deliver(
      jsonRecord(0, framed(7)),
      jsonRecord(1, Uint8Array.of(12), { headers }),
      jsonRecord(2, gzipSync(framed(7))),
      jsonRecord(3, framed(8)),
      jsonRecord(4, Uint8Array.of(9)),
    );
    assert.deepEqual(
      (await table.rows('bronze/web')).map(({ offset, id }) => [Number(offset), Number(id)]),
      [
        [0, 5],
        [1, 6],
        [2, 5],
      ],
    );
    assert.deepEqual(await letters(table), [
      [3, 'UNKNOWN_SCHEMA'],
      [4, 'INVALID_WIRE_FORMAT'],
    ]);
  });
});

/** Values as texts, for comparison. */
function text(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one)));
}
