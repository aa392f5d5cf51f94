import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepWorld, ruleOf } from './step-world.ts';

const SALES = structOf({ shop: 'string', n: 'long' });
// An empty text is null as the value of a partition.
const SQL = "SELECT NULLIF(shop, '') AS shop, n, count(*) AS sales FROM bronze GROUP BY NULLIF(shop, ''), n";

describe('a step that replaces partitions', () => {
  it('computes anew those that changes touch', async () => {
    const world = createStepWorld();
    const source = await world.source('bronze', { schema: SALES });
    const rule = ruleOf({ mode: { kind: 'replace-partitions' }, partitionBy: ['shop'] }, SQL);
    const isRight = async () => {
      const run = await world.run(rule);
      assert.deepEqual(await world.rows('silver'), await world.compute(SQL, { bronze: 'bronze' }));
      return run.metrics;
    };
    await source.append(
      [
        ['a', 1n],
        ['b', 2n],
      ],
      [
        ['a', 5n],
        [null, 1n],
      ],
    );
    await isRight();
    await source.append([
      ['a', 7n],
      ['c', null],
    ]);
    assert.equal((await isRight()).filesRemoved, 1);
    await source.change((row) => (row[0] === 'b' ? undefined : row));
    await source.change((row) => (row[0] === null ? undefined : row), [['', 4n]]);
    await isRight();
    await source.change(([shop, n]) => [shop === 'a' ? 'b' : shop, n]);
    await isRight();
  });
});

describe('a step that replaces its target', () => {
  it('computes it anew when the source or a lookup has changed', async () => {
    const world = createStepWorld();
    const source = await world.source('bronze', { schema: SALES });
    const lookup = await world.source('shops', { schema: structOf({ shop: 'string', name: 'string' }) });
    const sql = 'SELECT b.*, s.name FROM bronze b LEFT JOIN shops s ON b.shop = s.shop';
    const lookups = [{ bucket: 'lake', prefix: 'shops', name: 'shops' }];
    const rule = ruleOf({ mode: { kind: 'replace' }, lookups }, sql);
    await source.append([
      ['a', 1n],
      ['b', 2n],
    ]);
    await world.run(rule);
    await lookup.append([['a', 'Ann']]);
    assert.equal((await world.run(rule)).metrics.batches, 1);
    assert.deepEqual(await world.rows('silver'), await world.compute(sql, { bronze: 'bronze', shops: 'shops' }));
    assert.equal((await world.run(rule)).metrics.batches, 0);
  });
});
