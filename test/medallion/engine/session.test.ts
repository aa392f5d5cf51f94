import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isEngineError } from '../../../src/medallion/engine/errors.ts';
import { structOf } from '../../cdf/cdf-world.ts';
import { createTable, openSession, outputOf, putFile, relationOf, rowsOf, statement } from './engine-world.ts';

const PEOPLE = structOf({ id: 'long', name: 'string' });

describe('a session of the engine', () => {
  it('reads files, computes, and writes files with statistics', async () => {
    const table = createTable();
    const files = [
      await putFile(table, 'a.parquet', {
        schema: PEOPLE,
        rows: [
          [1n, 'Ann'],
          [2n, 'Bob'],
        ],
      }),
      await putFile(table, 'b.parquet', { schema: PEOPLE, rows: [[3n, null]] }),
    ];
    const session = await openSession();
    await session.addRelation(relationOf(PEOPLE, files));
    await session.addStatement(statement('grown', 'SELECT id + 1 AS id, upper(name) AS name FROM source', true));
    assert.deepEqual(await session.describe('SELECT * FROM grown'), PEOPLE);
    assert.deepEqual(await rowsOf(session, 'SELECT count(*) AS n FROM grown'), [[3n]]);
    const target = createTable('lake/grown');
    const [file, ...others] = await session.write(
      outputOf(target, PEOPLE, 'SELECT name, id FROM grown', { sortBy: ['id'] }),
    );
    assert.deepEqual(others, []);
    assert.equal(file?.rows, 3);
    assert.deepEqual(JSON.parse(file.stats), {
      numRecords: 3,
      minValues: { id: 2, name: 'ANN' },
      maxValues: { id: 4, name: 'BOB' },
      nullCount: { id: 0, name: 1 },
    });
    const back = await openSession();
    await back.addRelation(
      relationOf(PEOPLE, [
        { table: target, path: file.path, size: file.size, partitionValues: {}, rows: { kind: 'all' }, constants: {} },
      ]),
    );
    assert.deepEqual(await rowsOf(back, 'SELECT * FROM source'), [
      [2n, 'ANN'],
      [3n, 'BOB'],
      [4n, null],
    ]);
  });

  it('has nothing left on the disk once it is closed', async () => {
    const table = createTable();
    const session = await openSession();
    await session.addRelation(
      relationOf(PEOPLE, [await putFile(table, 'a.parquet', { schema: PEOPLE, rows: [[1n, 'Ann']] })]),
    );
    await session.close();
    await session.close();
    assert.deepEqual(readdirSync(session.folder), []);
  });

  it('writes no file for no rows', async () => {
    const session = await openSession();
    await session.addRelation(relationOf(PEOPLE, []));
    assert.deepEqual(await session.describe('SELECT * FROM source'), PEOPLE);
    assert.deepEqual(await session.write(outputOf(createTable(), PEOPLE, 'SELECT * FROM source')), []);
    const partitioned = { partitionColumns: ['name'] };
    assert.deepEqual(await session.write(outputOf(createTable(), PEOPLE, 'SELECT * FROM source', partitioned)), []);
  });

  it('takes one SELECT and nothing else', async () => {
    const session = await openSession();
    const refused = [
      'SELECT 1 AS a; SELECT 2 AS a',
      'CREATE TABLE t AS SELECT 1 AS a',
      "SELECT 1 AS a) TO '/tmp/x.parquet'; --",
      'SELECT a FROM nowhere',
      'SELEC 1',
      "SELECT * FROM read_text('/etc/hostname')",
      "COPY (SELECT 1) TO '/tmp/x.parquet'",
      "ATTACH '/tmp/x.db'",
      'SET threads = 8',
      'SELECT ? AS a',
      'SELECT 1 AS a, 2 AS A',
    ];
    for (const sql of refused) {
      await assert.rejects(
        session.write(outputOf(createTable(), structOf({ a: 'integer' }), sql)),
        (error) => isEngineError(error, 'SQL'),
        sql,
      );
    }
  });
});
