import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { after, before, describe, it } from 'node:test';
import { typeName } from '../../src/delta/schema.ts';
import type { Decoded, PayloadDecoder } from '../../src/kafka/decode/decoder.ts';
import { createConfluentRegistry } from '../../src/kafka/registry/confluent-registry.ts';
import { createRegistryDecoder } from '../../src/kafka/registry/decoder.ts';
import type { RegisteredSchema } from '../../src/kafka/registry/schema-registry.ts';
import type { LineProcess } from '../support/interop/line-process.ts';
import { type RegistryProcess, startSchemaRegistry, startSerializers } from '../support/schema-registry.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({
  serializers: await startSerializers(),
  registry: await startSchemaRegistry(),
}));

describe('payloads of Confluent’s serializers, with a registry', { skip: found.skip }, () => {
  let registry: RegistryProcess;
  let serializers: LineProcess;
  let decoder: PayloadDecoder;

  before(() => {
    ({ registry, serializers } = available(found));
    decoder = createRegistryDecoder({
      wire: 'confluent',
      registry: createConfluentRegistry({ url: registry.url }),
      maxBytes: 1_000_000,
    });
  });
  after(() => registry.stop());

  async function serialize(command: string, topic: string, values: object): Promise<Buffer[]> {
    const payloads = await serializers.call(command, { url: registry.url, topic, ...values });
    assert.ok(Array.isArray(payloads));
    return payloads.map((hex) => Buffer.from(hex, 'hex'));
  }

  async function decodeAll(payloads: readonly Buffer[]): Promise<Decoded[]> {
    await decoder.prepare(payloads);
    return payloads.map((payload) => decoder.decode(payload));
  }

  it('are decoded from Avro, with references, while the schema grows', async () => {
    const address = {
      type: 'record',
      name: 'Address',
      namespace: 'shop',
      fields: [{ name: 'city', type: 'string' }],
    };
    const user = (...more: object[]) => ({
      type: 'record',
      name: 'User',
      namespace: 'shop',
      fields: [{ name: 'id', type: 'long' }, { name: 'home', type: ['null', 'Address'], default: null }, ...more],
    });
    const references = [{ name: 'shop.Address', subject: 'address', version: 1 }];
    await registry.register('address', { type: 'AVRO', schema: JSON.stringify(address) });
    await registry.register('users-value', { type: 'AVRO', schema: JSON.stringify(user()), references });
    const first = await serialize('avro', 'users', {
      values: [
        { id: 2 ** 53, home: { city: 'Köln' } },
        { id: 1, home: null },
      ],
    });

    const raw = { name: 'raw', type: ['null', 'bytes'], default: null };
    await registry.register('users-value', { type: 'AVRO', schema: JSON.stringify(user(raw)), references });
    const second = await serialize('avro', 'users', { values: [{ id: 3, home: null, raw: { hex: '00ff' } }] });

    const decoded = await decodeAll([...first, ...second]);
    assert.deepEqual(rowsOf(decoded), [
      { id: 2n ** 53n, home: { city: 'Köln' } },
      { id: 1, home: null },
      { id: 3, home: null, raw: new Uint8Array([0x00, 0xff]) },
    ]);
    assert.deepEqual(decoded.map(typeOf), [
      'struct<id: long, home: struct<city: string>>',
      'struct<id: long, home: struct<city: string>>',
      'struct<id: long, home: struct<city: string>, raw: binary>',
    ]);
    assert.equal(decoded[0]?.schema, decoded[1]?.schema);
  });

  it('are decoded from Protobuf, with references, while the schema grows', async () => {
    const money = 'syntax = "proto3"; package shop; message Money { uint64 units = 1; string currency = 2; }';
    const order = (more: string) => `
      syntax = "proto3";
      package shop;
      import "shop/money.proto";
      import "google/protobuf/timestamp.proto";
      message Order {
        message Line { string sku = 1; sint32 count = 2; }
        message Note { string text = 1; }
        int64 id = 1;
        repeated Line lines = 2;
        Money total = 3;
        google.protobuf.Timestamp at = 4;
        optional bool paid = 5;
        ${more}
      }`;
    const files = (more: string) => ({ 'order.proto': order(more), 'shop/money.proto': money });
    const value = {
      id: '-9223372036854775808',
      lines: [{ sku: 'a', count: -1 }, {}],
      total: { units: '18446744073709551615', currency: 'EUR' },
      at: '2026-11-24T12:58:03.123456789Z',
    };
    // The serializer registers its schemas itself, as descriptors in base64.
    const produce = (more: string, message: string, ...values: object[]) =>
      serialize('protobuf', 'orders', { files: files(more), message, values });
    const first = await produce('', 'shop.Order', value);
    const notes = await produce('', 'shop.Order.Note', { text: 'hi' });
    const more = 'map<string, double> scores = 6; message Last { oneof one { int32 a = 1; string b = 2; } }';
    const second = await produce(more, 'shop.Order', { id: 5, scores: { b: 0.5 }, paid: false });
    // Behind the entries of the map, which count for this serializer.
    const last = await produce(more, 'shop.Order.Last', { a: 0 });

    const decoded = await decodeAll([...first, ...notes, ...second, ...last]);
    const row = {
      id: -(2n ** 63n),
      lines: [
        { sku: 'a', count: -1 },
        { sku: '', count: 0 },
      ],
      total: { units: 2n ** 64n - 1n, currency: 'EUR' },
      at: 1_795_525_083_123_456,
      paid: null,
    };
    assert.deepEqual(rowsOf(decoded), [
      row,
      { text: 'hi' },
      { id: 5, lines: [], total: null, at: null, paid: false, scores: new Map([['b', 0.5]]) },
      { a: 0, b: null },
    ]);
    const columns =
      'id: long, lines: array<struct<sku: string, count: integer>>, total: struct<units: decimal(20,0), currency: string>, at: timestamp, paid: boolean';
    assert.deepEqual(decoded.map(typeOf), [
      `struct<${columns}>`,
      'struct<text: string>',
      `struct<${columns}, scores: map<string, double>>`,
      'struct<a: integer, b: string>',
    ]);
  });

  it('are decoded from Protobuf that is registered as text', async () => {
    const money = 'syntax = "proto3"; package shop; message Price { uint64 units = 1; }';
    const bill =
      'syntax = "proto3"; package shop; import "price.proto"; message Bill { Price price = 1; message No { bool no = 1; } }';
    const references = [{ name: 'price.proto', subject: 'price.proto', version: 1 }];
    const values = [{ price: { units: 7 } }];
    const files = { 'bill.proto': bill, 'price.proto': money };
    const payloads = [
      ...(await serialize('protobuf', 'elsewhere', { files, message: 'shop.Bill', values })),
      ...(await serialize('protobuf', 'elsewhere', { files, message: 'shop.Bill.No', values: [{ no: true }] })),
    ];
    await registry.register('price.text', { type: 'PROTOBUF', schema: money });
    const id = await registry.register('bill.text', {
      type: 'PROTOBUF',
      schema: bill,
      references: references.map((reference) => ({ ...reference, subject: 'price.text' })),
    });
    for (const payload of payloads) payload.writeUInt32BE(id, 1);
    const decoded = await decodeAll(payloads);
    assert.deepEqual(rowsOf(decoded), [{ price: { units: 7n } }, { no: true }]);
  });

  it('are decoded from JSON with the types of a JSON Schema, with references', async () => {
    const address = { $id: 'address.json', type: 'object', properties: { since: { type: 'string', format: 'date' } } };
    const user = {
      type: 'object',
      properties: { id: { type: 'integer' }, home: { oneOf: [{ type: 'null' }, { $ref: 'address.json' }] } },
    };
    const references = [{ name: 'address.json', subject: 'address-json', version: 1 }];
    await registry.register('address-json', { type: 'JSON', schema: JSON.stringify(address) });
    await registry.register('people-value', { type: 'JSON', schema: JSON.stringify(user), references });
    const values = [
      { id: 1, home: { since: '2026-01-02' } },
      { id: 2, extra: [1] },
    ];
    const payloads = await serialize('json', 'people', { schema: JSON.stringify(user), references, values });

    const decoded = await decodeAll(payloads);
    assert.deepEqual(rowsOf(decoded), values);
    assert.deepEqual(decoded.map(typeOf), Array(2).fill('struct<id: long, home: struct<since: date>>'));
  });

  it('are refused one by one where the registry has no schema', async () => {
    const id = await registry.register('plain-value', { type: 'AVRO', schema: '"int"' });
    const header = (number: number) => Buffer.from([0, 0, 0, 0, number]);
    const payloads = [Buffer.concat([header(id), Buffer.from([0x02])]), header(250), Buffer.from('{}')];
    await decoder.prepare(payloads);
    const [good, unknown, none] = payloads;
    assert.deepEqual(decoder.decode(good ?? Buffer.alloc(0)).rows, [{ value: 1 }]);
    assert.throws(() => decoder.decode(unknown ?? Buffer.alloc(0)), {
      code: 'UNKNOWN_SCHEMA',
      message: /schemas\/ids\/250/,
    });
    assert.throws(() => decoder.decode(none ?? Buffer.alloc(0)), { code: 'INVALID_WIRE_FORMAT' });
  });

  it('fail the batch when nothing answers, or something else does', async () => {
    for (const url of ['http://127.0.0.1:1', registry.url.replace('ccompat/v7', 'nothing')]) {
      const client = createConfluentRegistry({ url, backoff: 1 });
      await assert.rejects(
        client.get('1'),
        (error) => error instanceof Error && error.name === 'Error' && error.message.includes(url),
      );
    }
  });
});

describe('payloads of a serializer for AWS Glue', { skip: found.skip }, () => {
  it('are unpacked', async () => {
    const { serializers } = available(found);
    const uuid = 'b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63';
    const schema: RegisteredSchema = { type: 'JSON', schema: '{}', references: [] };
    const asked: string[] = [];
    const registry = {
      async get(id: string) {
        asked.push(id);
        return schema;
      },
    };
    const decoder = createRegistryDecoder({ wire: 'glue', registry, maxBytes: 1_000 });
    for (const compress of [false, true]) {
      const hex = await serializers.call('glue', { uuid, payload: Buffer.from('{"a":1}').toString('hex'), compress });
      const payload = Buffer.from(String(hex), 'hex');
      await decoder.prepare([payload]);
      assert.deepEqual(decoder.decode(payload).rows, [{ a: 1 }]);
    }
    assert.deepEqual(asked, [uuid]);
  });
});

/** With text as strings: a cell may have its bytes. */
function rowsOf(decoded: readonly Decoded[]): unknown[] {
  return decoded.flatMap(({ rows }): unknown[] => [...rows]).map(withStrings);
}

function withStrings(value: unknown): unknown {
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString() : value;
  if (Array.isArray(value)) return value.map(withStrings);
  if (value instanceof Map || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withStrings(member)]));
}

function typeOf({ schema }: Decoded): string {
  return schema === undefined ? '' : typeName(schema);
}
