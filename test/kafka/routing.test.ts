import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import avsc from 'avsc';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { matchesTopic, parseKafkaConfig } from '../../src/kafka/config.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { RegisteredSchema } from '../../src/kafka/registry/schema-registry.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, type Row } from '../support/bronze-world.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function json(offset: number, value: unknown, facts: Partial<KafkaRecord> = {}): KafkaRecord {
  return kafkaRecord(offset, { value: encode(typeof value === 'string' ? value : JSON.stringify(value)), ...facts });
}

function worldOf(rule: object): BronzeWorld {
  return createBronzeWorld({ config: { topics: [{ topic: '*', ...rule }] } });
}

/** A world whose registry has one schema, with the id 1. */
function registryWorld(schema: object, rule: object = {}): BronzeWorld {
  const registered: RegisteredSchema = { type: 'AVRO', schema: JSON.stringify(schema), references: [] };
  const get = async (id: string) => (id === '1' ? registered : Promise.reject(new Error(`no schema ${id}`)));
  return createBronzeWorld({
    config: { registry: { url: 'http://registry' }, topics: [{ topic: '*', format: 'confluent', ...rule }] },
    registries: { confluent: async () => ({ get }) },
  });
}

const hit: avsc.Schema = { type: 'record', name: 'Hit', fields: [{ name: 'type', type: 'string' }] };
const FRAME = Uint8Array.of(0, 0, 0, 0, 1);
const framedHit = (type: string) => Buffer.concat([FRAME, avsc.Type.forSchema(hit).toBuffer({ type })]);

async function letters(world: BronzeWorld, root = 'bronze/web'): Promise<[number, string][]> {
  const rows = await world.rows(`${root}__dead_letters`);
  return rows.map(({ offset, error_code: code }) => [Number(offset), String(code)]);
}

const numbersOf = (rows: readonly Row[], ...names: string[]) =>
  rows.map((row) => names.map((name) => Number(row[name])));

describe('one topic for many tables', () => {
  it('has each row of a record in its own table only', async () => {
    const world = worldOf({ format: 'json-lines', table: 'bronze/{topic}/{type}' });
    await world.deliver(
      json(0, '{"type":"a","x":1}\n{"type":"b","x":2}\n{"type":"a","x":3}'),
      json(1, '{"type":"b","x":4}'),
    );
    assert.deepEqual(numbersOf(await world.rows('bronze/web/a'), 'offset', 'x'), [
      [0, 1],
      [0, 3],
    ]);
    assert.deepEqual(numbersOf(await world.rows('bronze/web/b'), 'offset', 'x'), [
      [0, 2],
      [1, 4],
    ]);
  });

  it('gets the schemas of its records before it looks into them', async () => {
    const world = registryWorld(hit, { table: 'bronze/{topic}/{type}' });
    await world.deliver(kafkaRecord(0, { value: framedHit('a') }));
    assert.deepEqual(await world.offsets('bronze/web/a'), ['web/0/0']);
  });

  it('goes on past a record without the header that says its table', async () => {
    const world = worldOf({ format: 'json', table: 'bronze/{header:tenant}' });
    const headers = [{ key: 'tenant', value: encode('acme') }];
    await world.deliver(json(0, { a: 1 }), json(1, { a: 2 }, { headers }));
    assert.deepEqual(await world.offsets('bronze/acme'), ['web/0/1']);
    assert.deepEqual(await letters(world), [[0, 'INVALID_TARGET']]);
  });

  it('reports the records that are for no table with the other dead letters', async () => {
    const world = worldOf({ format: 'json', table: 'bronze/{topic}/{type}' });
    await world.deliver(json(0, { type: '../up' }), json(1, { type: '' }));
    assert.deepEqual(
      world.metrics.map(({ quarantined }) => quarantined),
      [2],
    );
  });

  it('names a record for no table among what failed, when its dead letter cannot be written', async () => {
    const world = createBronzeWorld({
      config: {
        reportBatchItemFailures: true,
        topics: [{ topic: '*', format: 'json', table: 'bronze/{topic}/{type}' }],
      },
    });
    await world.store.put('bronze/web__dead_letters/_delta_log/00000000000000000000.json', encode('{'));
    assert.deepEqual(await world.deliver(json(4, { type: 'a' }), json(5, { type: '../up' })), {
      batchItemFailures: [{ itemIdentifier: { partition: 'web-0', offset: 5 } }],
    });
    assert.deepEqual(await world.offsets('bronze/web/a'), ['web/0/4']);
  });
});

describe('two rules for one table', () => {
  it('are each applied to the records of their own topics', async () => {
    const table = 'bronze/all';
    const topics = [
      { topic: 'a', table, format: 'json', transforms: { from: '`"rule a"`' } },
      { topic: 'b', table, format: 'json', transforms: { from: '`"rule b"`' } },
    ];
    const world = createBronzeWorld({ config: { topics } });
    await world.deliver(json(0, { x: 1 }, { topic: 'a' }), json(0, { x: 2 }, { topic: 'b' }));
    assert.deepEqual(
      (await world.rows(table)).map(({ topic, from }) => [topic, from]),
      [
        ['a', 'rule a'],
        ['b', 'rule b'],
      ],
    );
  });
});

describe('tombstones of a topic that is not decoded', () => {
  const tombstone = kafkaRecord(1, { value: undefined });

  it('are left out where the rule says so', async () => {
    const world = worldOf({ tombstones: 'drop' });
    await world.deliver(kafkaRecord(0), tombstone);
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0']);
  });

  it('are told from other records by their mark', async () => {
    const world = worldOf({ tombstones: 'marker' });
    await world.deliver(kafkaRecord(0), tombstone);
    assert.deepEqual(
      (await world.rows('bronze/web')).map(({ deleted }) => deleted),
      [false, true],
    );
  });
});

describe('records with schemas of a registry', () => {
  it('go by the last header with an id', async () => {
    const world = registryWorld(hit);
    const [, body] = [FRAME, framedHit('a').subarray(FRAME.length)];
    const ids = [Uint8Array.of(0, 0, 0, 0, 9), FRAME];
    const headers = ids.map((value) => ({ key: '__value_schema_id', value }));
    await world.deliver(kafkaRecord(0, { value: body, headers }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0']);
  });

  it('are written beside damaged ones and tombstones', async () => {
    const world = registryWorld(hit, { compression: 'gzip' });
    const packed = gzipSync(framedHit('a'));
    await world.deliver(
      kafkaRecord(0, { value: packed.subarray(0, 12) }),
      kafkaRecord(1, { value: undefined }),
      kafkaRecord(2, { value: packed }),
    );
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/1', 'web/0/2']);
    assert.deepEqual(await letters(world), [[0, 'INVALID_COMPRESSION']]);
  });

  it('keep the types of their schema, also inside of an envelope', async () => {
    const order = { type: 'record', name: 'Order', fields: [{ name: 'id', type: 'int' }] };
    const fields = [
      { name: 'before', type: ['null', order] },
      { name: 'after', type: ['null', 'Order'] },
      { name: 'op', type: 'string' },
    ];
    const envelope = { type: 'record', name: 'Envelope', fields };
    const body = avsc.Type.forSchema(envelope as avsc.Schema).toBuffer({ before: null, after: { id: 7 }, op: 'c' });
    const world = registryWorld(envelope, { envelope: 'debezium' });
    await world.deliver(kafkaRecord(0, { value: Buffer.concat([FRAME, body]) }));
    const { schema } = await world.snapshot('bronze/web');
    assert.equal(schema.fields.find(({ name }) => name === 'id')?.type, 'integer');
    assert.deepEqual(numbersOf(await world.rows('bronze/web'), 'id'), [[7]]);
  });
});

describe('a filter', () => {
  it('looks at rows as the transforms left them', async () => {
    const world = worldOf({ format: 'json', transforms: { big: 'x > `1`' }, filter: 'big' });
    await world.deliver(json(0, { x: 1 }), json(1, { x: 2 }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/1']);
  });
});

describe('the pattern of a rule', () => {
  it('has to fit the whole topic', () => {
    for (const [pattern, topic, expected] of [
      ['web', 'web', true],
      ['web', 'web2', false],
      ['web', 'my-web', false],
      ['web*', 'web2', true],
      ['*.eu', 'web.eu', true],
      ['*.eu', 'web-eu', false],
      ['a*b*c', 'aXbYc', true],
    ] as const) {
      assert.equal(matchesTopic(pattern, topic), expected, `${pattern} and ${topic}`);
    }
  });
});

describe('the settings of the tables', () => {
  const registry = { url: 'http://registry' };
  const json = { topic: '*', format: 'json' };
  const ofTopic = (rule: object) => ({ topics: [{ topic: '*', ...rule }] });
  const partition = { name: 'a', expression: 'a' };
  const mistakes: readonly (readonly [object, string])[] = [
    [{ bucket: undefined }, 'bucket'],
    [{ application: 'a b' }, 'application'],
    [{ nothing: 1 }, 'nothing'],
    [{ tableConcurrency: 65 }, 'tableConcurrency'],
    [{ registry: {} }, 'registry.url'],
    [{ registry: { ...registry, password: 'x' } }, 'registry.password'],
    [{ topics: [{ topic: 'a b' }] }, 'topics[0].topic'],
    [ofTopic({ columns: { a: 'int' } }), 'topics[0].columns'],
    [ofTopic({ metadataPrefix: 'a-' }), 'topics[0].metadataPrefix'],
    [ofTopic({ format: { type: 'avro', schema: '"int"', proto: '' } }), 'topics[0].format.proto'],
    [ofTopic({ partitionBy: [partition, { ...partition, name: 'A' }] }), 'topics[0].partitionBy[1].name'],
    [ofTopic({ partitionBy: [{ ...partition, expression: 'a ==' }] }), 'topics[0].partitionBy[0].expression'],
    [{ topics: [{ ...json, maxColumns: 0 }] }, 'topics[0].maxColumns'],
    [{ topics: [{ ...json, maxPayloadBytes: 0 }] }, 'topics[0].maxPayloadBytes'],
    [{ topics: [{ ...json, maxPayloadBytes: 2 ** 40 }] }, 'topics[0].maxPayloadBytes'],
  ];
  for (const [config, name] of mistakes) {
    it(`are refused for ${name} in ${JSON.stringify(config)}`, () => {
      assert.throws(
        () => parseKafkaConfig({ bucket: 'lake', ...config }),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.deepEqual(
            error.problems.map((problem) => problem.slice(0, problem.indexOf(': '))),
            [name],
          );
          return true;
        },
      );
    });
  }

  it('are kept as they are given', () => {
    for (const secret of [{ secretArn: 'arn' }, { secretVariable: 'TOKEN' }]) {
      const given = { bucket: 'lake', tableConcurrency: 64, registry: { ...registry, ...secret } };
      const { topics, ...parsed } = parseKafkaConfig(given);
      const defaults = { application: 'resaca', commits: 'direct', reportBatchItemFailures: false };
      assert.deepEqual([parsed, topics.length], [{ ...defaults, ...given }, 1]);
    }
  });
});
