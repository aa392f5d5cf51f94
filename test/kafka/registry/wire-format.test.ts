import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { readHeader, readMessageIndexes, readSortedIndex } from '../../../src/kafka/registry/wire-format.ts';

const GUID = '00112233-4455-6677-8899-aabbccddeeff';
const GUID_BYTES = Buffer.from(GUID.replaceAll('-', ''), 'hex');

describe('the header of Confluent’s wire format', () => {
  it('has the id of a schema', () => {
    const header = readHeader('confluent', Buffer.from([0, 0x01, 0x02, 0x03, 0x04, 0x99]));
    assert.deepEqual(header, { id: String(0x01020304), offset: 5, compression: 'none' });
    assert.equal(readHeader('confluent', Buffer.from([0, 0xff, 0xff, 0xff, 0xff])).id, '4294967295');
  });

  it('may have its GUID', () => {
    const header = readHeader('confluent', Buffer.concat([Buffer.from([1]), GUID_BYTES]));
    assert.deepEqual(header, { id: GUID, offset: 17, compression: 'none' });
  });

  const none: readonly (readonly [payload: readonly number[], message: RegExp])[] = [
    [[], /is empty, expected the header of Confluent's wire format, 0/],
    [[0x7b, 0x7d], /begins with the byte 123/],
    [[3, 0, 0, 0, 0, 0], /begins with the byte 3/],
    [[0, 0, 0, 0], /has 4 bytes/],
    [[1, ...GUID_BYTES.subarray(1)], /has 16 bytes/],
  ];
  for (const [payload, message] of none) {
    it(`is not in [${payload.slice(0, 6)}]`, () => {
      assert.throws(() => readHeader('confluent', Buffer.from(payload)), { code: 'INVALID_WIRE_FORMAT', message });
    });
  }
});

describe('the header of Glue’s wire format', () => {
  it('has the UUID of a schema’s version, and how the payload is packed', () => {
    const header = (compression: number) =>
      readHeader('glue', Buffer.concat([Buffer.from([3, compression]), GUID_BYTES]));
    assert.deepEqual(header(0), { id: GUID, offset: 18, compression: 'none' });
    assert.deepEqual(header(5), { id: GUID, offset: 18, compression: 'zlib' });
    assert.throws(() => header(1), { code: 'INVALID_WIRE_FORMAT', message: /the compression 1 in its second byte/ });
  });

  it('is not in what begins otherwise, or is too short', () => {
    for (const payload of [[], [0, 0, 0, 0, 1], [3], [3, 0], [3, 0, ...GUID_BYTES.subarray(1)]]) {
      assert.throws(() => readHeader('glue', Buffer.from(payload)), { code: 'INVALID_WIRE_FORMAT' });
    }
  });
});

describe('the message indexes of Confluent', () => {
  const valid: readonly (readonly [bytes: readonly number[], indexes: readonly number[]])[] = [
    [[0x00], [0]],
    [[0x02, 0x00], [0]],
    [[0x02, 0x04], [2]],
    [
      [0x06, 0x02, 0x00, 0x80, 0x02],
      [1, 0, 128],
    ],
  ];
  for (const [bytes, indexes] of valid) {
    it(`are [${indexes}] for the bytes [${bytes}]`, () => {
      const payload = Buffer.from([9, 9, ...bytes, 9]);
      assert.deepEqual(readMessageIndexes(payload, 2), { indexes, offset: 2 + bytes.length });
    });
  }

  for (const bytes of [
    [],
    [0x02],
    [0x80],
    [0x01, 0x00],
    [0x02, 0x01],
    [0x82, 0x01],
    Array(9).fill(0xff),
    [0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0],
  ]) {
    it(`are not in the bytes [${bytes}]`, () => {
      assert.throws(() => readMessageIndexes(Buffer.from(bytes), 0), { code: 'INVALID_WIRE_FORMAT' });
    });
  }
});

describe('the message index of Glue', () => {
  it('is a varint', () => {
    assert.deepEqual(readSortedIndex(Buffer.from([9, 0xac, 0x02, 9]), 1), { index: 300, offset: 3 });
    assert.throws(() => readSortedIndex(Buffer.from([0x80]), 0), { code: 'INVALID_WIRE_FORMAT' });
  });
});

describe('any payload', () => {
  it('has a header, or gives a PayloadError', () => {
    const payloads = fc.tuple(fc.constantFrom(0, 1, 3, 7), fc.uint8Array({ maxLength: 30 }));
    fc.assert(
      fc.property(payloads, fc.constantFrom('confluent' as const, 'glue' as const), ([first, rest], wire) => {
        const payload = Buffer.from([first, ...rest]);
        try {
          const { offset } = readHeader(wire, payload);
          assert.ok(offset <= payload.length);
          assert.ok(readMessageIndexes(payload, offset).offset <= payload.length);
          assert.ok(readSortedIndex(payload, offset).offset <= payload.length);
        } catch (error) {
          assert.ok(error instanceof PayloadError && error.code === 'INVALID_WIRE_FORMAT', String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
