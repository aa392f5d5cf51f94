import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { asNullable, type DataType, type StructType } from '../../src/delta/schema.ts';
import { type Footer, parseFooter } from '../../src/parquet/footer.ts';
import type { RowBatch } from '../../src/parquet/rewrite/batch.ts';
import { type BindOptions, bindColumns } from '../../src/parquet/rewrite/bind-columns.ts';
import { openDataFile, readBatches } from '../../src/parquet/rewrite/data-file.ts';
import { encodeStream } from '../../src/parquet/rewrite/encode-stream.ts';
import { UnfitFileError } from '../../src/parquet/rewrite/rewrite-error.ts';
import { fileStatistics } from '../../src/parquet/statistics.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { type ParquetWriteOptions, RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { type SchemaAndRows, schemasAndRows, types } from '../support/arbitrary-rows.ts';
import { arrayOf, mapOf, struct, structField } from '../support/interop/type-cases.ts';
import { type PlainRow, plainRow, readRows } from '../support/parquet-values.ts';

async function write({ schema, rows }: SchemaAndRows, options: ParquetWriteOptions = {}): Promise<Uint8Array> {
  const writer = new RowWriter(schema);
  for (const row of rows) writer.append(row);
  return writer.finish(options);
}

/** The batches of files behind each other, as the columns of a schema. */
async function* batchesOf(
  files: readonly Uint8Array[],
  schema: StructType,
  options: BindOptions = {},
): AsyncGenerator<RowBatch> {
  const store = createMemoryStore();
  for (const bytes of files) {
    await store.put('file.parquet', bytes);
    const file = await openDataFile(store, 'file.parquet', bytes.length);
    const { fields, problems } = bindColumns(file.footer, schema, options);
    assert.deepEqual(problems, []);
    yield* readBatches(file, fields);
  }
}

async function encode(
  schema: StructType,
  batches: AsyncIterable<RowBatch>,
  rowGroupRows = 1000,
): Promise<{ readonly bytes: Uint8Array; readonly footer: Footer }> {
  const encoded = encodeStream(schema, batches, { rowGroupRows });
  const bytes = Buffer.concat(await Array.fromAsync(encoded.pieces));
  return { bytes, footer: encoded.footer() };
}

async function rewrite(
  files: readonly Uint8Array[],
  schema: StructType,
  options: BindOptions = {},
): Promise<PlainRow[]> {
  const { bytes } = await encode(schema, batchesOf(files, schema, options));
  return readRows(bytes, schema);
}

function table(columns: Readonly<Record<string, DataType>>): StructType {
  return { type: 'struct', fields: Object.entries(columns).map(([name, type]) => structField(name, type)) };
}

describe('Rewritten files', () => {
  it('have every value of files of any columns, in their order', async () => {
    const options = fc.record({
      compression: fc.constantFrom('zstd' as const, 'snappy' as const, 'uncompressed' as const),
      maxRowGroupRows: fc.constantFrom(7, 16, 1000),
      dictionary: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(schemasAndRows(types), options, fc.constantFrom(1, 5, 1000), async (written, how, groupRows) => {
        const schema = asNullable(written.schema);
        const file = await write(written, how);
        const { bytes, footer } = await encode(schema, batchesOf([file, file], schema), groupRows);
        const rows = written.rows.map((row) => plainRow(written.schema, row));
        assert.deepEqual(readRows(bytes, schema), [...rows, ...rows]);
        assert.equal(Buffer.compare(footer.bytes, parseFooter(bytes).bytes), 0);
        assert.deepEqual(
          footer.rowGroups.slice(0, -1).map(({ rowCount }) => rowCount),
          footer.rowGroups.slice(0, -1).map(() => groupRows),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('keep the bits of floats, text apart from null, and times before the calendar changed', async () => {
    const schema = table({ f: 'float', d: 'double', s: 'string', b: 'binary', day: 'date', at: 'timestamp' });
    const strange = new Float64Array(new BigUint64Array([0x7ff8_0000_0000_0123n, 0xfff0_0000_0000_0001n]).buffer);
    const rows: CellValue[][] = [
      [-0, -0, '', new Uint8Array(), -719_162, -62_135_596_800_000_000n],
      [Number.NaN, Number.NaN, null, null, null, null],
      [
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        '\u0000',
        Uint8Array.of(0),
        2_932_896,
        253_402_300_799_999_999n,
      ],
    ];
    const file = await write({ schema, rows });
    assert.deepEqual(
      await rewrite([file], schema),
      rows.map((row) => plainRow(schema, row)),
    );

    const bits = { length: 2, nullCount: 0, validity: undefined, values: { kind: 'fixed', data: strange } } as const;
    const odd = table({ d: 'double' });
    const first = await encode(odd, one({ rowCount: 2, columns: [bits] }));
    const [again] = await Array.fromAsync(batchesOf([first.bytes], odd));
    const values = again?.columns[0]?.values;
    assert.ok(values?.kind === 'fixed');
    assert.deepEqual(
      new BigUint64Array(new Uint8Array(values.data.buffer).buffer, values.data.byteOffset, 2),
      new BigUint64Array(strange.buffer),
    );
  });

  it('have nulls for columns and fields that an older file lacks', async () => {
    const old = table({ id: 'long', s: struct({ a: 'integer' }), list: arrayOf(struct({ a: 'integer' })) });
    const now = table({
      added: 'decimal(10,2)',
      s: struct({ b: arrayOf('string'), a: 'integer' }),
      id: 'long',
      list: arrayOf(struct({ a: 'integer', b: 'string' })),
      map: mapOf('string', 'long'),
    });
    const file = await write({
      schema: old,
      rows: [
        [1, { a: 2 }, [{ a: 3 }, null]],
        [2, null, null],
      ],
    });
    assert.deepEqual(await rewrite([file], now), [
      [null, { b: null, a: 2 }, 1n, [{ a: 3, b: null }, null], null],
      [null, null, 2n, null, null],
    ]);
  });

  it('have columns that were widened as the table has them now', async () => {
    const old = table({
      a: 'byte',
      b: 'short',
      c: 'integer',
      d: 'integer',
      e: 'float',
      f: 'date',
      g: 'decimal(5,2)',
      h: 'long',
    });
    const now = table({
      a: 'long',
      b: 'integer',
      c: 'double',
      d: 'decimal(12,2)',
      e: 'double',
      f: 'timestamp_ntz',
      g: 'decimal(20,4)',
      h: 'decimal(22,1)',
    });
    const file = await write({
      schema: old,
      rows: [[-128, 32_767, -2_147_483_648, 7, 0.1, -1, -12_345n, 2n ** 63n - 1n], Array(8).fill(null)],
    });
    assert.deepEqual(await rewrite([file], now, { typeWidening: true }), [
      [-128n, 32_767, -2_147_483_648, 700n, Math.fround(0.1), -86_400_000_000n, -1_234_500n, (2n ** 63n - 1n) * 10n],
      Array(8).fill(null),
    ]);
  });

  it('have the statistics of what is in them, NaNs counted', async () => {
    const schema = table({ x: 'double', s: struct({ y: 'float' }), n: 'integer' });
    const rows: CellValue[][] = Array.from({ length: 10 }, (_, index) => [
      index === 7 ? Number.NaN : index,
      { y: index === 3 ? Number.NaN : -index },
      index % 2 === 0 ? null : index,
    ]);
    const file = await write({ schema, rows });
    const { footer } = await encode(schema, batchesOf([file], schema), 4);
    const own = fileStatistics(footer);
    const plain = fileStatistics(parseFooter(file));
    for (const path of [['x'], ['s', 'y'], ['n']]) assert.deepEqual(own.column(path), plain.column(path));
    assert.deepEqual(own.column(['x']).bounds, { kind: 'float', min: -0, max: undefined });

    const { bytes } = await encode(schema, batchesOf([file], schema), 4);
    const direct = await write({ schema, rows }, { maxRowGroupRows: 4 });
    assert.deepEqual(upperBounds(bytes), upperBounds(direct), 'each row group has those of its own rows');
    assert.deepEqual(upperBounds(bytes)[0], [3, undefined, 3]);
  });

  it('are not made when what they are made of breaks off', async () => {
    const schema = table({ id: 'long' });
    async function* broken(): AsyncGenerator<RowBatch> {
      yield* batchesOf([await write({ schema, rows: [[1], [2]] })], schema);
      throw new Error('the source is gone');
    }
    await assert.rejects(encode(schema, broken(), 1), /the source is gone/);
  });
});

/** The largest value of each column in each row group, as far as there is one. */
function upperBounds(bytes: Uint8Array): unknown[][] {
  const { row_groups: groups } = parquetMetadata(Uint8Array.from(bytes).buffer);
  return groups.map(({ columns }) => columns.map(({ meta_data: metadata }) => metadata?.statistics?.max_value));
}

describe('A file that cannot be rewritten', () => {
  const schema = table({ id: 'long', name: 'string' });
  const fitting = () => write({ schema, rows: Array.from({ length: 100 }, (_, id) => [id, `row ${id}`]) });

  const cases: readonly (readonly [string, StructType, RegExp])[] = [
    ['with a column that the table lacks', table({ id: 'long' }), /columns that the table lacks: name/],
    ['with a name in another case', table({ ID: 'long', name: 'string' }), /"id" is called "ID" in the table/],
    [
      'of another type',
      table({ id: 'long', name: 'integer' }),
      /"name" is of type BYTE_ARRAY STRING: the table has integer/,
    ],
    ['of a wider type', table({ id: 'integer', name: 'string' }), /"id" is of type INT64: the table has integer/],
    [
      'that has a value where the table has a list',
      table({ id: arrayOf('long'), name: 'string' }),
      /"id" .* array<long>/,
    ],
  ];
  for (const [name, target, reason] of cases) {
    it(`is told by its footer: ${name}`, async () => {
      const { problems } = bindColumns(parseFooter(await fitting()), target);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', reason);
    });
  }

  it('may lose a column that the table lacks, if that is asked for', async () => {
    const bound = bindColumns(parseFooter(await fitting()), table({ id: 'long' }), { dropUnknown: true });
    assert.deepEqual([bound.problems, bound.unknown], [[], ['name']]);
  });

  it('is told by its pages, whichever of them is damaged', async () => {
    const bytes = await fitting();
    const { length } = parseFooter(bytes).bytes;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4, max: bytes.length - length - 9 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const damaged = Uint8Array.from(bytes);
          damaged[at] = (damaged[at] ?? 0) ^ flip;
          try {
            const rows = await rewrite([damaged], schema);
            assert.equal(rows.length, 100);
          } catch (error) {
            assert.ok(error instanceof UnfitFileError, String(error));
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is told when it has another size than the log says', async () => {
    const store = createMemoryStore();
    const bytes = await fitting();
    await store.put('f', bytes);
    await assert.rejects(openDataFile(store, 'f', bytes.length + 1), UnfitFileError);
    await assert.rejects(openDataFile(store, 'g', 100), /it is not there/);
    await store.put('f', Buffer.from('no parquet at all'));
    await assert.rejects(openDataFile(store, 'f', 17), UnfitFileError);
  });
});

async function* one(batch: RowBatch): AsyncGenerator<RowBatch> {
  yield batch;
}
