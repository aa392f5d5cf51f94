import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asNullable, type DataType, type StructType } from '../../src/delta/schema.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import { deltaSchema } from '../../src/parquet/schema.ts';
import type { LeafNode } from '../../src/parquet/schema-node.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { type ParquetWriteOptions, RowWriter } from '../../src/parquet/write/row-writer.ts';
import { primitives, type SchemaAndRows, schemasAndRows, types } from '../support/arbitrary-rows.ts';
import { arrayOf, mapOf, struct, structField } from '../support/interop/type-cases.ts';
import { type PlainRow, plainRow, readRows, readRowsByHyparquet } from '../support/parquet-values.ts';

async function write(
  schema: StructType,
  rows: Iterable<readonly CellValue[]>,
  options: ParquetWriteOptions = {},
): Promise<Uint8Array> {
  const writer = new RowWriter(schema);
  for (const row of rows) writer.append(row);
  return writer.finish(options);
}

function table(columns: Readonly<Record<string, DataType>>): StructType {
  return { type: 'struct', fields: Object.entries(columns).map(([name, type]) => structField(name, type)) };
}

function plainRows({ schema, rows }: SchemaAndRows): PlainRow[] {
  return rows.map((row) => plainRow(schema, row));
}

/** Of few rows a row group, so that files have several. */
const writeOptions: fc.Arbitrary<ParquetWriteOptions> = fc.record({
  compression: fc.constantFrom('zstd', 'snappy', 'uncompressed'),
  maxRowGroupRows: fc.constantFrom(7, 16, 1000),
  dictionary: fc.boolean(),
});

describe('A row writer', () => {
  it('writes what hyparquet reads back, for flat columns of every type', async () => {
    await fc.assert(
      fc.asyncProperty(schemasAndRows(primitives), writeOptions, async (written, options) => {
        const bytes = await write(written.schema, written.rows, options);
        assert.deepEqual(await readRowsByHyparquet(bytes, written.schema), plainRows(written));
      }),
      { numRuns: 60 },
    );
  });

  it('writes what Arrow reads back, for columns nested in any way', async () => {
    await fc.assert(
      fc.asyncProperty(schemasAndRows(types), writeOptions, async (written, options) => {
        const bytes = await write(written.schema, written.rows, options);
        assert.deepEqual(readRows(bytes, written.schema), plainRows(written));
      }),
      { numRuns: 150 },
    );
  });

  it('writes a footer that declares the schema', async () => {
    await fc.assert(
      fc.asyncProperty(schemasAndRows(types), async ({ schema, rows }) => {
        const footer = parseFooter(await write(schema, rows, { maxRowGroupRows: 7 }));
        assert.deepEqual(deltaSchema(footer), asNullable(schema));
        assert.equal(footer.rowCount, rows.length);
        for (const [index, field] of schema.fields.entries()) {
          assert.equal(footer.root.children[index]?.repetition, field.nullable ? 'OPTIONAL' : 'REQUIRED');
        }
      }),
      { numRuns: 100 },
    );
  });

  it('writes the Parquet types that docs/types.md names', async () => {
    const footer = parseFooter(
      await write(
        table({
          byte: 'byte',
          short: 'short',
          date: 'date',
          timestamp: 'timestamp',
          local: 'timestamp_ntz',
          small: 'decimal(9,2)',
          medium: 'decimal(18,2)',
          large: 'decimal(38,2)',
          list: arrayOf('integer'),
          map: mapOf('string', 'long'),
        }),
        [],
      ),
    );
    assert.deepEqual(footer.columns.map(describeLeaf), [
      'byte INT32 {"kind":"INTEGER","bits":8,"signed":true}',
      'short INT32 {"kind":"INTEGER","bits":16,"signed":true}',
      'date INT32 {"kind":"DATE"}',
      'timestamp INT64 {"kind":"TIMESTAMP","utc":true,"unit":"MICROS"}',
      'local INT64 {"kind":"TIMESTAMP","utc":false,"unit":"MICROS"}',
      'small INT32 {"kind":"DECIMAL","precision":9,"scale":2}',
      'medium INT64 {"kind":"DECIMAL","precision":18,"scale":2}',
      'large FIXED_LEN_BYTE_ARRAY {"kind":"DECIMAL","precision":38,"scale":2}',
      'list.list.element INT32 none',
      'map.key_value.key BYTE_ARRAY {"kind":"STRING"}',
      'map.key_value.value INT64 none',
    ]);
    assert.equal(footer.columns.at(-2)?.repetition, 'REQUIRED');
  });

  it('writes a file without rows', async () => {
    const schema = table({ id: 'long', list: arrayOf(struct({ a: 'double' })) });
    const bytes = await write(schema, []);
    assert.equal(parseFooter(bytes).rowCount, 0);
    assert.deepEqual(deltaSchema(parseFooter(bytes)), schema);
    assert.deepEqual(await readRowsByHyparquet(bytes, schema), []);
  });

  it('writes columns that are null in every row', async () => {
    const types: DataType[] = ['string', 'boolean', 'long', 'decimal(20,2)', 'double'];
    const nested = [arrayOf('string'), mapOf('string', 'long'), struct({ a: 'long', b: arrayOf('date') })];
    const schema = table(Object.fromEntries([...types, ...nested].map((type, index) => [`c${index}`, type])));
    const rows = Array.from({ length: 100 }, () => schema.fields.map(() => null));
    assert.deepEqual(readRows(await write(schema, rows), schema), rows);
  });

  it('keeps the repeated keys of a map, and the order of its entries', async () => {
    const schema = table({ map: mapOf('string', 'long') });
    const pairs = [
      ['b', 1],
      ['a', null],
      ['b', 3],
    ] as const;
    const written = { schema, rows: [[pairs], [new Map([['z', 9]])], [[]]] };
    assert.deepEqual(readRows(await write(schema, written.rows), schema), plainRows(written));
  });

  it('takes only own properties for the fields of a struct', async () => {
    const names = ['constructor', 'toString', '__proto__'];
    const fields = names.map((name) => structField(name, 'string'));
    const schema = table({ s: { type: 'struct', fields } });
    const texts = ['{}', '{"constructor":"a","__proto__":"b"}'];
    const rows = texts.map((text) => [JSON.parse(text)]);
    const stored = readRows(await write(schema, rows), schema).map(([s]) => JSON.stringify(s));
    assert.deepEqual(stored, [
      '{"constructor":null,"toString":null,"__proto__":null}',
      '{"constructor":"a","toString":null,"__proto__":"b"}',
    ]);
  });

  it('writes 100,000 rows, several batches, in row groups of the size asked for', async () => {
    const schema = table({
      id: 'long',
      name: 'string',
      tags: arrayOf('string'),
      flags: mapOf('string', arrayOf('boolean')),
      score: 'double',
      at: 'timestamp',
    });
    const row = (id: number): CellValue[] => [
      id,
      id % 7 === 0 ? null : `name-${id % 1000}`,
      id % 3 === 0 ? null : Array.from({ length: id % 4 }, (_, index) => (index === 1 ? null : `tag ${id}/${index}`)),
      id % 5 === 0 ? new Map([[`${id}`, [id % 2 === 0, null, id % 3 === 0]]]) : [],
      id / 8,
      BigInt(id) * 1_000_001n,
    ];
    const rows = Array.from({ length: 100_000 }, (_, id) => row(id));
    const bytes = await write(schema, rows, { maxRowGroupRows: 30_000 });
    assert.deepEqual(
      parseFooter(bytes).rowGroups.map(({ rowCount }) => rowCount),
      [30_000, 30_000, 30_000, 10_000],
    );
    const [stored, expected] = [readRows(bytes, schema), plainRows({ schema, rows })];
    assert.equal(stored.length, expected.length);
    for (const [index, found] of stored.entries()) assert.deepEqual(found, expected[index]);
  });

  it('counts the bytes that it holds', () => {
    const writer = new RowWriter(table({ id: 'long', name: 'string', flag: 'boolean', list: arrayOf('integer') }));
    assert.equal(writer.byteSize, 0);
    for (let row = 0; row < 800; row++) writer.append([row, 'abcdé', true, [1, 2, 3]]);
    const [long, string, boolean, list] = [8, 6 + 4, 1 / 8, 4 + 3 * 4];
    assert.equal(writer.rowCount, 800);
    assert.equal(writer.byteSize, 800 * (long + string + boolean + list));
  });

  it('takes no row after the end', async () => {
    const writer = new RowWriter(table({ id: 'long' }));
    writer.append([1]);
    await writer.finish();
    assert.throws(() => writer.append([2]), /no row can be added/);
  });

  it('loads neither Arrow nor WebAssembly before a file is written', () => {
    const module = join(import.meta.dirname, '../../src/parquet/write/row-writer.ts');
    const script = `
      import { RowWriter } from ${JSON.stringify(module)};
      import { createRequire } from 'node:module';
      const loaded = () => Object.keys(createRequire(${JSON.stringify(module)}).cache).some((path) => path.includes('parquet-wasm'));
      const writer = new RowWriter({ type: 'struct', fields: [{ name: 'id', type: 'long', nullable: true, metadata: {} }] });
      writer.append([1]);
      const before = loaded();
      await writer.finish();
      console.log(before, loaded());`;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    assert.equal(output.trim(), 'false true');
  });
});

function describeLeaf({ path, physical, logical }: LeafNode): string {
  return `${path.join('.')} ${physical} ${logical === undefined ? 'none' : JSON.stringify(logical)}`;
}
