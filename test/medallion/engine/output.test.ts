import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isCompactedFile } from '../../../src/delta/path.ts';
import type { StructType } from '../../../src/delta/schema.ts';
import { isEngineError } from '../../../src/medallion/engine/errors.ts';
import type { WrittenFile } from '../../../src/medallion/engine.ts';
import { StoreError } from '../../../src/storage/object-store.ts';
import { structOf } from '../../cdf/cdf-world.ts';
import { CrashError, createFaultyStore } from '../../support/faulty-store.ts';
import { createTable, openSession, outputOf, relationOf, rowsOf } from './engine-world.ts';

const RANGE = structOf({ id: 'long', part: 'string' });

function statsOf(file: WrittenFile | undefined) {
  return JSON.parse(file?.stats ?? '{}');
}

/** The schema with columns that are not nullable. */
function required(schema: StructType, ...names: readonly string[]): StructType {
  return { ...schema, fields: schema.fields.map((field) => ({ ...field, nullable: !names.includes(field.name) })) };
}

describe('an output', () => {
  it('is split into files of about a size, sorted in themselves and between each other', async () => {
    const session = await openSession();
    const table = createTable();
    const schema = structOf({ id: 'long', text: 'string' });
    const sql = `SELECT (i * 7919) % 1000003 AS id, md5(CAST(i AS VARCHAR)) AS text FROM range(500000) t(i)`;
    const files = await session.write(outputOf(table, schema, sql, { targetFileBytes: 4_000_000, sortBy: ['id'] }));
    assert.ok(files.length >= 3 && files.length <= 6, `${files.length} files`);
    assert.equal(
      files.reduce((sum, { rows }) => sum + rows, 0),
      500_000,
    );
    const ranges = files
      .map((file) => [statsOf(file).minValues.id, statsOf(file).maxValues.id])
      .sort((a, b) => a[0] - b[0]);
    for (const [index, [min]] of ranges.entries()) assert.ok(index === 0 || min > (ranges[index - 1]?.[1] ?? 0));
    for (const { path, size } of files) {
      assert.match(path, /^resaca-step-[0-9a-f-]{36}\.zstd\.parquet$/);
      // The append function leaves it alone, and a vacuum deletes it where no commit names it.
      assert.equal(isCompactedFile(`lake/people/${path}`), true);
      assert.equal((await table.store.head(`${table.root}/${path}`))?.size, size);
    }
  });

  it('is put into the folders of its partitions, whose values are those of the log', async () => {
    const session = await openSession();
    const table = createTable();
    const schema = structOf({
      id: 'long',
      day: 'date',
      at: 'timestamp',
      name: 'string',
      price: 'decimal(6,2)',
      x: 'double',
    });
    const values = [
      "(1, DATE '2026-11-30', TIMESTAMPTZ '2026-11-30 12:00:00.5+00', 'a b/ü%=', 1.5, 0.1)",
      "(2, DATE '2026-11-30', TIMESTAMPTZ '2026-11-30 12:00:00.5+00', 'a b/ü%=', 1.5, 0.1)",
      '(3, NULL, NULL, NULL, NULL, NULL)',
      "(4, DATE '1492-10-12', TIMESTAMPTZ '1500-01-01', '', -0.01, 'NaN'::DOUBLE)",
    ];
    const sql = `SELECT id, day, "at", name, price, CAST(x AS DOUBLE) AS x FROM (VALUES ${values.join(', ')}) t(id, day, "at", name, price, x)`;
    const partitionColumns = ['day', 'at', 'name', 'price', 'x'];
    const files = await session.write(outputOf(table, schema, sql, { partitionColumns, folder: '_change_data' }));
    const found = new Map(files.map((file) => [file.partitionValues.day ?? null, file]));
    assert.equal(files.length, 3);
    const file = found.get('2026-11-30');
    assert.deepEqual(file?.partitionValues, {
      day: '2026-11-30',
      at: '2026-11-30T12:00:00.500000Z',
      name: 'a b/ü%=',
      price: '1.50',
      x: '0.1',
    });
    const folder =
      '_change_data/day=2026-11-30/at=2026-11-30T12%3A00%3A00.500000Z/name=a b%2Fü%25%3D/price=1.50/x=0.1/';
    const keys: string[] = [];
    for await (const { key } of table.store.list(table.root)) keys.push(key);
    assert.ok(
      keys.some((key) => key.startsWith(`${table.root}/${folder}resaca-step-`)),
      keys.join('\n'),
    );
    assert.equal(decodeURIComponent(file?.path ?? '').startsWith(folder), true);
    assert.deepEqual(statsOf(file), {
      numRecords: 2,
      minValues: { id: 1 },
      maxValues: { id: 2 },
      nullCount: { id: 0 },
    });
    assert.deepEqual(found.get(null)?.partitionValues, { day: null, at: null, name: null, price: null, x: null });
    assert.deepEqual(found.get('1492-10-12')?.partitionValues, {
      day: '1492-10-12',
      at: '1500-01-01T00:00:00.000000Z',
      name: null,
      price: '-0.01',
      x: 'NaN',
    });
    const back = await openSession();
    const relation = files.map(({ path, size, partitionValues }) => {
      const rows = { kind: 'all' } as const;
      return { table, path: decodeURIComponent(path), size, partitionValues, rows, constants: {} };
    });
    await back.addRelation(relationOf(schema, relation, { partitionColumns }));
    assert.deepEqual(await rowsOf(back, 'SELECT id, name, x FROM source ORDER BY id'), [
      [1n, 'a b/ü%=', 0.1],
      [2n, 'a b/ü%=', 0.1],
      [3n, null, null],
      [4n, null, Number.NaN],
    ]);
  });

  it('may have many partitions', async () => {
    const session = await openSession();
    const sql = "SELECT i AS id, 'p' || (i % 300) AS part FROM range(30000) t(i)";
    const files = await session.write(outputOf(createTable(), RANGE, sql, { partitionColumns: ['part'] }));
    assert.equal(files.length, 300);
    assert.ok(files.every(({ rows }) => rows === 100));
  });

  it('has the statistics that its table asks for, and no greatest value where there is a NaN', async () => {
    const session = await openSession();
    const schema = structOf({ a: 'double', b: 'double', c: 'long' });
    const sql = "SELECT CAST('NaN' AS DOUBLE) AS a, 1.5::DOUBLE AS b, 1::BIGINT AS c UNION ALL SELECT 1.0, 2.5, 2";
    const [plain] = await session.write(outputOf(createTable(), schema, sql));
    assert.deepEqual(statsOf(plain), {
      numRecords: 2,
      minValues: { b: 1.5, c: 1 },
      maxValues: { b: 2.5, c: 2 },
      nullCount: { a: 0, b: 0, c: 0 },
    });
    const statistics = {
      configuration: { 'delta.dataSkippingNumIndexedCols': '0' },
      clusteringColumns: [['c']],
      tightBounds: true,
    };
    const [clustered] = await session.write(outputOf(createTable(), schema, sql, { statistics }));
    assert.deepEqual(statsOf(clustered), {
      numRecords: 2,
      minValues: { c: 1 },
      maxValues: { c: 2 },
      nullCount: { c: 0 },
      tightBounds: true,
    });
  });

  it('is refused with columns that are not those of the table, each named', async () => {
    const session = await openSession();
    const schema = structOf({ a: 'integer', b: 'string', c: 'date', d: structOf({ x: 'long' }), e: 'decimal(5,1)' });
    const sql = "SELECT 1.5::DOUBLE AS a, 1 AS b, {'x': 1, 'y': 2} AS d, 1.25 AS e, 1 AS f";
    const error = await session.write(outputOf(createTable(), schema, sql)).catch((caught: unknown) => caught);
    assert.ok(isEngineError(error, 'TYPE'));
    assert.deepEqual(error.data.problems, [
      'its column "a" is double, expected integer: cast it',
      'its column "b" is integer, expected string: cast it',
      'it has no column "c"',
      'its column "d" is struct<x: integer, y: integer>, expected struct<x: long>: cast it',
      'its column "e" is decimal(3,2), expected decimal(5,1): cast it',
      'it has the column "f" too many',
    ]);
    await assert.rejects(
      session.write(outputOf(createTable(), structOf({ a: 'string' }), "SELECT TIME '10:00' AS a")),
      (error) => isEngineError(error, 'TYPE') && /"a" is of type TIME, which Delta has not/.test(error.message),
    );
    await assert.rejects(
      session.write(outputOf(createTable(), structOf({ a: 'string' }), "SELECT 'x' AS a", { partitionColumns: ['a'] })),
      (error) => isEngineError(error, 'TYPE') && /no columns but those of partitions/.test(error.message),
    );
  });

  it('has what fits its types, wider ones included', async () => {
    const session = await openSession();
    const schema = structOf({
      sum: 'long',
      small: 'byte',
      big: 'decimal(20,0)',
      none: 'date',
      at: 'timestamp',
      list: { type: 'array', elementType: 'long', containsNull: true },
    });
    const sql = `SELECT sum(i) AS sum, max(i) AS small, 18446744073709551615::UBIGINT AS big, NULL::DATE AS none,
      TIMESTAMP '2026-11-30 12:00:00' AS "at", [1, NULL] AS list FROM range(100) t(i)`;
    const [file] = await session.write(outputOf(createTable(), schema, sql));
    assert.match(
      file?.stats ?? '',
      /"minValues":\{"sum":4950,"small":99,"big":18446744073709551615,"at":"2026-11-30T12:00:00.000Z"\}/,
    );
    await assert.rejects(
      session.write(outputOf(createTable(), structOf({ a: 'byte' }), 'SELECT i AS a FROM range(200) t(i)')),
      (error) => isEngineError(error, 'CAST') && error.data.table === 's3://bucket/lake/people',
    );
  });

  it('is refused for nulls in columns that must not have any', async () => {
    const session = await openSession();
    const table = createTable();
    const sql = "SELECT i AS id, CASE WHEN i = 7 THEN NULL ELSE 'x' END AS part FROM range(10) t(i)";
    await assert.rejects(
      session.write(outputOf(table, required(RANGE, 'id', 'part'), sql)),
      (error) => isEngineError(error, 'NULL_VALUE') && /must not be null: part$/.test(error.message),
    );
    assert.equal((await session.write(outputOf(table, required(RANGE, 'id'), sql))).length, 1);
  });

  it('leaves files behind that nothing names, and none on the disk, when the store fails', async () => {
    const session = await openSession();
    const table = createTable();
    for (const kind of ['unavailable', 'crash'] as const) {
      const store = createFaultyStore(table.store, ({ method, number }) =>
        method === 'put' && number > 2 ? { when: 'before', kind } : undefined,
      );
      const sql = "SELECT i AS id, 'p' || (i % 5) AS part FROM range(100) t(i)";
      await assert.rejects(
        session.write(outputOf({ ...table, store }, RANGE, sql, { partitionColumns: ['part'] })),
        (error) => (kind === 'crash' ? error instanceof CrashError : error instanceof StoreError),
      );
      assert.deepEqual(readdirSync(session.folder).length, 1);
      const [own = ''] = readdirSync(session.folder);
      assert.deepEqual(
        readdirSync(`${session.folder}/${own}`).filter((name) => name !== 'spill'),
        [],
      );
    }
  });

  it('is refused for values that are no partition', async () => {
    const session = await openSession();
    const schema = structOf({ id: 'long', day: 'date' });
    const sql = "SELECT 1 AS id, DATE '12026-01-01' AS day";
    await assert.rejects(
      session.write(outputOf(createTable(), schema, sql, { partitionColumns: ['day'] })),
      (error) => isEngineError(error, 'CAST') && /"12026-01-01" of the partition column "day"/.test(error.message),
    );
  });
});
