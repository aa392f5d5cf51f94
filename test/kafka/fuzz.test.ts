import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { createBronzeWorld, kafkaRecord } from '../support/bronze-world.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** Payloads that someone made to do harm. */
const hostile: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array()],
  ['deep arrays', encode(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
  ['deep objects', encode(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`)],
  ['brackets without end', encode(`{"a":${'['.repeat(200_000)}`)],
  ['a huge string', encode(JSON.stringify({ a: 'x'.repeat(3_000_000) }))],
  ['a number of many digits', encode(`{"n":${'9'.repeat(200_000)}}`)],
  ['a huge exponent', encode('{"n":1e999999999}')],
  ['a long fraction', encode(`{"n":0.${'1'.repeat(200_000)}}`)],
  ['prototypes', encode('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')],
  ['half of a surrogate pair', encode('{"a":"\\ud800"}')],
  ['a name with half of a surrogate pair', encode('{"\\udc00":1}')],
  ['a NUL in a name', encode('{"a\\u0000b":1}')],
  ['invalid UTF-8', Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d)],
  ['UTF-16', new Uint8Array(Buffer.from('{"a":1}', 'utf16le'))],
  [
    '5,000 names',
    encode(JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, 1])))),
  ],
  ['names in many cases', encode('{"name":1,"Name":2,"NAME":3}')],
  ['a name of 100,000 characters', encode(JSON.stringify({ ['n'.repeat(100_000)]: 1 }))],
  ['a bomb', gzipSync(Buffer.alloc(50_000_000, 0x20))],
  ['a text', encode('"text"')],
  ['NaN', encode('{"a":NaN}')],
];

async function outcome(rule: object, records: readonly KafkaRecord[]) {
  const world = createBronzeWorld({ config: { topics: [{ topic: '*', ...rule }] } });
  await world.deliver(...records);
  const rows = await world.offsets('bronze/web').catch((): string[] => []);
  const letters = await world.offsets('bronze/web__dead_letters').catch((): string[] => []);
  const [letter] = letters.length > 0 ? await world.rows('bronze/web__dead_letters') : [];
  const columns = (await world.snapshot('bronze/web').catch(() => undefined))?.schema.fields.length;
  return { rows, letters, letter, columns };
}

describe('hostile payloads', () => {
  for (const [name, value] of hostile) {
    it(`${name}: a row, or a dead letter that says why`, async () => {
      const records = [kafkaRecord(0, { value: encode('{"a":"fine"}') }), kafkaRecord(1, { value })];
      const { rows, letters, letter, columns } = await outcome({ format: 'json', compression: 'auto' }, records);
      assert.deepEqual([...rows, ...letters].sort(), ['web/0/0', 'web/0/1']);
      assert.ok(rows.includes('web/0/0'));
      // What is in no row adds no columns either.
      if (letter !== undefined && name !== 'names in many cases') assert.equal(columns, 10);
      if (letter !== undefined) {
        assert.match(String(letter.error_code), /^[A-Z_0-9]+$/);
        assert.ok(String(letter.error).length < 1_000, String(letter.error).slice(0, 1_000));
        assert.deepEqual(Buffer.from(letter.value as Uint8Array), Buffer.from(value));
      }
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
    });
  }

  it('take no more memory than is to be expected', async () => {
    const value = gzipSync(Buffer.alloc(200_000_000, 0x20));
    const records = Array.from({ length: 10 }, (_, offset) => kafkaRecord(offset, { value }));
    const before = process.memoryUsage.rss();
    const { letters } = await outcome({ format: 'json', compression: 'gzip' }, records);
    assert.equal(letters.length, 10);
    assert.ok(process.memoryUsage.rss() - before < 300 * 1024 * 1024);
  });

  const schema = JSON.stringify({
    type: 'record',
    name: 'R',
    fields: [
      { name: 'a', type: ['null', 'string'] },
      { name: 'b', type: { type: 'array', items: 'null' } },
      { name: 'c', type: { type: 'map', values: 'long' } },
    ],
  });
  const proto = 'syntax = "proto3"; message R { string a = 1; repeated int64 b = 2; map<string, R> c = 3; }';
  const rules = {
    json: { format: 'json' },
    'JSON lines': { format: 'json-lines', transforms: { b: 'a' }, filter: 'a' },
    'JSON for many tables': { format: 'json', table: 'bronze/web/{a}' },
    Debezium: { format: 'json', envelope: 'debezium' },
    Avro: { format: { type: 'avro', schema } },
    'Avro single objects': { format: { type: 'avro-single-object', schemas: [schema] } },
    Protobuf: { format: { type: 'protobuf', proto, message: 'R' } },
  };
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map(encode),
    fc.object({ maxDepth: 3 }).map((value) => encode(JSON.stringify(value))),
    fc
      .record({ a: fc.anything() })
      .map((value) => encode(JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? 0 : one)))),
  );
  for (const [name, rule] of Object.entries(rules)) {
    it(`as ${name} end as rows or dead letters, whatever they are`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 10 }), async (values) => {
          const world = createBronzeWorld({ config: { topics: [{ topic: '*', ...rule }] } });
          await world.deliver(...values.map((value, offset) => kafkaRecord(offset, { value })));
          const found = new Set<string>();
          for (const root of await world.tables()) {
            for (const offset of await world.offsets(root)) found.add(offset);
          }
          const expected = values.map((_, offset) => `web/0/${offset}`);
          if ('filter' in rule) assert.ok([...found].every((offset) => expected.includes(offset)));
          else assert.deepEqual([...found].sort(), expected.sort());
        }),
        { numRuns: 25 },
      );
    });
  }
});
