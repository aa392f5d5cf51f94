import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textTypeOf } from '../../src/parquet/json-text.ts';
import type { LogicalType } from '../../src/parquet/logical-type.ts';
import type { LeafNode, PhysicalType } from '../../src/parquet/schema-node.ts';

describe('textTypeOf', () => {
  const cases: readonly (readonly [name: string, leaf: LeafNode, bytes: Uint8Array, text: string])[] = [
    ['INT96, of Spark', leafOf('INT96'), int96(2_440_589, 3_723_004_005_000n), '"1970-01-02T01:02:03.004Z"'],
    ['INT96 before 1970', leafOf('INT96'), int96(2_440_587, 86_399_999_000_000n), '"1969-12-31T23:59:59.999Z"'],
    ['a boolean', leafOf('BOOLEAN'), Uint8Array.of(1), 'true'],
    ['INT64', leafOf('INT64'), int64(2n ** 63n - 1n), '9223372036854775807'],
    ['ms', leafOf('INT64', { kind: 'TIMESTAMP', utc: true, unit: 'MILLIS' }), int64(1n), '"1970-01-01T00:00:00.001Z"'],
    [
      'a decimal',
      leafOf('BYTE_ARRAY', { kind: 'DECIMAL', precision: 20, scale: 2 }),
      Uint8Array.of(0xff, 0x38),
      '-2.00',
    ],
    ['a long string', leafOf('BYTE_ARRAY', { kind: 'STRING' }), Buffer.from('x'.repeat(99)), `"${'x'.repeat(99)}"`],
    ['NaN', leafOf('DOUBLE'), new Uint8Array(Float64Array.of(Number.NaN).buffer), ''],
  ];
  for (const [name, leaf, bytes, text] of cases) {
    it(`makes JSON of ${name}`, () => assert.equal(textTypeOf(leaf)?.text(bytes), text));
  }

  it('has none for binaries, and for columns in lists', () => {
    assert.equal(textTypeOf(leafOf('BYTE_ARRAY')), undefined);
    assert.equal(textTypeOf({ ...leafOf('INT64'), repeats: 1 }), undefined);
  });
});

function leafOf(physical: PhysicalType, logical?: LogicalType): LeafNode {
  return {
    kind: 'leaf',
    name: 'x',
    path: ['x'],
    repetition: 'OPTIONAL',
    logical,
    definition: 1,
    repeats: 0,
    physical,
    typeLength: 0,
    column: 0,
  };
}

function int96(day: number, nanos: bigint): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.writeBigInt64LE(nanos, 0);
  bytes.writeInt32LE(day, 8);
  return bytes;
}

function int64(value: bigint): Uint8Array {
  return new Uint8Array(BigInt64Array.of(value).buffer);
}
