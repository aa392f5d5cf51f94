import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typeName } from '../../../src/delta/schema.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { type ProtoReference, parseProto } from '../../../src/kafka/decode/protobuf/proto-file.ts';
import { createProtobufReader } from '../../../src/kafka/decode/protobuf/reader.ts';

const ALL_TYPES = `
  syntax = "proto3";
  package all;
  import "google/protobuf/any.proto";
  import "google/protobuf/duration.proto";
  import "google/protobuf/empty.proto";
  import "google/protobuf/field_mask.proto";
  import "google/protobuf/struct.proto";
  import "google/protobuf/timestamp.proto";
  import "google/protobuf/wrappers.proto";
  enum E { ZERO = 0; }
  message Nothing { Nothing.Less less = 1; message Less {} }
  message Inner { sfixed32 x = 1; }
  message All {
    int32 a = 1; sint32 b = 2; sfixed32 c = 3;
    uint32 d = 4; fixed32 e = 5; int64 f = 6; sint64 g = 7; sfixed64 h = 8;
    uint64 i = 9; fixed64 j = 10;
    float k = 11; double l = 12; bool m = 13; string n = 14; bytes o = 15;
    E p = 16; Inner q = 17; repeated Inner r = 18; map<uint64, Inner> s = 19;
    oneof t { int32 t1 = 20; string t2 = 21; }
    Nothing u = 22; repeated google.protobuf.Empty v = 23; map<string, Nothing> w = 24;
    google.protobuf.Timestamp x = 30; google.protobuf.Duration y = 31; google.protobuf.Any z = 32;
    google.protobuf.Struct aa = 33; google.protobuf.Value bb = 34; google.protobuf.ListValue cc = 35;
    google.protobuf.Int64Value dd = 36; google.protobuf.UInt64Value ee = 37; repeated google.protobuf.StringValue ff = 38;
    google.protobuf.FieldMask gg = 39; map<string, google.protobuf.Timestamp> hh = 40;
  }`;

describe('the Delta schema of a Protobuf message', () => {
  it('has a column for each type', () => {
    const columns = createProtobufReader(parseProto(ALL_TYPES).message('all.All')).schema.fields;
    assert.deepEqual(Object.fromEntries(columns.map(({ name, type }) => [name, typeName(type)])), {
      a: 'integer',
      b: 'integer',
      c: 'integer',
      d: 'long',
      e: 'long',
      f: 'long',
      g: 'long',
      h: 'long',
      i: 'decimal(20,0)',
      j: 'decimal(20,0)',
      k: 'float',
      l: 'double',
      m: 'boolean',
      n: 'string',
      o: 'binary',
      p: 'string',
      q: 'struct<x: integer>',
      r: 'array<struct<x: integer>>',
      s: 'map<decimal(20,0), struct<x: integer>>',
      t1: 'integer',
      t2: 'string',
      x: 'timestamp',
      y: 'struct<seconds: long, nanos: integer>',
      z: 'struct<type_url: string, value: binary>',
      aa: 'string',
      bb: 'string',
      cc: 'string',
      dd: 'long',
      ee: 'decimal(20,0)',
      ff: 'array<string>',
      gg: 'struct<paths: array<string>>',
      hh: 'map<string, timestamp>',
    });
    assert.ok(columns.every(({ nullable }) => nullable));
  });

  it('has text for a message within itself', () => {
    const { schema } = reader(
      'message Node { string name = 1; Edge edge = 2; repeated Node nodes = 3; message Edge { Node to = 1; } }',
      'Node',
    );
    assert.equal(typeName(schema), 'struct<name: string, edge: struct<to: string>, nodes: array<string>>');
  });

  it('is refused where names differ in case only', () => {
    assertUnknown(() => reader('message M { int32 a = 1; int32 A = 2; }', 'M'), /"a" and "A", which differ in case/);
  });

  it('is refused where it unfolds to more than a table could have', () => {
    const levels = Array.from({ length: 8 }, (_, level) => {
      const fields = Array.from({ length: 10 }, (_, index) => `M${level + 1} f${index} = ${index + 1};`);
      return `message M${level} { ${fields.join(' ')} }`;
    });
    assertUnknown(() => reader(`${levels.join('\n')} message M8 { int32 x = 1; }`, 'M0'), /more than 20000 fields/);
    const chain = Array.from({ length: 200 }, (_, level) => `message C${level} { C${level + 1} c = 1; }`);
    assertUnknown(() => reader(`${chain.join('\n')} message C200 { int32 x = 1; }`, 'C0'), /more than 64 levels/);
  });
});

describe('presence', () => {
  const cases: readonly (readonly [syntax: string, fields: string, expected: object])[] = [
    ['syntax = "proto3";', 'int32 a = 1; optional int32 b = 2; oneof c { int32 d = 3; }', { a: 0, b: null, d: null }],
    ['syntax = "proto2";', 'optional int32 a = 1 [default = 5]; required int32 b = 2;', { a: null, b: null }],
    ['', 'optional string a = 1; repeated int32 b = 2;', { a: null, b: [] }],
    ['edition = "2023";', 'int32 a = 1; int32 b = 2 [features.field_presence = IMPLICIT];', { a: null, b: 0 }],
  ];
  for (const [syntax, fields, expected] of cases) {
    it(`is that of ${syntax === '' ? 'a file without syntax' : syntax}`, () => {
      const file = parseProto(`${syntax} message M { ${fields} }`);
      assert.deepEqual(createProtobufReader(file.message('M')).read(new Uint8Array()), expected);
    });
  }

  it('of an enum is the name of 0', () => {
    const { read } = reader('enum E { A = 0; B = 1; } message M { E e = 1; optional E f = 2; }', 'M');
    assert.deepEqual(read(new Uint8Array()), { e: 'A', f: null });
    assert.deepEqual(read(Buffer.from([0x08, 0x01, 0x10, 0x02])), { e: 'B', f: '2' });
  });
});

describe('groups', () => {
  it('are structs, in proto2 and as delimited messages of editions', () => {
    const payload = Buffer.from([0x0b, 0x08, 0x05, 0x0c, 0x10, 0x07]);
    const files = [
      'syntax = "proto2"; message M { optional group G = 1 { optional int32 x = 1; } optional int32 y = 2; }',
      'edition = "2023"; message M { G g = 1 [features.message_encoding = DELIMITED]; int32 y = 2; message G { int32 x = 1; } }',
    ];
    for (const text of files) {
      const row = createProtobufReader(parseProto(text).message('M')).read(payload);
      assert.deepEqual(row, { g: { x: 5 }, y: 7 });
    }
  });
});

describe('well-known types', () => {
  const { read } = createProtobufReader(parseProto(ALL_TYPES).message('all.All'));
  /** A field of bytes. */
  const field = (number: number, ...value: number[]) => {
    const tag = number * 8 + 2;
    return [(tag & 0x7f) | 0x80, tag >>> 7, value.length, ...value];
  };

  it('have times in µs, rounded down', () => {
    assert.equal(read(Buffer.from(field(30))).x, 0);
    assert.equal(read(Buffer.from(field(30, 0x08, 0x01, 0x10, 0xe7, 0x07))).x, 1_000_000);
    assert.equal(read(Buffer.from(field(30, 0x08, 0x01, 0x10, 0xe8, 0x07))).x, 1_000_001);
    // -1 s and 1 ns.
    const negative = [0x08, ...Array(9).fill(0xff), 0x01, 0x10, 0x01];
    assert.equal(read(Buffer.from(field(30, ...negative))).x, -1_000_000);
    // The year 9999 is beyond what a double holds exactly in µs: 253402300799 s, 999999999 ns.
    const last = [0x08, 0xff, 0x82, 0xd1, 0xff, 0xaf, 0x07, 0x10, 0xff, 0x93, 0xeb, 0xdc, 0x03];
    assert.equal(read(Buffer.from(field(30, ...last))).x, 253402300799_999999n);
  });

  it('refuse a time that no column holds', () => {
    const far = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert.throws(() => read(Buffer.from(field(30, ...far))), {
      code: 'INVALID_PROTOBUF',
      message: /9223372036854775807 seconds and 0 ns/,
    });
  });

  it('refuse the time before the year 1, and a fraction that is none', () => {
    for (const time of [
      [0x08, 0xff, 0x91, 0xb8, 0xc3, 0x98, 0xfe, 0xff, 0xff, 0xff, 0x01],
      [0x10, 0x80, 0x94, 0xeb, 0xdc, 0x03],
      [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ]) {
      assert.throws(() => read(Buffer.from(field(30, ...time))), { code: 'INVALID_PROTOBUF' });
    }
  });

  it('merge parts of a time that come apart', () => {
    assert.equal(read(Buffer.from([...field(30, 0x08, 0x02), ...field(30, 0x10, 0xd0, 0x0f)])).x, 2_000_002);
  });

  it('have the values of wrappers, also where they are defaults', () => {
    assert.equal(read(new Uint8Array()).dd, null);
    assert.equal(read(Buffer.from(field(36))).dd, 0);
    assert.equal(read(Buffer.from(field(37))).ee, 0n);
    assert.deepEqual(read(Buffer.from([...field(38), ...field(38, 0x0a, 0x01, 0x61)])).ff, ['', 'a']);
  });

  it('have JSON for what is any value', () => {
    const value = {
      text: [0x1a, 0x01, 0x61],
      none: [0x08, 0x00],
      yes: [0x20, 0x01],
      one: [0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
    };
    const list = Object.values(value).flatMap((bytes) => [0x0a, bytes.length, ...bytes]);
    assert.equal(read(Buffer.from(field(35, ...list))).cc, '["a",null,true,1]');
    assert.equal(read(Buffer.from(field(34, 0x32, list.length, ...list))).bb, '["a",null,true,1]');
    const entry = (key: string, bytes: number[]) => {
      const content = [0x0a, key.length, ...Buffer.from(key), 0x12, bytes.length, ...bytes];
      return [0x0a, content.length, ...content];
    };
    const object = [...entry('__proto__', value.yes), ...entry('b', value.none), ...entry('b', value.text)];
    assert.equal(read(Buffer.from(field(33, ...object))).aa, '{"__proto__":true,"b":"a"}');
    assert.equal(read(Buffer.from(field(33))).aa, '{}');
    assert.equal(read(Buffer.from(field(34))).bb, 'null');
  });

  it('write messages within themselves as ProtoJSON', () => {
    const text = `
      syntax = "proto3";
      import "google/protobuf/duration.proto";
      import "google/protobuf/field_mask.proto";
      import "google/protobuf/timestamp.proto";
      import "google/protobuf/wrappers.proto";
      message M {
        M self = 1; int64 long = 2; bytes raw = 3; double d = 4; float f = 5; E e = 6;
        google.protobuf.Timestamp t = 7; google.protobuf.Duration u = 8; google.protobuf.BoolValue b = 9;
        map<int32, M> map = 10; repeated M list = 11; google.protobuf.FieldMask mask = 12;
        oneof one { string x = 13; M y = 14; }
      }
      enum E { ZERO = 0; }`;
    const type = parseProto(text).message('M');
    const row = createProtobufReader(type).read(
      type
        .encode(
          type.fromObject({
            self: {
              long: '9007199254740993',
              raw: Buffer.from([1, 2]),
              d: Number.NaN,
              f: 0.1,
              e: 0,
              t: { seconds: -1, nanos: 500_000_000 },
              u: { seconds: 0, nanos: -1_000 },
              b: {},
              map: { 5: { self: {} } },
              list: [{ x: '"' }, {}],
              mask: { paths: ['a', 'b.c'] },
              y: { long: 1 },
            },
          }),
        )
        .finish(),
    );
    assert.deepEqual(JSON.parse(String(row.self)), {
      long: '9007199254740993',
      raw: 'AQI=',
      d: 'NaN',
      f: 0.1,
      t: '1969-12-31T23:59:59.500Z',
      u: '-0.000001s',
      b: false,
      map: { 5: { self: {} } },
      list: [{ x: '"' }, {}],
      mask: 'a,b.c',
      y: { long: '1' },
    });
  });
});

describe('.proto files', () => {
  const money: ProtoReference = {
    name: 'shop/money.proto',
    schema: 'syntax = "proto3"; package shop; message Money { int64 units = 1; }',
  };

  it('use types of those that they import, and of those that these import', () => {
    const references = [
      {
        name: 'a.proto',
        schema: 'syntax = "proto2"; package a; import public "shop/money.proto"; message A { optional int32 x = 1; }',
      },
      money,
    ];
    const text =
      'syntax = "proto3"; package b; import "a.proto"; message B { a.A a = 1; shop.Money m = 2; int32 y = 3; }';
    const { schema, read } = createProtobufReader(parseProto(text, references).message('b.B'));
    assert.equal(typeName(schema), 'struct<a: struct<x: integer>, m: struct<units: long>, y: integer>');
    // Each file keeps its own syntax.
    assert.deepEqual(read(Buffer.from([0x0a, 0x00, 0x12, 0x00])), { a: { x: null }, m: { units: 0 }, y: 0 });
  });

  it('may have options whose files are not there', () => {
    const text = `
      syntax = "proto3";
      import "confluent/meta.proto";
      import "google/protobuf/descriptor.proto";
      option java_package = "x";
      extend google.protobuf.FieldOptions { string pii = 50001; }
      message M { int32 a = 1 [(confluent.field_meta).doc = "it", (pii) = "no", deprecated = true]; }`;
    assert.equal(typeName(createProtobufReader(parseProto(text).message('M')).schema), 'struct<a: integer>');
  });

  it('leave extensions out', () => {
    const text =
      'syntax = "proto2"; message M { optional int32 a = 1; extensions 100 to 200; } extend M { optional int32 b = 100; }';
    const { schema, read } = createProtobufReader(parseProto(text).message('M'));
    assert.equal(typeName(schema), 'struct<a: integer>');
    assert.deepEqual(read(Buffer.from([0xa0, 0x06, 0x01, 0x08, 0x02])), { a: 2 });
  });

  it('find messages by the indexes of Confluent, among those of the file only', () => {
    const text = `
      syntax = "proto3"; package shop; import "shop/money.proto";
      message B { message C {} enum E { Z = 0; } message A { message D {} } map<string, int32> counts = 1; }
      enum F { Y = 0; }
      message Last {}`;
    const file = parseProto(text, [money]);
    const names = [[0], [0, 0], [0, 1], [0, 1, 0], [1]].map((indexes) => file.messageAt(indexes).fullName);
    assert.deepEqual(names, ['.shop.B', '.shop.B.C', '.shop.B.A', '.shop.B.A.D', '.shop.Last']);
    for (const indexes of [[2], [0, 2], [1, 0], []]) assertUnknown(() => file.messageAt(indexes), /index/);
  });

  it('find messages by the index of Glue, sorted with the entries of maps', () => {
    const text =
      'syntax = "proto3"; message B { message C {} message A { message D {} } map<string, int32> b_counts = 1; }';
    const file = parseProto(text);
    assert.deepEqual(
      [0, 1, 2, 4].map((index) => file.messageAtSorted(index).fullName),
      ['.B', '.B.A', '.B.A.D', '.B.C'],
    );
    for (const index of [3, 5])
      assertUnknown(() => file.messageAtSorted(index), /no message (at the index|of the name)/);
  });

  const broken: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ['what is no .proto file', '{"type":"record"}', /cannot be read/],
    ['a type that is not there', 'syntax = "proto3"; import "gone.proto"; message M { Gone g = 1; }', /no such/],
    ['one that ends early', 'syntax = "proto3"; message M {', /cannot be read/],
    [
      'messages that are nested too deeply',
      `syntax = "proto3"; ${'message M {'.repeat(1_000)}${'}'.repeat(1_000)}`,
      /cannot be read/,
    ],
    ['one that is too long', `// ${'x'.repeat(4_000_000)}`, /more than 4000000/],
  ];
  for (const [name, text, message] of broken) {
    it(`refuse ${name}`, () => assertUnknown(() => createProtobufReader(parseProto(text).message('M')), message));
  }

  it('may import each other', () => {
    const references = [{ name: 'm.proto', schema: 'syntax = "proto3"; import "m.proto"; message N { int32 n = 1; }' }];
    const file = parseProto('syntax = "proto3"; import "m.proto"; message M { N n = 1; }', references);
    assert.equal(typeName(createProtobufReader(file.message('M')).schema), 'struct<n: struct<n: integer>>');
  });
});

function reader(text: string, name: string) {
  return createProtobufReader(parseProto(`syntax = "proto3"; ${text}`).message(name));
}

function assertUnknown(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PayloadError, String(error));
    assert.equal(error.code, 'UNKNOWN_SCHEMA');
    assert.match(error.message, message);
    return true;
  });
}
