import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isEngineError } from '../../../src/medallion/engine/errors.ts';
import { parseFooter } from '../../../src/parquet/footer.ts';
import { deltaSchema } from '../../../src/parquet/schema.ts';
import { structOf } from '../../cdf/cdf-world.ts';
import { vectorOf } from '../../support/deletion-vectors.ts';
import {
  createTable,
  openSession,
  outputOf,
  putBytes,
  putFile,
  relationOf,
  rowsOf,
  statement,
} from './engine-world.ts';

const PEOPLE = structOf({ id: 'long', name: 'string' });
const FIXTURES = join(import.meta.dirname, '../../fixtures/parquet');

const ROWS = [0n, 1n, 2n, 3n].map((id) => [id, `row ${id}`]);

describe('a relation', () => {
  it('has the columns of its schema in its order and of its types, whatever those of the files are', async () => {
    const table = createTable();
    const files = [
      await putFile(table, 'a.parquet', { schema: structOf({ b: 'integer', a: 'string' }), rows: [[1, 'x']] }),
      await putFile(table, 'b.parquet', { schema: structOf({ a: 'string', unknown: 'date' }), rows: [['y', 3]] }),
      await putFile(table, 'c.parquet', {
        schema: structOf({ nested: structOf({ y: 'string', x: 'short' }) }),
        rows: [[{ y: 'why', x: 5 }], [null]],
      }),
    ];
    const schema = structOf({ a: 'string', b: 'long', nested: structOf({ x: 'long', z: 'date', y: 'string' }) });
    const session = await openSession();
    await session.addRelation(relationOf(schema, files));
    assert.deepEqual(await session.describe('SELECT * FROM source'), schema);
    assert.deepEqual(
      await rowsOf(
        session,
        'SELECT a, b, CAST(nested AS VARCHAR) AS n FROM source ORDER BY a NULLS LAST, n NULLS LAST',
      ),
      [
        ['x', 1n, null],
        ['y', null, null],
        [null, null, "{'x': 5, 'z': NULL, 'y': why}"],
        [null, null, null],
      ],
    );
  });

  it('has the values of partitions and its extras from the log, typed', async () => {
    const table = createTable();
    const schema = structOf({
      day: 'date',
      id: 'long',
      at: 'timestamp',
      code: 'decimal(5,2)',
      raw: 'binary',
      name: 'string',
    });
    const file = await putFile(table, 'a.parquet', { schema: structOf({ id: 'long' }), rows: [[1n]] });
    const values = { day: '1492-10-12', at: '2026-11-30 12:00:00.5', code: '7', raw: 'ab', name: "it's \0 \\ 100%" };
    const extras = [
      { name: '_segment', type: 'long' },
      { name: '_change_type', type: 'string' },
    ] as const;
    const partitionColumns = ['day', 'at', 'code', 'raw', 'name'];
    const session = await openSession();
    await session.addRelation(
      relationOf(
        schema,
        [
          { ...file, partitionValues: values, constants: { _segment: 3, _change_type: 'insert' } },
          {
            ...file,
            partitionValues: { day: '', at: null, name: '' },
            constants: { _segment: 4, _change_type: 'delete' },
          },
        ],
        { partitionColumns, extras },
      ),
    );
    assert.deepEqual(await session.describe('SELECT * FROM source'), {
      ...schema,
      fields: [...schema.fields, ...structOf({ _segment: 'long', _change_type: 'string' }).fields],
    });
    assert.deepEqual(await rowsOf(session, 'SELECT * FROM source ORDER BY _segment'), [
      ['1492-10-12', 1n, '2026-11-30 12:00:00.5+00', '7.00', 'ab', "it's \0 \\ 100%", 3n, 'insert'],
      [null, 1n, null, null, null, null, 4n, 'delete'],
    ]);
  });

  it('leaves out rows of deletion vectors, and has those in which two of them differ', async () => {
    const table = createTable();
    const file = await putFile(table, 'a.parquet', { schema: PEOPLE, rows: ROWS });
    const other = await putFile(table, 'b.parquet', { schema: PEOPLE, rows: [[9n, 'other']] });
    const extras = [{ name: '_change_type', type: 'string' }] as const;
    const session = await openSession();
    const inserted = { constants: { _change_type: 'insert' } };
    await session.addRelation(
      relationOf(
        PEOPLE,
        [
          { ...file, ...inserted, rows: { kind: 'all', deletionVector: vectorOf(0, 2) } },
          { ...file, rows: { kind: 'difference', before: vectorOf(0, 1), after: vectorOf(1, 3) } },
          { ...file, rows: { kind: 'difference', after: vectorOf(2) } },
          { ...other, ...inserted },
        ],
        { extras },
      ),
    );
    assert.deepEqual(await rowsOf(session, 'SELECT _change_type, id FROM source ORDER BY ALL'), [
      ['delete', 2n],
      ['delete', 3n],
      ['insert', 0n],
      ['insert', 1n],
      ['insert', 3n],
      ['insert', 9n],
    ]);
  });

  it('has what recorded changes say of themselves', async () => {
    const table = createTable();
    const schema = structOf({ id: 'long', name: 'string', _change_type: 'string' });
    const rows = [
      [1n, 'a', 'update_preimage'],
      [1n, 'b', 'update_postimage'],
    ];
    const recorded = await putFile(table, 'cdc.parquet', { schema, rows });
    const extras = [
      { name: '_change_type', type: 'string' },
      { name: '_commit_version', type: 'long' },
    ] as const;
    const session = await openSession();
    const file = { ...recorded, rows: { kind: 'recorded' }, constants: { _commit_version: 7 } } as const;
    await session.addRelation(relationOf(PEOPLE, [file], { extras }));
    assert.deepEqual(await rowsOf(session, 'SELECT * FROM source ORDER BY name'), [
      [1n, 'a', 'update_preimage', 7n],
      [1n, 'b', 'update_postimage', 7n],
    ]);
  });

  it('has columns with the names that DuckDB gives to what it knows of files', async () => {
    const table = createTable();
    const schema = structOf({ filename: 'string', file_index: 'long', '__resaca "f"': 'string', select: 'string' });
    const rows = [['x.json', 5n, 'quoted', 'word']];
    const session = await openSession();
    await session.addRelation(relationOf(schema, [await putFile(table, 'a=b/c d.parquet', { schema, rows })]));
    assert.deepEqual(await rowsOf(session, 'SELECT * FROM source'), rows);
    const taken = structOf({ file_row_number: 'long' });
    const file = await putFile(table, 'taken.parquet', { schema: taken, rows: [[1n], [2n]] });
    await session.addRelation(relationOf(taken, [file], { name: 'whole' }));
    assert.deepEqual(await rowsOf(session, 'SELECT * FROM whole ORDER BY ALL'), [[1n], [2n]]);
    await assert.rejects(
      session.addRelation(relationOf(taken, [{ ...file, rows: { kind: 'all', deletionVector: vectorOf(1) } }])),
      (error) => isEngineError(error, 'UNREADABLE_FILE') && /column "file_row_number"/.test(error.message),
    );
  });

  it('reads the INT96 timestamps of Spark', async () => {
    const bytes = readFileSync(join(FIXTURES, 'spark-int96.parquet'));
    const schema = deltaSchema(parseFooter(bytes));
    const session = await openSession();
    await session.addRelation(relationOf(schema, [await putBytes(createTable(), 'a.parquet', bytes)]));
    assert.deepEqual(await session.describe('SELECT * FROM source'), structOf({ i32: 'integer', ts: 'timestamp' }));
    assert.deepEqual(await rowsOf(session, 'SELECT * FROM source ORDER BY ALL'), [
      [-2147483648, '1969-12-31 23:59:59.999999+00'],
      [0, '2021-01-01 00:00:00+00'],
      [1, '2022-06-01 01:02:03.999999+00'],
      [2, '2000-01-01 00:00:00+00'],
      [2147483647, '2020-01-01 00:00:00.123456+00'],
      [null, null],
    ]);
  });

  it('refuses files whose old dates are in another calendar', async () => {
    const bytes = readFileSync(join(FIXTURES, 'spark-legacy-dates.parquet'));
    const schema = deltaSchema(parseFooter(bytes));
    const file = await putBytes(createTable(), 'old.parquet', bytes);
    const session = await openSession();
    await assert.rejects(
      session.addRelation(relationOf(schema, [file])),
      (error) => isEngineError(error, 'UNREADABLE_FILE') && /hybrid Julian calendar/.test(error.message),
    );
  });

  it('names the file that cannot be read', async () => {
    const table = createTable();
    const file = await putFile(table, 'a.parquet', { schema: PEOPLE, rows: ROWS });
    const cases = [
      [
        'gone',
        { ...file, path: 'gone.parquet' },
        'FILE_GONE',
        /"gone.parquet" of s3:\/\/bucket\/lake\/people is not there/,
      ],
      ['other size', { ...file, size: file.size - 1 }, 'UNREADABLE_FILE', /has \d+ bytes, the log says \d+/],
      ['elsewhere', { ...file, path: 's3://other/a.parquet' }, 'UNREADABLE_FILE', /not under the table's root/],
      ['no Parquet', await putBytes(table, 'x.parquet', Buffer.from('hello')), 'UNREADABLE_FILE', /"x.parquet"/],
      ['nothing', await putBytes(table, 'e.parquet', new Uint8Array()), 'UNREADABLE_FILE', /"e.parquet"/],
      [
        'another type',
        await putFile(table, 't.parquet', { schema: structOf({ id: 'string' }), rows: [['1']] }),
        'UNREADABLE_FILE',
        /"id" is of type/,
      ],
      [
        'another case',
        await putFile(table, 'u.parquet', { schema: structOf({ ID: 'long' }), rows: [[1n]] }),
        'UNREADABLE_FILE',
        /"ID" is called "id"/,
      ],
      [
        'a vector of more rows',
        { ...file, rows: { kind: 'all', deletionVector: vectorOf(7) } },
        'UNREADABLE_FILE',
        /row 7 of 4/,
      ],
      ['other partitions', { ...file, partitionValues: { day: '1' } }, 'UNREADABLE_FILE', /partitioned by "day"/],
    ] as const;
    for (const [what, wrong, code, pattern] of cases) {
      const session = await openSession();
      await assert.rejects(
        session.addRelation(relationOf(PEOPLE, [wrong])),
        (error) => isEngineError(error, code) && pattern.test(error.message) && error.data.table === table.url,
        what,
      );
    }
  });

  it('names the file of which the pages are broken, once they are read', async () => {
    const table = createTable();
    const file = await putFile(table, 'a.parquet', { schema: PEOPLE, rows: ROWS });
    const { body } = await table.store.get('lake/people/a.parquet');
    const broken = body.map((byte, index) => (index > 4 && index < 60 ? byte ^ 0xff : byte));
    const session = await openSession();
    const files = [file, await putBytes(table, 'broken.parquet', broken)];
    await session.addRelation(relationOf(PEOPLE, files));
    const isNamed = (error: unknown) =>
      isEngineError(error, 'UNREADABLE_FILE') &&
      error.message.startsWith('"broken.parquet" of s3://bucket/lake/people');
    await assert.rejects(rowsOf(session, 'SELECT * FROM source'), isNamed);
    await assert.rejects(session.addStatement(statement('all', 'SELECT * FROM source', true)), isNamed);
    await assert.rejects(session.write(outputOf(table, PEOPLE, 'SELECT * FROM source')), isNamed);
  });
});
