import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import type { DataType, StructType } from '../../src/delta/schema.ts';
import { fileNullability, statsJson } from '../../src/delta/stats.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import { fileStatistics } from '../../src/parquet/statistics.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { arrayOf, mapOf, struct, structField } from '../support/interop/type-cases.ts';
import { plainRow, readRows, readRowsByHyparquet } from '../support/parquet-values.ts';

/** Of three rows, so that the bounds are merged. */
const ROW_GROUP = 3;

async function write(schema: StructType, rows: readonly (readonly CellValue[])[]): Promise<Uint8Array> {
  const writer = new RowWriter(schema);
  for (const row of rows) writer.append(row);
  return writer.finish({ maxRowGroupRows: ROW_GROUP });
}

function statistics(bytes: Uint8Array, schema: StructType): Record<string, unknown> {
  const options = { schema, partitionColumns: [], configuration: {} };
  return JSON.parse(statsJson(fileStatistics(parseFooter(bytes)), options));
}

async function columnStatistics(type: DataType, values: readonly CellValue[]): Promise<Record<string, unknown>> {
  const schema: StructType = { type: 'struct', fields: [structField('c', type)] };
  const bytes = await write(
    schema,
    values.map((value) => [value]),
  );
  return statistics(bytes, schema);
}

/** Values, and the bounds of them. */
const bounded: readonly (readonly [DataType, readonly CellValue[], unknown, unknown])[] = [
  ['string', ['b', 'a', null, 'ö', 'c'], 'a', 'ö'],
  ['byte', [5, -128, null, 7], -128, 7],
  ['short', [300, -300], -300, 300],
  ['integer', [1, null, null, null, -2147483648], -2147483648, 1],
  ['long', [4, 3n, 2], 2, 4],
  ['date', [19792, -1], '1969-12-31', '2024-03-10'],
  ['timestamp', [1710074096789000n, 0], '1970-01-01T00:00:00.000Z', '2024-03-10T12:34:56.789Z'],
  ['timestamp_ntz', [1710074096789000n, 0], '1970-01-01T00:00:00.000', '2024-03-10T12:34:56.789'],
  ['decimal(9,2)', [1250n, -1n, null], -0.01, 12.5],
  ['decimal(18,2)', [1250n, -1n, null], -0.01, 12.5],
  ['decimal(38,2)', [1250n, -1n, null], -0.01, 12.5],
  ['float', [0.5, -1, 2, 3], -1, 3],
  ['double', [0.5, -1, 2, 3, null], -1, 3],
];

describe('Statistics of a written file', () => {
  for (const [type, values, min, max] of bounded) {
    it(`bound a ${type}`, async () => {
      assert.deepEqual(await columnStatistics(type, values), {
        numRecords: values.length,
        minValues: { c: min },
        maxValues: { c: max },
        nullCount: { c: values.filter((value) => value === null).length },
      });
    });
  }

  for (const type of ['float', 'double'] as const) {
    it(`leave out the upper bound of a ${type} with NaN, which readers order above all numbers`, async () => {
      const numRecords = 5;
      const found = await columnStatistics(type, [1, 2, 3, 4, NaN]);
      assert.deepEqual(found, { numRecords, minValues: { c: 1 }, nullCount: { c: 0 } });
    });
  }

  it('have no upper bound in the footer either, of chunks or of pages, that a NaN would be above', async () => {
    const type = struct({ f: 'double' });
    const schema: StructType = { type: 'struct', fields: [structField('s', type), structField('d', 'double')] };
    for (const nan of [true, false]) {
      const bytes = await write(schema, [
        [{ f: 1 }, 2],
        [{ f: nan ? NaN : 5 }, 3],
      ]);
      const chunks = parquetMetadata(Uint8Array.from(bytes).buffer).row_groups.flatMap(({ columns }) => columns);
      const [nested, flat] = chunks.map(({ meta_data, column_index_offset }) => {
        const { min, max, min_value, max_value, null_count } = meta_data?.statistics ?? {};
        return { min, max, min_value, max_value, null_count, hasPageBounds: column_index_offset !== undefined };
      });
      const whole = { min: 2, max: 3, min_value: 2, max_value: 3, null_count: 0n, hasPageBounds: !nan };
      const upper = nan ? { min: undefined, max: undefined, max_value: undefined } : { min: 1, max: 5, max_value: 5 };
      assert.deepEqual(flat, whole);
      assert.deepEqual(nested, { ...whole, min_value: 1, ...upper });
    }
  });

  it('leave out the bounds of columns of NaN', async () => {
    assert.deepEqual(await columnStatistics('double', [NaN, NaN, null]), { numRecords: 3, nullCount: { c: 1 } });
  });

  it('count the nulls of columns without bounds, and of columns with nothing else', async () => {
    for (const type of ['binary', 'boolean', 'string', 'double', arrayOf('long'), mapOf('string', 'long')]) {
      const values = [null, null, null, null];
      assert.deepEqual(await columnStatistics(type as DataType, values), { numRecords: 4, nullCount: { c: 4 } });
    }
  });

  it('count null lists and maps, not the empty ones', async () => {
    assert.deepEqual((await columnStatistics(arrayOf('long'), [[], [null], null, [1, 2]])).nullCount, { c: 1 });
    assert.deepEqual((await columnStatistics(mapOf('string', 'long'), [[], null, null, [['a', 1]]])).nullCount, {
      c: 2,
    });
  });

  it('count a field as null where a struct around it is', async () => {
    const type = struct({ a: 'long', inner: struct({ b: 'double' }) });
    const found = await columnStatistics(type, [{ a: 3, inner: { b: NaN } }, { a: 1 }, { inner: { b: 2 } }, null]);
    assert.deepEqual(found, {
      numRecords: 4,
      minValues: { c: { a: 1, inner: { b: 2 } } },
      maxValues: { c: { a: 3, inner: {} } },
      nullCount: { c: { a: 2, inner: { b: 2 } } },
    });
  });

  it('say that nothing is null in columns that are not nullable', async () => {
    const part: DataType = { type: 'array', elementType: 'long', containsNull: false };
    const fields = [structField('id', 'long'), structField('list', part)].map((field) => ({
      ...field,
      nullable: false,
    }));
    const schema: StructType = { type: 'struct', fields };
    const footer = parseFooter(await write(schema, [[1, []]]));
    assert.deepEqual(
      fileNullability(fileStatistics(footer), { schema, partitionColumns: [] }).map(({ nulls }) => nulls),
      ['none', 'none', 'none'],
    );
  });

  it('hold for all numbers, whatever there is among them', async () => {
    const numbers = fc.oneof({ weight: 5, arbitrary: fc.double() }, { weight: 1, arbitrary: fc.constant(NaN) });
    const values = fc.array(fc.option(numbers), { minLength: 1, maxLength: 12 });
    const fields = [structField('a', 'double'), structField('s', struct({ b: 'float', c: 'long' }))];
    const schema: StructType = { type: 'struct', fields };
    await fc.assert(
      fc.asyncProperty(values, async (column) => {
        const rows = column.map((a, index) => [a, { b: a === null ? null : Math.fround(a), c: index }]);
        const bytes = await write(schema, rows);
        for (const path of [['a'], ['s', 'b']]) {
          const { bounds, nullCount } = fileStatistics(parseFooter(bytes)).column(path);
          assert.equal(nullCount, column.filter((value) => value === null).length);
          const present = column.filter((value) => value !== null);
          const numbers = path[0] === 'a' ? present : present.map(Math.fround);
          if (bounds.kind !== 'float') {
            // A row group of NaN alone has no bounds at all.
            assert.ok(numbers.length === 0 || numbers.some(Number.isNaN));
            continue;
          }
          const { min = -Infinity, max = Infinity } = bounds;
          assert.equal(bounds.max === undefined, numbers.some(Number.isNaN));
          assert.ok(numbers.every((value) => Number.isNaN(value) || (value >= min && value <= max)));
        }
        const expected = rows.map((row) => plainRow(schema, row));
        assert.deepEqual(readRows(bytes, schema), expected);
        assert.deepEqual(await readRowsByHyparquet(bytes, schema), expected);
      }),
      { numRuns: 100 },
    );
  });
});
