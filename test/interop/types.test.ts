import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  decimalOf,
  type PrimitiveType,
  parseSchema,
  type StructType,
  serializeSchema,
} from '../../src/delta/schema.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { countingEngines } from '../support/interop/counts.ts';
import type { Value } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import type { Predicate } from '../support/interop/predicate.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import {
  newColumns,
  otherColumns,
  parquetSchema,
  type RawValue,
  type ReadableCase,
  refusedColumns,
  structField,
  widerColumns,
} from '../support/interop/type-cases.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();
const pipeline = createPipeline(createFolderStore(folder));

describe('Parquet types', { skip: found.skip ?? false }, () => {
  it('are declared as Delta types that every reader reads with the right values', async () => {
    const { spark, deltaRs } = enginesOf(found);
    const table = join(folder, 'new');
    const rows = rawRows(newColumns);
    await spark.call('writeExact', { path: join(table, 'file.parquet'), schema: parquetSchema(newColumns), rows });
    await pipeline.append('new/file.parquet');

    assert.deepEqual(await pipeline.quarantined('new'), []);
    const declared: StructType = {
      type: 'struct',
      fields: [structField('id', 'long'), ...newColumns.map(({ name, type }) => structField(name, type))],
    };
    for (const engine of [spark, deltaRs]) {
      const { schema } = (await engine.call('schema', { table })) as { schema: string };
      assert.equal(serializeSchema(parseSchema(schema)), serializeSchema(declared));
    }
    await assertRows(enginesOf(found), table, { columns: columnNames(newColumns), rows: expectedRows(newColumns) });
  });

  it('may be narrower than the column of the table they land in', async () => {
    const { spark, writers } = enginesOf(found);
    const table = join(folder, 'wider');
    const columns = widerColumns.map(({ name, type, values }) => ({ name, type, values: [values[0]?.[1] ?? null] }));
    const id = { name: 'id', type: 'long', values: ['-1'] };
    await writers.call('write', { path: join(table, 'first.parquet'), columns: [id, ...columns] });
    await pipeline.append('wider/first.parquet');
    const rows = rawRows(widerColumns);
    await spark.call('writeExact', { path: join(table, 'second.parquet'), schema: parquetSchema(widerColumns), rows });
    await pipeline.append('wider/second.parquet');

    assert.deepEqual(await pipeline.quarantined('wider'), []);
    await assertRows(enginesOf(found), table, {
      columns: columnNames(widerColumns),
      rows: [['-1', ...widerColumns.map(({ values }) => values[0]?.[1] ?? null)], ...expectedRows(widerColumns)],
    });
  });

  it('are found by what they are compared with, in whatever precision that is', async () => {
    const predicates = widerColumns.flatMap(predicatesOf);
    for (const { name, counts, fullCounts } of countingEngines(enginesOf(found))) {
      const table = join(folder, 'wider');
      const [found, expected] = [await counts(table, predicates), await fullCounts(table, predicates)];
      const different = predicates.filter((_, index) => found[index] !== expected[index]);
      assert.deepEqual(different, [], name);
    }
  });

  for (const { name, field, value, reason } of refusedColumns) {
    it(`put a file with ${name} into quarantine`, async () => {
      const path = join(folder, 'refused', name, 'file.parquet');
      const schema = parquetSchema([{ name, field }]);
      await enginesOf(found).spark.call('writeExact', { path, schema, rows: [{ id: 1, [name]: value }] });
      await pipeline.append(`refused/${name}/file.parquet`);

      const [record, ...others] = await pipeline.quarantined(`refused/${name}`);
      assert.equal(record?.reason, reason);
      assert.match(record.detail, new RegExp(`\\b${name}\\b`));
      assert.deepEqual(others, []);
    });
  }

  it('put a file into quarantine for each column of a type that the table has otherwise', async () => {
    const { spark, writers } = enginesOf(found);
    const columns = otherColumns.map(({ name, type, values }) => ({ name, type, values: [values[0]?.[1] ?? null] }));
    await writers.call('write', { path: join(folder, 'other/first.parquet'), columns });
    await pipeline.append('other/first.parquet');
    for (const { name, field, values } of otherColumns) {
      const path = join(folder, 'other', `${name}.parquet`);
      const schema = parquetSchema([{ name, field }]);
      await spark.call('writeExact', { path, schema, rows: [{ id: 1, [name]: values[0]?.[0] ?? null }] });
    }
    await pipeline.append(...otherColumns.map(({ name }) => `other/${name}.parquet`));

    const taken = new Set(otherColumns.map(({ name }) => name));
    for (const { path } of await pipeline.quarantined('other')) taken.delete(path.replace('.parquet', ''));
    assert.deepEqual([...taken], []);
  });

  it('include the INT96 timestamps of Spark, and no others', async () => {
    const { spark, writers } = enginesOf(found);
    const moments = ['2024-03-10 12:34:56.789123', '1969-12-31 23:59:59.999999', null];
    const source = join(folder, 'int96-source.parquet');
    await writers.call('write', { path: source, columns: [{ name: 'at', type: 'timestamp', values: moments }] });
    await spark.call('sql', { statement: 'SET spark.sql.parquet.outputTimestampType = INT96' });
    await spark.call('rewrite', { source, target: join(folder, 'int96/spark.parquet') });
    await spark.call('sql', { statement: 'RESET spark.sql.parquet.outputTimestampType' });
    await pipeline.append('int96/spark.parquet');

    assert.deepEqual(await pipeline.quarantined('int96'), []);
    const rows = moments.map((moment) => [moment]);
    await assertRows(enginesOf(found), join(folder, 'int96'), { columns: ['at'], rows });
  });

  for (const [name, options] of Object.entries({
    BROTLI: { compression: 'brotli' },
    BYTE_STREAM_SPLIT: { use_dictionary: false, column_encoding: { v: 'BYTE_STREAM_SPLIT' } },
  })) {
    it(`put a file with ${name} into quarantine, which Spark does not read`, async () => {
      const columns = [{ name: 'v', type: 'double', values: ['1.5', null] }];
      await enginesOf(found).writers.call('write', { path: join(folder, name, 'file.parquet'), columns, options });
      await pipeline.append(`${name}/file.parquet`);
      const [record] = await pipeline.quarantined(name);
      assert.match(record?.detail ?? 'no record', new RegExp(name));
    });
  }
});

/** Comparisons with the values of a column and with the largest and smallest that its type in the table can hold. */
function predicatesOf({ name, type, values }: ReadableCase): Predicate[] {
  if (typeof type !== 'string') return [];
  const largest = LARGEST[type] ?? decimalLimit(type);
  if (largest === undefined) return [];
  const texts = [...values.map(([, value]) => String(value)), largest, `-${largest}`];
  return (['=', '<', '>'] as const).flatMap((operator) =>
    texts.map((value) => ({ column: [name], type, operator, value })),
  );
}

const LARGEST: Readonly<Partial<Record<PrimitiveType, string>>> = {
  byte: '127',
  short: '32767',
  integer: '2147483647',
  long: '9223372036854775807',
};

function decimalLimit(type: PrimitiveType): string | undefined {
  const decimal = decimalOf(type);
  if (decimal === undefined) return undefined;
  const { precision, scale } = decimal;
  return scale === 0 ? '9'.repeat(precision) : `${'9'.repeat(precision - scale)}.${'9'.repeat(scale)}`;
}

/** As many rows as the longest column has values, and one with nulls. */
function rawRows(columns: readonly ReadableCase[]): Record<string, RawValue>[] {
  return rowsOf(columns, (_values, index) => _values[index]?.[0] ?? null).map(([id, ...cells]) =>
    Object.fromEntries([['id', Number(id)], ...columns.map(({ name }, index) => [name, cells[index] ?? null])]),
  );
}

function expectedRows(columns: readonly ReadableCase[]): Value[][] {
  return rowsOf(columns, (values, index) => values[index]?.[1] ?? null).map(([id, ...cells]) => [String(id), ...cells]);
}

function rowsOf<T>(
  columns: readonly ReadableCase[],
  cell: (values: ReadableCase['values'], index: number) => T,
): [number, ...T[]][] {
  const count = Math.max(...columns.map(({ values }) => values.length)) + 1;
  return Array.from({ length: count }, (_, index) => [index, ...columns.map(({ values }) => cell(values, index))]);
}

function columnNames(columns: readonly ReadableCase[]): string[] {
  return ['id', ...columns.map(({ name }) => name)];
}
