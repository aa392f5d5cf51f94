import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { DataType, StructType } from '../../src/delta/schema.ts';
import { rowJson } from '../../src/medallion/quality/row-json.ts';

/** A value, what it is in the JSON, and how docs/medallion.md has it read back. */
const VALUES: readonly (readonly [name: string, type: DataType, sql: string, json: unknown, back: string])[] = [
  ['a/b~c', 'double', "'NaN'::DOUBLE", 'NaN', `CAST("row"->>'$."a/b~c"' AS DOUBLE)`],
  ['float', 'float', "'-inf'::FLOAT", '-Infinity', `CAST("row"->>'float' AS FLOAT)`],
  ['finite', 'double', '1.5::DOUBLE', 1.5, `CAST("row"->>'finite' AS DOUBLE)`],
  [
    'wide',
    'decimal(38,2)',
    '12345678901234567890123.12::DECIMAL(38,2)',
    '12345678901234567890123.12',
    `CAST("row"->>'wide' AS DECIMAL(38,2))`,
  ],
  ['bytes', 'binary', "'\\xAA\\x00b'::BLOB", 'qgBi', `from_base64("row"->>'bytes')`],
  ['text', 'string', "'it''s \"NaN\"'", 'it\'s "NaN"', `"row"->>'text'`],
  ['long', 'long', '42::BIGINT', 42, `CAST("row"->>'long' AS BIGINT)`],
  [
    'time',
    'timestamp',
    "'2020-01-01 00:00:00.123456+00'::TIMESTAMPTZ",
    '2020-01-01 00:00:00.123456+00',
    `CAST("row"->>'time' AS TIMESTAMPTZ)`,
  ],
  ['day', 'date', "DATE '1492-10-12'", '1492-10-12', `CAST("row"->>'day' AS DATE)`],
  [
    'list',
    { type: 'array', elementType: { type: 'array', elementType: 'double', containsNull: true }, containsNull: true },
    "[['inf'::DOUBLE, NULL], NULL]",
    [['Infinity', null], null],
    `CAST("row"->'list' AS DOUBLE[][])`,
  ],
  [
    'map',
    { type: 'map', keyType: 'string', valueType: 'binary', valueContainsNull: true },
    "MAP {'k': '\\xAA\\x00b'::BLOB}",
    { k: 'qgBi' },
    `map_from_entries([(e.key, from_base64(e.value)) FOR e IN map_entries(CAST("row"->'map' AS MAP(VARCHAR, VARCHAR)))])`,
  ],
  [
    'struct',
    { type: 'struct', fields: [{ name: 'x y', type: 'double', nullable: true, metadata: {} }] },
    "{'x y': 'NaN'::DOUBLE}",
    { 'x y': 'NaN' },
    `CAST("row"->'struct' AS STRUCT("x y" DOUBLE))`,
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

  for (const [name, type, value, json, back] of VALUES) {
    it(`has a value that is the same when it is read back: ${name}`, async () => {
      const row: StructType = { type: 'struct', fields: [{ name, type, nullable: true, metadata: {} }] };
      const from = `(SELECT * FROM (VALUES (${value}), (NULL)) AS v("${name}"))`;
      const texts = `SELECT ${rowJson(row)} AS "row" FROM ${from}`;
      assert.deepEqual(
        (await rowsOf(texts)).map(([text]) => JSON.parse(String(text))),
        [{ [name]: json }, { [name]: null }],
      );
      assert.deepEqual(await rowsOf(`SELECT ${back} FROM (${texts}) EXCEPT ALL SELECT * FROM ${from}`), []);
    });
  }
});
