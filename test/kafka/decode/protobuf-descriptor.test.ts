import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor.js';
import { typeName } from '../../../src/delta/schema.ts';
import { parseProto } from '../../../src/kafka/decode/protobuf/proto-file.ts';
import { createProtobufReader } from '../../../src/kafka/decode/protobuf/reader.ts';

/** What protoc makes of two files, as Confluent's serializer for Python registers them. */
const MONEY =
  'ChFzaG9wL2NvbW1vbi5wcm90bxIBYyI5CgVNb25leRIUCgV1bml0cxgBIAEoA1IFdW5pdHMSGgoIY3VycmVuY3kYAiABKAlSCGN1cnJlbmN5YgZwcm90bzM=';
const ORDER =
  'CgtvcmRlci5wcm90bxIBdBoRc2hvcC9jb21tb24ucHJvdG8aH2dvb2dsZS9wcm90b2J1Zi90aW1lc3RhbXAucHJvdG8icAoBQRIWCgFtGAEgASgLMgguYy5Nb25leVIBbRIqCgJ0cxgCIAEoCzIaLmdvb2dsZS5wcm90b2J1Zi5UaW1lc3RhbXBSAnRzEhQKAWIYAyABKAsyBi50LkEuQlIBYhoRCgFCEgwKAXgYASABKAVSAXhiBnByb3RvMw==';

describe('a descriptor in base64', () => {
  it('is as good as the text', () => {
    const file = parseProto(ORDER, [{ name: 'shop/common.proto', schema: MONEY }]);
    const { schema } = createProtobufReader(file.message('t.A'));
    assert.equal(
      typeName(schema),
      'struct<m: struct<units: long, currency: string>, ts: timestamp, b: struct<x: integer>>',
    );
    assert.equal(file.messageAt([0, 0]).fullName, '.t.A.B');
    const text = 'syntax = "proto3"; package c; message Money { int32 other = 1; }';
    const mixed = parseProto(ORDER, [{ name: 'shop/common.proto', schema: text }]).message('t.A');
    assert.match(typeName(createProtobufReader(mixed).schema), /^struct<m: struct<other: integer>/);
  });

  const files: readonly (readonly [name: string, syntax: string, text: string])[] = [
    [
      'proto3',
      'proto3',
      `syntax = "proto3"; package a.b;
       enum Kind { Z = 0; ONE = 1; }
       message M {
         map<string, N> by_name = 1; optional int32 o = 2; repeated sint64 r = 3; Kind kind = 4; N n = 5; double d = 6;
         oneof one { string s = 7; fixed64 f = 8; }
         message N { bytes raw = 1; enum Inner { A = 0; } Inner inner = 2; bool b = 3; }
         uint32 u = 9; sfixed32 sf = 10; sfixed64 sl = 11; fixed32 fi = 12; float fl = 13; uint64 ul = 14; sint32 si = 15; int64 l = 16;
       }`,
    ],
    [
      'proto2',
      'proto2',
      'syntax = "proto2"; message M { required int32 a = 1; optional string b = 2 [default = "x"]; repeated N c = 3; message N { optional int64 x = 1; } }',
    ],
  ];
  for (const [name, edition, text] of files) {
    it(`has the columns and the presence of ${name}`, () => {
      const root = protobuf.parse(text, new protobuf.Root(), { keepCase: true }).root.resolveAll();
      const toDescriptor: unknown = Reflect.get(root, 'toDescriptor');
      assert.ok(typeof toDescriptor === 'function');
      const set = toDescriptor.call(root, edition);
      const FileDescriptor = Reflect.get(protobuf, 'descriptor').FileDescriptorProto;
      const descriptor = Buffer.from(FileDescriptor.encode(set.file.at(-1)).finish()).toString('base64');
      const message = name === 'proto3' ? 'a.b.M' : 'M';
      const expected = createProtobufReader(parseProto(text).message(message));
      const got = createProtobufReader(parseProto(descriptor).message(message));
      assert.deepEqual(byName(got.read(new Uint8Array())), byName(expected.read(new Uint8Array())));
      assert.deepEqual(
        got.schema.fields.map(({ name, type }) => `${name}: ${typeName(type)}`).sort(),
        expected.schema.fields.map(({ name, type }) => `${name}: ${typeName(type)}`).sort(),
      );
    });
  }

  it('has the presence of editions', () => {
    // edition = "2023"; option features.field_presence = IMPLICIT; a message with the fields a, b that is EXPLICIT, and n.
    const descriptor =
      'CgdlLnByb3RvIlQKAU0SDAoBYRgBIAEoBVIBYRITCgFiGAIgASgFQgWqAQIIAVIBYhIZCgFuGAMgASgLMgQuTS5OQgWqAQIoAlIBbhoRCgFOEgwKAXgYASABKAVSAXhCBZIDAggCYghlZGl0aW9uc3DoBw==';
    const { read } = createProtobufReader(parseProto(descriptor).message('M'));
    assert.deepEqual(read(new Uint8Array()), { a: 0, b: null, n: null });
    assert.deepEqual(read(Buffer.from([0x1b, 0x08, 0x05, 0x1c])), { a: 0, b: null, n: { x: 5 } });
  });

  it('is refused when it is none, or has names that are none', () => {
    const named = (name: string) =>
      Buffer.from([0x22, name.length + 2, 0x0a, name.length, ...Buffer.from(name)]).toString('base64');
    assert.equal(parseProto(named('Good')).messageAt([0]).fullName, '.Good');
    for (const schema of ['AAAA', 'Zm9v', named('Bad {} message Good'), named('')]) {
      assert.throws(() => parseProto(schema), { code: 'UNKNOWN_SCHEMA' }, schema);
    }
  });
});

function byName(row: object): object {
  return Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
}
