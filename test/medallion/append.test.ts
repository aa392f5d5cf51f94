import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepWorld, ruleOf } from './step-world.ts';

const EVENTS = structOf({ id: 'long', name: 'string', n: 'long' });
const SQL = 'SELECT id, upper(name) AS name, n * 2 AS twice FROM bronze WHERE n > 0';
const APPEND = ruleOf({ mode: { kind: 'append' } }, SQL);

describe('a step that appends', () => {
  it('adds the rows of each commit of the source once', async () => {
    const world = createStepWorld();
    const source = await world.source('bronze', { schema: EVENTS });
    await source.append([[1n, 'a', 1n]], [[2n, 'b', 0n]]);
    const first = await world.run(APPEND);
    assert.equal(first.state, 'done');
    assert.equal(first.metrics.rowsInserted, 1);
    await source.append([[3n, 'c', 3n]]);
    await source.compact();
    assert.equal((await world.run(APPEND)).metrics.rowsInserted, 1);
    assert.equal((await world.run(APPEND)).metrics.batches, 0);
    assert.deepEqual(await world.rows('silver'), await world.compute(SQL, { bronze: 'bronze' }));
  });
});
