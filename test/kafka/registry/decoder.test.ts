import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import avsc from 'avsc';
import fc from 'fast-check';
import { typeName } from '../../../src/delta/schema.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { createRegistryDecoder } from '../../../src/kafka/registry/decoder.ts';
import { type RegisteredSchema, unknownSchemaId } from '../../../src/kafka/registry/schema-registry.ts';
import type { WireFormat } from '../../../src/kafka/registry/wire-format.ts';

const USER: avsc.Schema = { type: 'record', name: 'User', fields: [{ name: 'id', type: 'long' }] };
const PROTO = 'syntax = "proto3"; message A { int32 x = 1; message B { string s = 1; } } message C { bool c = 1; }';

const SCHEMAS: Readonly<Record<string, RegisteredSchema>> = {
  1: { type: 'AVRO', schema: JSON.stringify(USER), references: [] },
  2: { type: 'PROTOBUF', schema: PROTO, references: [] },
  3: { type: 'JSON', schema: '{"properties":{"day":{"type":"string","format":"date"}}}', references: [] },
  4: { type: 'JSON', schema: 'true', references: [] },
  5: { type: 'AVRO', schema: '{"type":"nothing"}', references: [] },
  6: { type: 'PROTOBUF', schema: 'message {', references: [] },
  7: {
    type: 'AVRO',
    schema: '{"type":"record","name":"Top","fields":[{"name":"user","type":"User"}]}',
    references: [{ name: 'User', schema: JSON.stringify(USER) }],
  },
};

function world(wire: WireFormat = 'confluent', schemas = SCHEMAS, maxBytes = 1_000) {
  const asked: string[] = [];
  const registry = {
    async get(id: string): Promise<RegisteredSchema> {
      asked.push(id);
      const schema = schemas[id];
      if (schema === undefined) throw unknownSchemaId(id, 'there is none');
      return schema;
    },
  };
  return { asked, decoder: createRegistryDecoder({ wire, registry, maxBytes }) };
}

function confluent(id: number, ...payload: (number | Uint8Array | string)[]): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([
    header,
    ...payload.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))),
  ]);
}

describe('a decoder with a registry', () => {
  it('gives typed rows for Avro, also with references', async () => {
    const { decoder } = world();
    const user = confluent(1, avsc.Type.forSchema(USER).toBuffer({ id: 5 }));
    const top = confluent(7, 0x0a);
    await decoder.prepare([user, top]);
    const decoded = decoder.decode(user);
    assert.deepEqual([decoded.kind, decoded.rows], ['typed', [{ id: 5 }]]);
    assert.equal(decoder.decode(user).schema, decoded.schema);
    assert.deepEqual(decoder.decode(top).rows, [{ user: { id: 5 } }]);
  });

  it('gives typed rows for the message of a Protobuf file that the indexes name', async () => {
    const { decoder } = world();
    const payloads = [
      confluent(2, 0, 0x08, 0x05),
      confluent(2, 0x04, 0, 0, 0x0a, 1, 'x'),
      confluent(2, 0x02, 0x02, 0x08, 1),
    ];
    await decoder.prepare(payloads);
    assert.deepEqual(
      payloads.map((payload) => decoder.decode(payload).rows),
      [[{ x: 5 }], [{ s: 'x' }], [{ c: true }]],
    );
    const [first = confluent(2)] = payloads;
    assert.equal(decoder.decode(first).schema, decoder.decode(first).schema);
  });

  it('gives rows of JSON with the types of their schema, where it has some', async () => {
    const { decoder } = world();
    const typed = confluent(3, '{"day":"2026-11-24","n":12345678901234567890}');
    const untyped = confluent(4, '[{"a":1},{"a":2}]');
    await decoder.prepare([typed, untyped]);
    const decoded = decoder.decode(typed);
    assert.equal(decoded.schema && typeName(decoded.schema), 'struct<day: date>');
    assert.equal(String(decoded.rows[0]?.n), '12345678901234567890');
    assert.deepEqual(decoder.decode(untyped), { kind: 'json', rows: [{ a: 1 }, { a: 2 }] });
  });

  it('asks once for each schema that it knows, and again for those that there were not', async () => {
    const { decoder, asked } = world();
    await decoder.prepare([confluent(1), confluent(1), confluent(9), Buffer.from('{}'), Buffer.alloc(0)]);
    await decoder.prepare([confluent(1), confluent(9)]);
    assert.deepEqual(asked, ['1', '9', '9']);
    assert.throws(() => decoder.decode(confluent(9)), {
      code: 'UNKNOWN_SCHEMA',
      message: /The schema 9 is not to be had/,
    });
  });

  it('has a schema that was registered since', async () => {
    const schemas: Record<string, RegisteredSchema> = {};
    const { decoder } = world('confluent', schemas);
    await decoder.prepare([confluent(1)]);
    schemas[1] = { type: 'AVRO', schema: JSON.stringify(USER), references: [] };
    await decoder.prepare([confluent(1)]);
    assert.deepEqual(decoder.decode(confluent(1, 0)).rows, [{ id: 0 }]);
  });

  it('refuses the payloads of a schema that cannot be read, with the reason', async () => {
    const { decoder } = world();
    const payloads = [confluent(5, 0), confluent(6, 0), confluent(2, 0x02, 0x08), confluent(1, 0)];
    await decoder.prepare(payloads);
    const [avro, proto, index, good] = payloads.map((payload) => () => decoder.decode(payload));
    assert.throws(() => avro?.(), { code: 'UNKNOWN_SCHEMA', message: /The schema 5 .*nothing/ });
    assert.throws(() => proto?.(), { code: 'UNKNOWN_SCHEMA', message: /The schema 6 / });
    assert.throws(() => index?.(), { code: 'UNKNOWN_SCHEMA', message: /no message at the indexes \[4\]/ });
    assert.deepEqual(good?.().rows, [{ id: 0 }]);
  });

  it('throws what the registry throws that cannot be asked, and asks no more', async () => {
    let asked = 0;
    const registry = {
      async get(): Promise<RegisteredSchema> {
        asked++;
        throw new Error('no connection');
      },
    };
    const decoder = createRegistryDecoder({ wire: 'confluent', registry, maxBytes: 100 });
    const payloads = Array.from({ length: 100 }, (_, id) => confluent(id));
    await assert.rejects(decoder.prepare(payloads), { message: 'no connection' });
    assert.ok(asked <= 8, `${asked} requests`);
    assert.throws(() => decoder.decode(confluent(1)), { name: 'Error', message: /was not prepared/ });
  });

  it('asks for no more than 500 new ids of a batch', async () => {
    const { decoder, asked } = world();
    const noise = Array.from({ length: 2_000 }, (_, id) => confluent(id + 1_000));
    await decoder.prepare([confluent(1)]);
    await decoder.prepare([...noise, confluent(1, 0)]);
    assert.equal(asked.length, 501);
    assert.deepEqual(decoder.decode(confluent(1, 0)).rows, [{ id: 0 }]);
    assert.throws(() => decoder.decode(confluent(2_999)), { code: 'UNKNOWN_SCHEMA', message: /more than 500 ids/ });
  });

  it('refuses payloads that are too large', async () => {
    const { decoder } = world('confluent', SCHEMAS, 10);
    assert.throws(() => decoder.decode(confluent(1, 0, 0, 0, 0, 0, 0)), {
      code: 'TOO_LARGE',
      message: /11 bytes, more than the 10/,
    });
  });
});

describe('a decoder with the registry of Glue', () => {
  const UUID = 'b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63';
  const glue = (compression: number, payload: Uint8Array) =>
    Buffer.concat([Buffer.from([3, compression]), Buffer.from(UUID.replaceAll('-', ''), 'hex'), payload]);

  async function decode(schema: string, payload: Buffer) {
    const { decoder, asked } = world('glue', { [UUID]: SCHEMAS[schema] ?? SCHEMAS[1] } as typeof SCHEMAS);
    await decoder.prepare([payload]);
    assert.deepEqual(asked, [UUID]);
    return decoder.decode(payload).rows;
  }

  it('unpacks', async () => {
    assert.deepEqual(await decode('1', glue(0, Buffer.from([2]))), [{ id: 1 }]);
    assert.deepEqual(await decode('1', glue(5, deflateSync(Buffer.from([2])))), [{ id: 1 }]);
  });

  it('counts the messages of Protobuf by name', async () => {
    assert.deepEqual(await decode('2', glue(0, Buffer.from([0, 0x08, 5]))), [{ x: 5 }]);
    assert.deepEqual(await decode('2', glue(5, deflateSync(Buffer.from([2, 0x08, 1])))), [{ c: true }]);
  });

  it('refuses what is no zlib, and what is too large unpacked', async () => {
    await assert.rejects(decode('1', glue(5, Buffer.from([1, 2, 3]))), { code: 'INVALID_COMPRESSION' });
    await assert.rejects(decode('1', glue(5, deflateSync(Buffer.from([2])).subarray(0, 4))), {
      code: 'INVALID_COMPRESSION',
    });
    await assert.rejects(decode('1', glue(5, deflateSync(Buffer.alloc(1_001)))), { code: 'TOO_LARGE' });
    await assert.rejects(decode('1', glue(5, deflateSync(Buffer.alloc(100_000_000)).subarray(0, 900))), {
      code: 'TOO_LARGE',
    });
  });
});

describe('any payload', () => {
  it('gives rows or a PayloadError', async () => {
    for (const wire of ['confluent', 'glue'] as const) {
      const uuid = '00000000-0000-0000-0000-000000000002';
      const { decoder } = world(wire, { ...SCHEMAS, [uuid]: SCHEMAS[2] } as typeof SCHEMAS);
      const headers = fc.oneof(
        fc.constantFrom(...[1, 2, 3, 4, 5, 6, 7, 9].map((id) => confluent(id))),
        fc.constantFrom(0, 5).map((packed) => Buffer.from([3, packed, ...Array(15).fill(0), 2])),
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      );
      const bodies = fc.array(fc.oneof(fc.constantFrom(0, 2, 4, 8, 10, 0x7b, 0x7d), fc.nat({ max: 255 })), {
        maxLength: 20,
      });
      await fc.assert(
        fc.asyncProperty(headers, bodies, async (header, body) => {
          const payload = Buffer.concat([header, Buffer.from(body)]);
          await decoder.prepare([payload]);
          try {
            assert.ok(decoder.decode(payload).rows.length > 0);
          } catch (error) {
            assert.ok(error instanceof PayloadError, String(error));
          }
        }),
        { numRuns: 1_000 },
      );
    }
  });
});
