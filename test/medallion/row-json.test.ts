import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { DataType, StructType } from '../../src/delta/schema.ts';
import { columnOfJson, rowJson } from '../../src/medallion/quality/row-json.ts';

const VALUES: readonly (readonly [name: string, type: DataType, sql: string, json: unknown])[] = [
  ['a/b~c', 'double', "'NaN'::DOUBLE", 'NaN'],
  ['float', 'float', "'-inf'::FLOAT", '-Infinity'],
  ['finite', 'double', '1.5::DOUBLE', 1.5],
  ['wide', 'decimal(38,2)', '12345678901234567890123.12::DECIMAL(38,2)', '12345678901234567890123.12'],
  ['bytes', 'binary', "'\\xAA\\x00b'::BLOB", 'qgBi'],
  ['text', 'string', "'it''s \"NaN\"'", 'it\'s "NaN"'],
  ['long', 'long', '42::BIGINT', 42],
  ['time', 'timestamp', "'2020-01-01 00:00:00.123456+00'::TIMESTAMPTZ", '2020-01-01 00:00:00.123456+00'],
  ['day', 'date', "DATE '1492-10-12'", '1492-10-12'],
  [
    'list',
    { type: 'array', elementType: { type: 'array', elementType: 'double', containsNull: true }, containsNull: true },
    "[['inf'::DOUBLE, NULL], NULL]",
    [['Infinity', null], null],
  ],
  [
    'map',
    { type: 'map', keyType: 'string', valueType: 'binary', valueContainsNull: true },
    "MAP {'k': '\\xAA\\x00b'::BLOB}",
    { k: 'qgBi' },
  ],
  [
    'struct',
    { type: 'struct', fields: [{ name: 'x y', type: 'double', nullable: true, metadata: {} }] },
    "{'x y': 'NaN'::DOUBLE}",
    { 'x y': 'NaN' },
  ],
];

describe('a row as JSON', () => {
  let connection: DuckDBConnection;
  before(async () => {
    connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run("SET TimeZone = 'UTC'");
  });
  after(() => connection.closeSync());
  const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();

  for (const [name, type, value, json] of VALUES) {
    it(`has a value that is the same when it is read back: ${name}`, async () => {
      const row: StructType = { type: 'struct', fields: [{ name, type, nullable: true, metadata: {} }] };
      const from = `(SELECT * FROM (VALUES (${value}), (NULL)) AS v("${name}"))`;
      const texts = (await rowsOf(`SELECT ${rowJson(row)} FROM ${from}`)).map(([text]) => JSON.parse(String(text)));
      assert.deepEqual(texts, [{ [name]: json }, { [name]: null }]);
      const back = `SELECT ${columnOfJson('"row"', name, type)} FROM (SELECT ${rowJson(row)} AS "row" FROM ${from})`;
      assert.deepEqual(await rowsOf(`${back} EXCEPT ALL SELECT * FROM ${from}`), []);
    });
  }

  it('has null for a column that it lacks, and no value of another type', async () => {
    assert.deepEqual(await rowsOf(`SELECT ${columnOfJson("'{}'", 'a', 'long')}`), [[null]]);
    await assert.rejects(rowsOf(`SELECT ${columnOfJson(`'{"a":"x"}'`, 'a', 'long')}`), /"x"/);
  });
});
