import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AggregateMode } from '../../src/medallion/rule.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepWorld, ruleOf } from './step-world.ts';

const SALES = structOf({ shop: 'string', n: 'long', price: 'decimal(12,2)' });
const SQL = `SELECT shop, count(*) AS sales, sum(n) AS n, CAST(sum(price) AS DECIMAL(20, 2)) AS total, min(n) AS least,
  max(n) AS most FROM bronze GROUP BY shop`;
const MODE: AggregateMode = {
  kind: 'aggregate',
  keys: ['shop'],
  combine: { sales: 'sum', n: 'sum', total: 'sum', least: 'min', most: 'max' },
  rowCount: 'sales',
};

describe('a step that aggregates', () => {
  it('follows rows that come and go', async () => {
    const world = createStepWorld();
    const source = await world.source('bronze', { schema: SALES });
    const rule = ruleOf({ mode: MODE }, SQL);
    const isRight = async () => {
      await world.run(rule);
      assert.deepEqual(await world.rows('silver'), await world.compute(SQL, { bronze: 'bronze' }));
    };
    await source.append(
      [
        ['a', 1n, 100n],
        ['b', 2n, 250n],
      ],
      [
        ['a', 5n, null],
        [null, 1n, 1n],
      ],
    );
    await isRight();
    await source.append([
      ['a', 7n, 1n],
      ['c', null, null],
    ]);
    await isRight();
    await source.change((row) => (row[1] === 7n ? undefined : row));
    await isRight();
    await source.change((row) => (row[0] === 'b' ? undefined : row), [['d', 1n, 1n]]);
    await isRight();
    await source.change(([shop, n, price]) => [shop, n === 1n ? 9n : n, price]);
    await isRight();
  });

  it('has null, and no 0, where the last value of a sum goes', async () => {
    const world = createStepWorld();
    const source = await world.source('bronze', { schema: SALES });
    const sql = 'SELECT shop, count(*) AS sales, sum(n) AS n FROM bronze GROUP BY shop';
    const mode: AggregateMode = { kind: 'aggregate', keys: ['shop'], combine: { n: 'sum' }, rowCount: 'sales' };
    await source.append([
      ['a', 5n, null],
      ['a', null, null],
      ['b', 2n, null],
      ['b', -2n, null],
      ['b', 7n, null],
    ]);
    await world.run(ruleOf({ mode }, sql));
    await source.change((row) => (row[1] === 5n || row[1] === 7n ? undefined : row));
    await world.run(ruleOf({ mode }, sql));
    assert.deepEqual(await world.rows('silver'), [
      '{"shop":"a","sales":"1","n":null}',
      '{"shop":"b","sales":"2","n":"0"}',
    ]);
  });
});
