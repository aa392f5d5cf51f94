import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAvroDecoder, createSingleObjectDecoder } from '../../../src/kafka/decode/avro/decoders.ts';
import { PayloadError, type PayloadErrorCode } from '../../../src/kafka/decode/payload-error.ts';

const POINT = JSON.stringify({
  type: 'record',
  name: 'Point',
  fields: [
    { name: 'x', type: 'int' },
    { name: 'y', type: 'int' },
  ],
});

function assertRefused(run: () => unknown, code: PayloadErrorCode, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PayloadError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

describe('a decoder of one Avro schema', () => {
  it('gives a row with the same schema every time', async () => {
    const decoder = createAvroDecoder({ schema: POINT });
    await decoder.prepare([]);
    const [first, second] = [decoder.decode(Buffer.from([2, 4])), decoder.decode(Buffer.from([6, 8]))];
    assert.deepEqual(first.rows, [{ x: 1, y: 2 }]);
    assert.deepEqual(second.rows, [{ x: 3, y: 4 }]);
    assert.equal(first.kind, 'typed');
    assert.equal(first.schema, second.schema);
  });

  it('refuses a schema that is none when it is made', () => {
    assertRefused(() => createAvroDecoder({ schema: '"integer"' }), 'UNKNOWN_SCHEMA', /"integer"/);
  });
});

describe('a decoder of Avro single-object encoding', () => {
  /** The fingerprints of "int" and "string" in Avro's own tests, least significant byte first. */
  const INT = 'c301 8f5c393f1ad57572';
  const STRING = 'c301 c70345637248018f';
  const decoder = createSingleObjectDecoder({ schemas: ['"string"', '{"type":"int","doc":"any"}', POINT] });
  const decode = (hex: string) => decoder.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

  it('takes the schema of the fingerprint', () => {
    assert.deepEqual(decode(`${INT} 04`).rows, [{ value: 2 }]);
    assert.deepEqual(decode(`${STRING} 04 6869`).rows, [{ value: 'hi' }]);
    assert.equal(decode(`${INT} 04`).schema, decode(`${INT} 06`).schema);
  });

  it('reads payloads that are part of a buffer', () => {
    const buffer = Buffer.from(`ffff${INT.replace(' ', '')}04ff`, 'hex');
    assert.deepEqual(decoder.decode(new Uint8Array(buffer).subarray(2, 13)).rows, [{ value: 2 }]);
  });

  it('takes the first of two schemas that differ in what the fingerprint leaves out', () => {
    const date = '{"type":"int","logicalType":"date"}';
    const both = createSingleObjectDecoder({ schemas: [date, '"int"'] });
    assert.equal(both.decode(Buffer.from(`${INT.replace(' ', '')}04`, 'hex')).schema?.fields[0]?.type, 'date');
  });

  it('refuses fingerprints that it does not know', () => {
    assertRefused(
      () => decode('c301 8f5c393f1ad57500 04'),
      'UNKNOWN_SCHEMA',
      /0075d51a3f395c8f, expected one of the 3/,
    );
  });

  it('refuses payloads without the header', () => {
    for (const hex of ['', 'c3', 'c301 8f5c393f1ad575', 'c302 8f5c393f1ad57572 04', '0001 8f5c393f1ad57572 04']) {
      assertRefused(() => decode(hex), 'INVALID_WIRE_FORMAT', /expected c301/);
    }
  });

  it('refuses what does not follow the schema', () => {
    assertRefused(() => decode(INT), 'INVALID_AVRO', /behind byte 10/);
    assertRefused(() => decode(`${INT} 0404`), 'INVALID_AVRO', /before byte 11/);
  });
});
