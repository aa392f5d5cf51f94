import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type DataType, type StructType, typeName } from '../../src/delta/schema.ts';
import { isParquetError } from '../../src/parquet/errors.ts';
import { type CellErrorCode, type CellValue, isCellError } from '../../src/parquet/write/cell.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { rowsOf, schemasAndRows, types } from '../support/arbitrary-rows.ts';
import { arrayOf, mapOf, struct, structField } from '../support/interop/type-cases.ts';
import { plainRow, readRows } from '../support/parquet-values.ts';

function tableOf(type: DataType, nullable = true): StructType {
  return { type: 'struct', fields: [{ ...structField('c', type), nullable }] };
}

const required = (type: DataType): DataType => ({
  type: 'struct',
  fields: [{ ...structField('f', type), nullable: false }],
});
const withoutNulls: DataType = { type: 'array', elementType: 'long', containsNull: false };

/** A value, what it is refused as, and what the message says. */
const refused: readonly (readonly [DataType, CellValue, CellErrorCode, RegExp])[] = [
  ['string', 1, 'WRONG_TYPE', /"c" got the number 1, expected string/],
  ['string', Uint8Array.of(0xc3, 0x28), 'INVALID_TEXT', /got 2 bytes, expected a string, its bytes in UTF-8/],
  ['string', 'a\ud800b', 'INVALID_TEXT', /got the string "a\\ud800b", expected a string without halves/],
  ['string', `${'a'.repeat(60)}\udc00`, 'INVALID_TEXT', /halves of surrogate pairs/],
  ['binary', 'text', 'WRONG_TYPE', /got the string "text", expected binary, as bytes/],
  ['boolean', 'true', 'WRONG_TYPE', /got the string "true", expected boolean/],
  ['byte', 128, 'OUT_OF_RANGE', /got the number 128, expected the type byte, a whole number from -128 to 127/],
  ['short', -32_769, 'OUT_OF_RANGE', /from -32768 to 32767/],
  ['integer', 2 ** 31, 'OUT_OF_RANGE', /from -2147483648 to 2147483647/],
  ['integer', 1.5, 'WRONG_TYPE', /got the number 1.5/],
  ['integer', NaN, 'WRONG_TYPE', /got the number NaN/],
  ['integer', 1n, 'WRONG_TYPE', /got the bigint 1/],
  ['date', 2 ** 31, 'OUT_OF_RANGE', /expected days since the epoch/],
  ['long', 2 ** 53, 'OUT_OF_RANGE', /got the number 9007199254740992, expected the type long, a bigint of 64 bits/],
  ['long', 2n ** 63n, 'OUT_OF_RANGE', /got the bigint 9223372036854775808/],
  ['long', 10n ** 1000n, 'OUT_OF_RANGE', /got the bigint of more than 256 bits/],
  ['long', 0.5, 'WRONG_TYPE', /got the number 0.5/],
  ['long', '1', 'WRONG_TYPE', /got the string "1"/],
  ['timestamp', 1.5, 'WRONG_TYPE', /expected µs since the epoch for the type timestamp/],
  ['float', 1e39, 'OUT_OF_RANGE', /got the number 1e\+39, expected float/],
  ['float', 1n, 'WRONG_TYPE', /got the bigint 1/],
  ['double', '1', 'WRONG_TYPE', /got the string "1", expected double/],
  ['decimal(4,2)', 10_000n, 'OUT_OF_RANGE', /expected decimal\(4,2\), its unscaled value as a bigint of at most 4/],
  ['decimal(4,2)', -10_000n, 'OUT_OF_RANGE', /got the bigint -10000/],
  ['decimal(4,2)', 1, 'WRONG_TYPE', /got the number 1/],
  [arrayOf('long'), 'x', 'WRONG_TYPE', /got the string "x", expected array<long>/],
  [arrayOf('long'), [1, 'x'], 'WRONG_TYPE', /column "c.element" got the string "x"/],
  [withoutNulls, [1, null], 'NULL', /column "c.element" got null, expected long/],
  [struct({ a: 'long' }), [1], 'WRONG_TYPE', /got an array of 1, expected a struct, as an object/],
  [struct({ a: 'long' }), new Map([['a', 1]]), 'WRONG_TYPE', /got a map of 1/],
  [struct({ a: 'long' }), { b: 1 }, 'UNKNOWN_FIELD', /got the string "b", expected only fields of the struct \(a\)/],
  [struct({ a: 'long' }), { a: 'x' }, 'WRONG_TYPE', /column "c.a" got the string "x"/],
  [required('long'), {}, 'NULL', /column "c.f" got nothing, expected long/],
  [mapOf('string', 'long'), { a: 1 }, 'WRONG_TYPE', /got an object, expected a map, as a Map or an array of pairs/],
  [mapOf('string', 'long'), [['a']], 'WRONG_TYPE', /got an array of 1, expected a pair of key and value/],
  [mapOf('string', 'long'), [[null, 1]], 'NULL', /column "c.key" got null, expected string/],
  [mapOf('string', 'long'), new Map([['a', 'x']]), 'WRONG_TYPE', /column "c.value" got the string "x"/],
];

describe('A row that does not fit', () => {
  for (const [type, value, code, message] of refused) {
    it(`is refused: ${typeName(type)}, ${code}, ${message.source}`, () => {
      const writer = new RowWriter(tableOf(type));
      assert.throws(
        () => writer.append([value]),
        (error) => {
          assert.ok(isCellError(error, code) && error instanceof TypeError, String(error));
          assert.match(error.message, message);
          assert.equal(error.data.path[0], 'c');
          return true;
        },
      );
      assert.deepEqual([writer.rowCount, writer.byteSize], [0, 0]);
    });
  }

  it('is refused when it has null where the schema has none', () => {
    const writer = new RowWriter(tableOf('string', false));
    assert.throws(() => writer.append([null]), /The column "c" got null, expected string/);
    assert.throws(
      () => writer.append([undefined]),
      (error) => isCellError(error, 'NULL'),
    );
  });

  it('is refused when it has another number of values than the schema has fields', () => {
    const writer = new RowWriter(tableOf('string'));
    assert.throws(() => writer.append([]), /The row got 0 values, expected 1, one for each field/);
    assert.throws(
      () => writer.append(['a', 'b']),
      (error) => isCellError(error, 'ROW_LENGTH'),
    );
  });

  it('leaves no trace, wherever in the row it fails', async () => {
    /** Every row twice: once with a last value that does not fit, and then as it is. */
    await fc.assert(
      fc.asyncProperty(schemasAndRows(types), async ({ schema, rows }) => {
        const last: DataType = struct({ list: withoutNulls, text: 'string' });
        const fields = [...schema.fields, structField('last', last)];
        const writer = new RowWriter({ type: 'struct', fields });
        for (const row of rows) {
          const before = writer.byteSize;
          assert.throws(
            () => writer.append([...row, { list: [1, 2, null], text: 'x' }]),
            (error) => isCellError(error, 'NULL'),
          );
          // A bit a value stays for columns that have seen a null.
          assert.ok(writer.byteSize - before <= Math.ceil(before / 8) + 64);
          writer.append([...row, { list: [1, 2], text: 'x' }]);
        }
        const whole: StructType = { type: 'struct', fields };
        const expected = rows.map((row) => plainRow(whole, [...row, { list: [1, 2], text: 'x' }]));
        assert.deepEqual(readRows(await writer.finish({ maxRowGroupRows: 16 }), whole), expected);
      }),
      { numRuns: 60 },
    );
  });

  it('never takes a value of another kind without a CellError', () => {
    const anything = fc.anything({ withBigInt: true, withTypedArray: true, withMap: true, withDate: true });
    fc.assert(
      fc.property(schemasAndRows(types), fc.array(anything, { maxLength: 6 }), ({ schema }, row) => {
        const writer = new RowWriter(schema);
        try {
          writer.append(row as CellValue[]);
          assert.equal(writer.rowCount, 1);
        } catch (error) {
          assert.ok(isCellError(error), String(error));
          assert.equal(writer.rowCount, 0);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('A schema that cannot be written', () => {
  const cases: readonly (readonly [string, StructType, RegExp])[] = [
    ['no fields', { type: 'struct', fields: [] }, /the schema is of type struct<>/],
    ['variant', tableOf('variant'), /the column "c" is of type variant/],
    ['void in an array', tableOf(arrayOf('void')), /the column "c.element" is of type void/],
    ['an empty struct', tableOf(struct({})), /the column "c" is of type struct<>: Parquet has no structs without/],
    ['what looks like a variant', tableOf(struct({ metadata: 'binary', value: 'binary' })), /DuckDB takes/],
  ];
  for (const [name, schema, message] of cases) {
    it(`is refused: ${name}`, () => {
      assert.throws(
        () => new RowWriter(schema),
        (error) => isParquetError(error, 'UNSUPPORTED_TYPE') && message.test(error.message),
      );
    });
  }

  it('is not tried: a row group without rows', async () => {
    const writer = new RowWriter(tableOf('long'));
    await assert.rejects(writer.finish({ maxRowGroupRows: 0 }), /maxRowGroupRows is 0, expected a whole number from 1/);
    assert.equal((await writer.finish()).length > 0, true);
  });

  it('takes any row that was made for it', () => {
    fc.assert(
      fc.property(
        schemasAndRows(types).chain(({ schema }) => fc.tuple(fc.constant(schema), rowsOf(schema))),
        ([schema, row]) => {
          new RowWriter(schema).append(row);
        },
      ),
      { numRuns: 100 },
    );
  });
});
