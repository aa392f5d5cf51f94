import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { parseProto } from '../../../src/kafka/decode/protobuf/proto-file.ts';
import { createProtobufReader } from '../../../src/kafka/decode/protobuf/reader.ts';

const wide = Array.from({ length: 120 }, (_, index) => `int32 f${index} = ${index + 1};`).join(' ');
const file = parseProto(`
  syntax = "proto3";
  import "google/protobuf/struct.proto";
  message M {
    M self = 1;
    google.protobuf.Value any = 2;
    repeated Wide wide = 3;
    map<string, Wide> map = 4;
    repeated int32 numbers = 5;
    string text = 6;
    One one = 7;
  }
  message One { Two two = 1; }
  message Two { string s = 1; }
  message Wide { ${wide} }`);
const { read } = createProtobufReader(file.message('M'));

describe('a hostile Protobuf payload', () => {
  it('gives a row or a PayloadError, whatever it is', () => {
    const tags = fc.constantFrom(
      0x0a,
      0x0b,
      0x0c,
      0x12,
      0x1a,
      0x22,
      0x2a,
      0x28,
      0x32,
      0x3a,
      0x08,
      0x00,
      0x80,
      0xff,
      0x01,
    );
    const payloads = fc.array(fc.oneof(tags, fc.nat({ max: 255 })), { maxLength: 60 });
    fc.assert(
      fc.property(payloads, (payload) => {
        try {
          read(Buffer.from(payload));
        } catch (error) {
          assert.ok(error instanceof PayloadError, String(error));
          assert.ok(['INVALID_PROTOBUF', 'TOO_LARGE'].includes(error.code), error.code);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  const invalid: readonly (readonly [name: string, payload: readonly number[], message: RegExp])[] = [
    ['ends within a tag', [0x80], /ends 0 bytes behind byte 1, where 1 more/],
    ['ends within a length', [0x32, 0x80], /ends 0 bytes behind byte 2/],
    ['ends within a string', [0x32, 0x05, 0x61], /ends 1 bytes behind byte 2, where 5 more/],
    [
      'has a string that goes beyond its message',
      [0x3a, 0x04, 0x0a, 0x04, 0x0a, 0x05, 1, 2, 3, 4, 5],
      /The message ends 2 bytes behind byte 4/,
    ],
    ['has a length of 4 GiB', [0x32, 0xff, 0xff, 0xff, 0xff, 0x0f], /where 4294967295 more/],
    ['has a length of more than 32 bits', [0x32, 0x80, 0x80, 0x80, 0x80, 0x10], /ends 0 bytes behind byte 6/],
    ['has a number of more than 10 bytes', [0x28, ...Array(10).fill(0xff), 0x01], /more than 10 bytes before byte 11/],
    ['has the field 0', [0x00, 0x00], /a field without a valid number before byte 1/],
    ['has a tag of more than 32 bits', [0x88, 0x80, 0x80, 0x80, 0x10, 0x00], /a field without a valid number/],
    ['has a field of more than 29 bits', [0x80, 0x80, 0x80, 0x80, 0x10, 0x00], /a field without a valid number/],
    ['has the wire type 6', [0x0e], /wire type 6 of the field 1 before byte 1, expected one of 0, 1, 2, 3 and 5/],
    ['has the wire type 7', [0x0f], /wire type 7/],
    ['ends a group that it did not begin', [0x0c], /wire type 4/],
    ['ends a group by another number', [0xfb, 0x7f, 0x0c], /the end of the group 1 before byte 3/],
    ['does not end a group', [0x0b, 0x2a, 0x00], /ends 0 bytes behind byte 3/],
    ['has text that is no UTF-8', [0x32, 0x02, 0xc3, 0x28], /no UTF-8/],
    ['ends within a packed number', [0x2a, 0x01, 0x80, 0x01], /The message ends 0 bytes behind byte 3/],
  ];
  for (const [name, payload, message] of invalid) {
    it(`is refused when it ${name}`, () => {
      assert.throws(() => read(Buffer.from(payload)), { name: 'PayloadError', code: 'INVALID_PROTOBUF', message });
    });
  }

  it('may be nested 100 levels deep, and no deeper', () => {
    assert.equal(typeof read(nested(100, 0x0a)).self, 'string');
    for (const tag of [0x0a, 0x0b, 0x12]) {
      // A value of `Value` within a list takes two levels, but the tag 0x12 alone is one of its own.
      const payload = tag === 0x12 ? values(100) : tag === 0x0b ? groups(101) : nested(101, tag);
      assert.throws(() => read(payload), { code: 'TOO_LARGE', message: /more than 100 messages in each other/ });
    }
    assert.throws(() => read(Buffer.alloc(100_000, 0xfb)), PayloadError);
    const unknownGroups = Buffer.concat([Buffer.alloc(2_000, Buffer.from([0xfb, 0x7f]))]);
    assert.throws(() => read(unknownGroups), { code: 'TOO_LARGE' });
  });

  it('cannot make a few bytes use a lot of memory', () => {
    const messages = Buffer.alloc(20_000, Buffer.from([0x1a, 0x00]));
    assert.throws(() => read(messages), { code: 'TOO_LARGE', message: /more than 1020000 values/ });
    const entries = Buffer.alloc(20_000, Buffer.from([0x22, 0x00]));
    assert.throws(() => read(entries), { code: 'TOO_LARGE' });
  });

  it('is read in time in proportion to its length when a message comes again and again', () => {
    // Every level has its message twice: to read the two anew together at each level would take 2^90 steps.
    let payload = Buffer.from([0x32, 0x01, 0x61]);
    for (let level = 0; level < 90; level++) {
      payload = Buffer.concat([Buffer.from([0x0a, ...varint(payload.length)]), payload, Buffer.from([0x0a, 0x00])]);
    }
    assert.match(String(read(payload).self), /^\{"self":/);
    const again = Buffer.alloc(300_000, Buffer.from([0x3a, 0x02, 0x0a, 0x00]));
    assert.deepEqual(read(again).one, { two: { s: '' } });
  });
});

/** Messages in each other, the innermost without fields. */
function nested(levels: number, tag: number): Buffer {
  let payload = Buffer.alloc(0);
  for (let level = 0; level < levels; level++) {
    payload = Buffer.concat([Buffer.from([tag, ...varint(payload.length)]), payload]);
  }
  return payload;
}

function groups(levels: number): Buffer {
  return Buffer.concat([Buffer.alloc(levels, 0x0b), Buffer.alloc(levels, 0x0c)]);
}

/** A Value with a list that has a Value with a list, and so on. */
function values(levels: number): Buffer {
  let payload = Buffer.alloc(0);
  for (let level = 0; level < levels; level++) {
    const list = Buffer.concat([Buffer.from([0x0a, ...varint(payload.length)]), payload]);
    payload = Buffer.concat([Buffer.from([0x32, ...varint(list.length)]), list]);
  }
  return Buffer.concat([Buffer.from([0x12, ...varint(payload.length)]), payload]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
