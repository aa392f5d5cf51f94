import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asNullable, type DataType, type StructType } from '../../src/delta/schema.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import { bindColumns } from '../../src/parquet/rewrite/bind-columns.ts';
import { openDataFile, readBatches } from '../../src/parquet/rewrite/data-file.ts';
import { encodeStream } from '../../src/parquet/rewrite/encode-stream.ts';
import { interleave, type RowOrder, sortRows } from '../../src/parquet/rewrite/sort-rows.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { schemasAndRows, types } from '../support/arbitrary-rows.ts';
import { structField } from '../support/interop/type-cases.ts';
import { type PlainRow, plainRow, readRows } from '../support/parquet-values.ts';

async function sort(
  schema: StructType,
  rows: readonly (readonly CellValue[])[],
  order: RowOrder,
  maxBytes = 1e9,
): Promise<PlainRow[]> {
  const writer = new RowWriter(schema);
  for (const row of rows) writer.append(row);
  const bytes = await writer.finish({ maxRowGroupRows: 5 });
  const store = createMemoryStore();
  await store.put('f', bytes);
  const own = asNullable(schema);
  const batches = readBatches(
    await openDataFile(store, 'f', bytes.length),
    bindColumns(parseFooter(bytes), own).fields,
  );
  const { pieces } = encodeStream(own, sortRows(batches, own, order, maxBytes), { rowGroupRows: 1000 });
  return readRows(Buffer.concat(await Array.fromAsync(pieces)), own);
}

const one = (type: DataType): StructType => ({
  type: 'struct',
  fields: [structField('v', type), structField('n', 'integer')],
});

describe('Sorted rows', () => {
  const cases: readonly (readonly [DataType, readonly CellValue[]])[] = [
    ['long', [null, -(2n ** 63n), -1n, 0n, 7n, 2n ** 63n - 1n]],
    ['integer', [null, -5, 0, 3]],
    ['byte', [null, -128, 127]],
    ['short', [null, -3, 300]],
    ['float', [null, Number.NEGATIVE_INFINITY, -1, 0, 0.5, Number.POSITIVE_INFINITY, Number.NaN]],
    ['double', [null, -1e300, -0.5, 2, Number.NaN]],
    ['boolean', [null, false, true]],
    ['date', [null, -719_162, 0, 20_000]],
    ['timestamp', [null, -1n, 0n, 1n]],
    ['decimal(38,2)', [null, -(10n ** 30n), -(2n ** 64n), -1n, 0n, 1n, 2n ** 63n, 2n ** 64n, 10n ** 30n]],
    ['string', [null, '', 'A', 'Z', 'a', 'aa', 'ab', 'é', '\ufffd', '😀']],
    ['binary', [null, new Uint8Array(), Uint8Array.of(1), Uint8Array.of(1, 0), Uint8Array.of(255)]],
  ];
  for (const [type, values] of cases) {
    it(`come in the order of Spark: ${type}`, async () => {
      const ordered = values.map((value, index) => [value, index]);
      const sorted = await sort(one(type), [...ordered].reverse(), { kind: 'sort', columns: ['v'] });
      assert.deepEqual(
        sorted.map(([, n]) => n),
        ordered.map(([, n]) => n),
      );
    });
  }

  it('are sorted by the first column, then the second; equal ones stay in their order', async () => {
    const schema: StructType = {
      type: 'struct',
      fields: [structField('a', 'integer'), structField('b', 'string'), structField('n', 'integer')],
    };
    const rows = [
      [2, 'x', 0],
      [1, 'y', 1],
      [2, 'a', 2],
      [1, 'y', 3],
      [null, 'z', 4],
      [2, 'a', 5],
    ];
    const sorted = await sort(schema, rows, { kind: 'sort', columns: ['a', 'b'] });
    assert.deepEqual(
      sorted.map(([, , n]) => n),
      [4, 1, 3, 2, 5, 0],
    );
    assert.deepEqual(
      (
        await sort(
          one('double'),
          [
            [0, 0],
            [-0, 1],
            [0, 2],
          ],
          { kind: 'sort', columns: ['v'] },
        )
      ).map(([, n]) => n),
      [0, 1, 2],
    );
  });

  it('are all there, of any types, in one run or in several', async () => {
    const orders = fc.constantFrom<RowOrder['kind']>('sort', 'z-order');
    await fc.assert(
      fc.asyncProperty(
        schemasAndRows(types),
        orders,
        fc.constantFrom(1, 200, 1e9),
        async ({ schema, rows }, kind, maxBytes) => {
          const fields = [structField('key', 'integer'), structField('other', 'string'), ...schema.fields];
          const keyed = rows.map((row, index) => [(index * 7) % 5, `${index % 3}`, ...row]);
          const wide: StructType = { type: 'struct', fields };
          const sorted = await sort(wide, keyed, { kind, columns: ['key', 'other'] }, maxBytes);
          const text = (list: readonly PlainRow[]) =>
            list
              .map((row) =>
                JSON.stringify(row, (_, v) => (typeof v === 'bigint' ? `${v}n` : Object.is(v, -0) ? '-0' : v)),
              )
              .sort();
          assert.deepEqual(text(sorted), text(keyed.map((row) => plainRow(wide, row))));
          if (kind === 'sort' && maxBytes === 1e9) {
            const keys = sorted.map(([key, other]) => `${key} ${other}`);
            assert.deepEqual(keys, [...keys].sort());
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('Rows in Z-order', () => {
  it('interleave the bits of their ranks', () => {
    assert.equal(interleave([0b101, 0b011], 3), 0b100111);
    assert.equal(interleave([2 ** 16 - 1, 0, 2 ** 16 - 1], 16), Number.parseInt('101'.repeat(16), 2));
  });

  it('let each column skip most of the file, where a sort serves the first one only', async () => {
    const side = 32;
    const rows = Array.from({ length: side * side }, (_, index) => [(index * 389) % (side * side), index]).map(
      ([cell = 0, n]) => [cell % side, Math.floor(cell / side), n],
    );
    const schema: StructType = {
      type: 'struct',
      fields: [structField('x', 'integer'), structField('y', 'integer'), structField('n', 'integer')],
    };
    const blocksOf = async (kind: RowOrder['kind'], column: number) => {
      const sorted = await sort(schema, rows as number[][], { kind, columns: ['x', 'y'] });
      const values = sorted.map((row) => row[column] as number);
      // Blocks of 64 rows that may hold the value 5, by their bounds.
      return Array.from({ length: 16 }, (_, block) => values.slice(64 * block, 64 * block + 64)).filter(
        (own) => Math.min(...own) <= 5 && Math.max(...own) >= 5,
      ).length;
    };
    assert.deepEqual([await blocksOf('sort', 0), await blocksOf('sort', 1)], [1, 16]);
    assert.deepEqual([await blocksOf('z-order', 0), await blocksOf('z-order', 1)], [4, 4]);
  });
});
