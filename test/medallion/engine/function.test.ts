import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isEngineError } from '../../../src/medallion/engine/errors.ts';
import type { Row } from '../../../src/medallion/engine/row-values.ts';
import { structOf } from '../../cdf/cdf-world.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { createTable, openSession, putFile, relationOf, rowsOf } from './engine-world.ts';

const FOLDER = makeTempFolder();
let serial = 0;

/** A module with a text as the body of its function. */
function moduleOf(body: string): string {
  const path = join(FOLDER, `transform-${serial++}.mjs`);
  writeFileSync(path, `export const transform = async (rows, context) => { ${body} };`);
  return path;
}

const ALL = structOf({
  b: 'boolean',
  i8: 'byte',
  i32: 'integer',
  i64: 'long',
  f64: 'double',
  dec: 'decimal(38,2)',
  s: 'string',
  bin: 'binary',
  d: 'date',
  ts: 'timestamp',
  ntz: 'timestamp_ntz',
  arr: { type: 'array', elementType: 'long', containsNull: true },
  map: { type: 'map', keyType: 'string', valueType: 'date', valueContainsNull: true },
  st: structOf({ x: 'integer', y: structOf({ z: 'string' }) }),
});

const CELLS = [
  [
    true,
    -128,
    -2147483648,
    9223372036854775807n,
    0.1,
    -12345678901234567890123456789012345678n,
    'é\0😀',
    Uint8Array.of(0, 255),
    -174_000,
    -1n,
    1_500_000n,
    [1n, null],
    new Map([['a', 0]]),
    { x: 1, y: { z: null } },
  ],
  ALL.fields.map(() => null),
];

describe('a function of a transform', () => {
  it('gets plain objects, and gives them back as they were', async () => {
    const session = await openSession();
    await session.addRelation(
      relationOf(ALL, [await putFile(createTable(), 'a.parquet', { schema: ALL, rows: CELLS })]),
    );
    const seen = join(FOLDER, 'seen.json');
    const module = moduleOf(`
      const { writeFileSync } = await import('node:fs');
      const text = (name, value) => typeof value === 'bigint' ? value + 'n' : value instanceof Map ? [...value] : value;
      writeFileSync(${JSON.stringify(seen)}, JSON.stringify([rows, context], text));
      return rows;`);
    const statement = {
      name: 'made',
      sql: 'SELECT * FROM source ORDER BY b',
      module,
      schema: ALL,
      context: { step: 'x' },
    };
    await session.addFunction(statement);
    assert.deepEqual(await session.describe('SELECT * FROM made'), ALL);
    const { default: seenValues } = await import(seen, { with: { type: 'json' } });
    const [rows, context] = seenValues;
    assert.deepEqual(context, { step: 'x' });
    assert.deepEqual(rows[0], {
      b: true,
      i8: -128,
      i32: -2147483648,
      i64: '9223372036854775807n',
      f64: 0.1,
      dec: '-123456789012345678901234567890123456.78',
      s: 'é\0😀',
      bin: { type: 'Buffer', data: [0, 255] },
      d: '1493-08-09',
      ts: '1969-12-31T23:59:59.999999Z',
      ntz: '1970-01-01T00:00:01.500000',
      arr: ['1n', null],
      map: [['a', '1970-01-01']],
      st: { x: 1, y: { z: null } },
    });
    assert.deepEqual(rows[1], Object.fromEntries(ALL.fields.map(({ name }) => [name, null])));
    const same =
      '(SELECT * FROM source EXCEPT ALL SELECT * FROM made) UNION ALL (SELECT * FROM made EXCEPT ALL SELECT * FROM source)';
    assert.deepEqual(await rowsOf(session, `SELECT count(*) AS n FROM (${same})`), [[0n]]);
  });

  it('may give other rows, more or fewer, with values in other forms', async () => {
    const session = await openSession();
    const schema = structOf({
      id: 'long',
      d: 'date',
      ts: 'timestamp',
      price: 'decimal(9,2)',
      m: { type: 'map', keyType: 'string', valueType: 'long', valueContainsNull: true },
    });
    const module = moduleOf(`
      return rows.flatMap(({ i }) => i % 5000n !== 0n ? [] : [
        { id: Number(i), d: new Date(Date.UTC(2026, 10, 30, 23)), ts: new Date(1500), price: '1.5', m: { a: 1 } },
        { id: i, ts: '2026-11-30T12:00:00+01:00', price: 7 },
      ]);`);
    await session.addFunction({ name: 'made', sql: 'SELECT i FROM range(20000) t(i)', module, schema, context: {} });
    assert.deepEqual(await rowsOf(session, 'SELECT count(*) AS n, sum(id)::BIGINT AS s FROM made'), [[8n, 60_000n]]);
    assert.deepEqual(
      await rowsOf(session, 'SELECT d, ts, price, CAST(m AS VARCHAR) AS m FROM made WHERE id = 0 ORDER BY d'),
      [
        ['2026-11-30', '1970-01-01 00:00:01.5+00', '1.50', '{a=1}'],
        [null, '2026-11-30 11:00:00+00', '7.00', null],
      ],
    );
  });

  it('fails with what it threw or gave, and where it is', async () => {
    const schema = structOf({ a: 'byte', at: 'timestamp_ntz', st: structOf({ x: 'long' }) });
    const cases: readonly (readonly [string, RegExp])[] = [
      ["throw new Error('boo')", /transform-\d+\.mjs threw: boo/],
      ['return 5', /returned number, expected a list of rows/],
      ['return [[1]]', /returned object, expected a list of rows/],
      ['return [{ b: 1 }]', /a row with "b", which is no column: expected a, at, st/],
      ['return [{ a: 128 }]', /column "a" got the number 128, expected a value of type byte/],
      ["return [{ a: '1' }]", /column "a" got the string "1"/],
      ['return [{ a: 1.5 }]', /column "a" got the number 1.5/],
      ["return [{ at: '2026-11-30T00:00:00Z' }]", /column "at" got the string "2026-11-30T00:00:00Z"/],
      ['return [{ at: new Date() }]', /column "at" got Date/],
      ["return [{ st: { x: 'a' } }]", /column "st.x" got the string "a", expected a value of type long/],
      ['return [{ st: { y: 1 } }]', /column "st" got Object/],
    ];
    for (const [body, pattern] of cases) {
      const session = await openSession();
      await assert.rejects(
        session.addFunction({ name: 'made', sql: 'SELECT 1 AS i', module: moduleOf(body), schema, context: {} }),
        (error) => isEngineError(error, 'FUNCTION') && pattern.test(error.message),
        body,
      );
    }
  });

  it('fails where its module is none', async () => {
    const session = await openSession();
    const empty = join(FOLDER, 'empty.mjs');
    writeFileSync(empty, 'export const other = 1;');
    for (const [module, pattern] of [
      [join(FOLDER, 'nowhere.mjs'), /nowhere.mjs cannot be loaded: Cannot find module/],
      [empty, /exports no function "transform"/],
    ] as const) {
      await assert.rejects(
        session.addFunction({
          name: 'made',
          sql: 'SELECT 1 AS i',
          module,
          schema: structOf({ i: 'long' }),
          context: {},
        }),
        (error) => isEngineError(error, 'FUNCTION') && pattern.test(error.message),
      );
    }
  });

  it('has a type for what it gets and gives', () => {
    const transform = (rows: readonly Row[]): Row[] => rows.map(({ id }) => ({ id, at: new Date(0) }));
    assert.deepEqual(transform([{ id: 1n }]), [{ id: 1n, at: new Date(0) }]);
  });
});
