import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import type { DataType } from '../../../src/delta/schema.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { createProtobufDecoder } from '../../../src/kafka/decode/protobuf/decoder.ts';
import { parseProto } from '../../../src/kafka/decode/protobuf/proto-file.ts';
import { createProtobufReader } from '../../../src/kafka/decode/protobuf/reader.ts';
import type { CellValue } from '../../../src/parquet/write/cell.ts';

/** All scalar types, with and without presence, repeated, as map keys and values, in nested messages and a oneof. */
const PROTO = `
  syntax = "proto3";
  package shop;
  enum State { option allow_alias = true; NEW = 0; PAID = 1; SETTLED = 1; LOST = -3; }
  message Item {
    string sku = 1;
    optional sint32 count = 2;
    repeated Item.Tag tags = 3;
    message Tag { bytes raw = 1; uint32 weight = 2000; }
  }
  message Order {
    int32 a_int32 = 1;
    sint32 a_sint32 = 2;
    sfixed32 a_sfixed32 = 3;
    uint32 a_uint32 = 4;
    fixed32 a_fixed32 = 5;
    int64 a_int64 = 6;
    sint64 a_sint64 = 7;
    sfixed64 a_sfixed64 = 8;
    uint64 a_uint64 = 9;
    fixed64 a_fixed64 = 10;
    float a_float = 11;
    double a_double = 12;
    bool a_bool = 13;
    string a_string = 14;
    bytes a_bytes = 15;
    State state = 16;
    optional int64 o_int64 = 17;
    optional string o_string = 18;
    optional State o_state = 19;
    repeated sint64 r_sint64 = 20;
    repeated double r_double = 21 [packed = false];
    repeated string r_string = 22;
    repeated State r_state = 23;
    Item item = 24;
    repeated Item items = 25;
    map<string, Item> by_name = 26;
    map<int64, sint32> by_int64 = 27;
    map<bool, string> by_bool = 28;
    map<uint32, State> by_uint32 = 29;
    oneof choice {
      string c_string = 30;
      Item c_item = 31;
      fixed64 c_fixed64 = 32;
    }
  }`;

const file = parseProto(PROTO);
const Order = file.message('shop.Order');
const { schema, read } = createProtobufReader(Order);

const int32 = fc.integer();
const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const int64 = fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.maxSafeInteger().map(BigInt)).map(String);
const uint64 = fc.bigInt(0n, 2n ** 64n - 1n).map(String);
const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'grapheme', maxLength: 20 }));
const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
const state = fc.constantFrom(0, 1, -3, 77);
const tag = fc.record({ raw: bytes, weight: uint32 }, { requiredKeys: [] });
const item = fc.record({ sku: text, count: int32, tags: fc.array(tag, { maxLength: 3 }) }, { requiredKeys: [] });
const numeric = {
  a_int32: int32,
  a_sint32: int32,
  a_sfixed32: int32,
  a_uint32: uint32,
  a_fixed32: uint32,
  a_int64: int64,
  a_sint64: int64,
  a_sfixed64: int64,
  a_uint64: uint64,
  a_fixed64: uint64,
  a_float: fc.float(),
  a_double: fc.double(),
};
const order = fc.record(
  {
    ...numeric,
    a_bool: fc.boolean(),
    a_string: text,
    a_bytes: bytes,
    state,
    o_int64: int64,
    o_string: text,
    o_state: state,
    r_sint64: fc.array(int64, { maxLength: 4 }),
    r_double: fc.array(fc.double(), { maxLength: 4 }),
    r_string: fc.array(text, { maxLength: 4 }),
    r_state: fc.array(state, { maxLength: 4 }),
    item,
    items: fc.array(item, { maxLength: 3 }),
    by_name: fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      item,
      { maxKeys: 3 },
    ),
    by_int64: fc.dictionary(int64, int32, { maxKeys: 3 }),
    by_bool: fc.dictionary(fc.constantFrom('true', 'false'), text),
    by_uint32: fc.dictionary(uint32.map(String), state, { maxKeys: 3 }),
    c_string: text,
    c_item: item,
    c_fixed64: uint64,
  },
  { requiredKeys: [] },
);

describe('the Protobuf reader', () => {
  it('reads what protobufjs reads', () => {
    fc.assert(
      fc.property(order, (value) => {
        assertLikeProtobufjs(encode(value));
      }),
      { numRuns: 300 },
    );
  });

  it('merges what comes several times, as protobufjs does', () => {
    fc.assert(
      fc.property(fc.array(order, { minLength: 2, maxLength: 4 }), (values) => {
        assertLikeProtobufjs(Buffer.concat(values.map(encode)));
      }),
      { numRuns: 200 },
    );
  });

  it('takes damaged payloads as protobufjs does, and refuses the others by code', () => {
    const damages = fc.array(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.boolean() }), {
      maxLength: 3,
    });
    let refused = 0;
    fc.assert(
      fc.property(order, damages, (value, list) => {
        let payload = encode(value);
        for (const { at, byte, cut } of list) {
          if (payload.length === 0) break;
          if (cut) payload = payload.subarray(0, at % payload.length);
          else payload[at % payload.length] = byte;
        }
        if (!tryRead(payload)) refused++;
        else assertLikeProtobufjs(payload);
      }),
      { numRuns: 1_000 },
    );
    assert.ok(refused > 100, `${refused} payloads were refused`);
  });

  it('reads packed and unpacked numbers, whatever the schema says', () => {
    // r_sint64 is packed in the schema, r_double is not.
    const unpacked = Buffer.from([0xa0, 0x01, 0x02, 0xa0, 0x01, 0x01]);
    assert.deepEqual(read(unpacked).r_sint64, [1, -1]);
    const doubles = Buffer.alloc(16);
    doubles.writeDoubleLE(1.5, 0);
    doubles.writeDoubleLE(-2, 8);
    assert.deepEqual(read(Buffer.concat([Buffer.from([0xaa, 0x01, 16]), doubles])).r_double, [1.5, -2]);
  });

  it('passes over fields that it does not know, and those with another wire type', () => {
    const unknown = [
      [0xf8, 0x7f, 0x01], // field 2047, a varint
      [0xf9, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8],
      [0xfa, 0x7f, 2, 0xff, 0xff],
      [0xfb, 0x7f, 0x0b, 0x08, 0x01, 0x0c, 0x12, 0x01, 0x00, 0xfc, 0x7f], // a group with a group in it
      [0xfd, 0x7f, 1, 2, 3, 4],
      [0x0a, 0x01, 0x00], // a_int32 as bytes: a packed list, which it is none
      [0x75, 1, 2, 3, 4], // a_string in 4 bytes
      [0xc0, 0x01, 0x01], // item as a varint
    ].flat();
    const row = read(Buffer.from([...unknown, 0x08, 0x05]));
    assert.deepEqual(row, { ...read(Buffer.alloc(0)), a_int32: 5 });
  });

  it('keeps the upper half of numbers that are too long for a 32-bit field out', () => {
    const row = read(Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]));
    assert.equal(row.a_int32, -1);
    assert.equal(read(Buffer.from([0x68, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01])).a_bool, true);
  });

  it('reads from an offset, and gives the same schema each time', () => {
    assert.equal(read(Buffer.from([0xff, 0xff, 0x08, 0x07]), 2).a_int32, 7);
    assert.equal(createProtobufReader(Order).schema.fields.length, schema.fields.length);
  });

  it('does not change what the next message begins with', () => {
    const before = read(Buffer.alloc(0));
    read(encode({ r_sint64: ['1'], by_int64: { 1: 1 }, by_name: { a: {} }, items: [{}], item: { tags: [{}] } }));
    assert.deepEqual(read(Buffer.alloc(0)), before);
    assert.deepEqual(before.r_sint64, []);
    assert.deepEqual(before.by_int64, new Map());
  });

  it('keeps keys of maps that are names of object members', () => {
    const entry = (key: string) => [0xd2, 0x01, key.length + 2, 0x0a, key.length, ...Buffer.from(key)];
    const row = read(Buffer.from([...entry('__proto__'), ...entry('constructor')]));
    assert.ok(row.by_name instanceof Map);
    assert.deepEqual([...row.by_name.keys()], ['__proto__', 'constructor']);
    assert.equal('count' in {}, false);
  });
});

describe('the decoder for a .proto file', () => {
  it('gives one row a payload, of the same schema', async () => {
    const decoder = createProtobufDecoder({ proto: PROTO, message: 'shop.Item' });
    await decoder.prepare([]);
    const first = decoder.decode(Buffer.from([0x0a, 0x01, 0x61]));
    const second = decoder.decode(Buffer.alloc(0));
    assert.deepEqual(first.rows, [{ sku: 'a', count: null, tags: [] }]);
    assert.equal(first.schema, second.schema);
  });

  it('refuses a message that the file does not have', () => {
    assert.throws(() => createProtobufDecoder({ proto: PROTO, message: 'shop.Nothing' }), {
      code: 'UNKNOWN_SCHEMA',
      message: /no message of the name "shop.Nothing"/,
    });
  });
});

function encode(value: object): Buffer {
  return Buffer.from(Order.encode(Order.fromObject(value)).finish());
}

/** Whether the payload can be read; anything but a PayloadError is thrown. */
function tryRead(payload: Uint8Array): boolean {
  try {
    read(payload);
    return true;
  } catch (error) {
    assert.ok(error instanceof PayloadError, String(error));
    assert.equal(error.code, 'INVALID_PROTOBUF');
    assert.match(error.message, /byte \d+/);
    return false;
  }
}

function assertLikeProtobufjs(payload: Uint8Array): void {
  const got = comparable(schema, read(payload));
  assert.deepEqual(got, expectedMessage(Order, Order.decode(payload)));
}

/** What the reader should give for a message of protobufjs. */
function expectedMessage(type: protobuf.Type, message: object): object {
  return Object.fromEntries(
    type.fieldsArray.map((field) => [
      field.name,
      expectedField(field.resolve(), Reflect.get(message, field.name), Object.hasOwn(message, field.name)),
    ]),
  );
}

function expectedField(field: protobuf.Field, value: unknown, isThere: boolean): unknown {
  if (field.map) {
    const keyType: unknown = Reflect.get(field, 'keyType');
    const entries = Object.entries(value ?? {});
    return Object.fromEntries(entries.map(([key, member]) => [keyText(keyType, key), expectedValue(field, member)]));
  }
  if (field.repeated) return Array.isArray(value) ? value.map((element) => expectedValue(field, element)) : [];
  const hasPresence = field.hasPresence || field.resolvedType instanceof protobuf.Type;
  if (hasPresence && (!isThere || value === null)) return null;
  return expectedValue(field, value);
}

/** protobufjs has the eight bytes of 64-bit keys as a string, but of one that is absent. */
function keyText(type: unknown, key: string): string {
  return type === 'int64' && key.length === 8 ? String(protobuf.util.longFromHash(key, false)) : key;
}

function expectedValue({ resolvedType, type }: protobuf.Field, value: unknown): unknown {
  if (resolvedType instanceof protobuf.Type) return expectedMessage(resolvedType, Object(value));
  if (resolvedType instanceof protobuf.Enum) {
    return Object.entries(resolvedType.values).find(([, number]) => number === value)?.[0] ?? String(value);
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (type === 'float' || type === 'double') return Object.is(value, -0) ? '-0' : String(value);
  return String(value);
}

/** Cells as text, objects and lists. */
function comparable(type: DataType, cell: CellValue): unknown {
  if (cell === null || cell === undefined) return cell;
  if (typeof type === 'string') {
    if (cell instanceof Uint8Array) return Buffer.from(cell).toString(type === 'string' ? 'utf8' : 'hex');
    return Object.is(cell, -0) ? '-0' : String(cell);
  }
  if (type.type === 'array') {
    assert.ok(Array.isArray(cell));
    return cell.map((element) => comparable(type.elementType, element));
  }
  if (type.type === 'map') {
    assert.ok(cell instanceof Map);
    return Object.fromEntries([...cell].map(([key, value]) => [String(key), comparable(type.valueType, value)]));
  }
  assert.ok(typeof cell === 'object' && !Array.isArray(cell));
  assert.deepEqual(
    Object.keys(cell),
    type.fields.map(({ name }) => name),
  );
  return Object.fromEntries(type.fields.map(({ name, type }) => [name, comparable(type, Reflect.get(cell, name))]));
}
