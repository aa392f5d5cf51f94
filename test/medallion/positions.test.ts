import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isStepError } from '../../src/medallion/errors.ts';
import { backfillAppId, changesAppId } from '../../src/medallion/position.ts';
import type { StepMode } from '../../src/medallion/rule.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepWorld, type Row, ruleOf } from './step-world.ts';

const EVENTS = structOf({ id: 'long', n: 'long' });
const SQL = 'SELECT * FROM bronze';
const APPEND: StepMode = { kind: 'append' };
const row = (id: number): Row => [BigInt(id), 1n];

async function start(...files: readonly (readonly Row[])[]) {
  const world = createStepWorld();
  const source = await world.source('bronze', { schema: EVENTS });
  if (files.length > 0) await source.append(...files);
  return { world, source };
}

describe('a step', () => {
  it('begins with what the source has, in parts, and goes on with what comes', async () => {
    const { world, source } = await start([row(1)], [row(2)], [row(3)]);
    const rule = ruleOf({ mode: APPEND }, SQL);
    const small = { ...rule, limits: { ...rule.limits, maxFiles: 2 } };
    const first = await world.run(small, { maxBatches: 1 });
    assert.deepEqual([first.state, first.position, first.backfill], ['more', undefined, { version: 1, files: 2 }]);
    await source.append([row(4)]);
    await source.compact();
    const last = await world.run(small);
    assert.deepEqual(
      [last.state, last.position?.version, last.backfill, last.versionsBehind],
      ['done', 4, undefined, 0],
    );
    assert.deepEqual(await world.rows('silver'), await world.compute(SQL, { bronze: 'bronze' }));
  });

  it('takes a large commit in parts, and several commits at once', async () => {
    const { world, source } = await start();
    const rule = ruleOf({ mode: APPEND }, SQL);
    await world.run(rule);
    await source.append([row(1)], [row(2)], [row(3)]);
    await source.append([row(4)]);
    await source.append([row(5)]);
    const small = { ...rule, limits: { ...rule.limits, maxFiles: 2 } };
    const run = await world.run(small, { maxBatches: 1 });
    assert.deepEqual([run.state, run.position], ['more', { version: 1, files: 2 }]);
    assert.equal((await world.run(small)).metrics.batches, 2);
    assert.deepEqual(await world.rows('silver'), await world.compute(SQL, { bronze: 'bronze' }));
  });

  it('leaves out what was there before, where it is to begin with what comes', async () => {
    const { world, source } = await start([row(1)]);
    const rule = ruleOf({ mode: APPEND, start: 'latest' }, SQL);
    await world.run(rule);
    assert.deepEqual(await world.rows('silver'), []);
    await source.append([row(2)]);
    await world.run(rule);
    assert.deepEqual(await world.rows('silver'), ['{"id":"2","n":"1"}']);
  });

  it('writes nothing for compactions, but brings its position up to them now and then', async () => {
    const { world, source } = await start([row(1)], [row(2)]);
    const rule = ruleOf({ mode: APPEND }, SQL);
    await world.run(rule);
    for (let count = 0; count < 19; count++) await source.compact();
    assert.equal((await world.run(rule)).metrics.commits, 0);
    await source.compact();
    assert.equal((await world.run(rule)).metrics.commits, 1);
    assert.equal((await world.run(rule)).position?.version, 22);
  });

  it('stops at rows that changed, which it cannot follow, or leaves them out', async () => {
    const { world, source } = await start([row(1), row(2)]);
    const rule = ruleOf({ mode: APPEND }, SQL);
    await world.run(rule);
    await source.append([row(3)]);
    await source.change((one) => (one[0] === 1n ? undefined : one));
    await source.append([row(4)]);
    await assert.rejects(
      world.run(rule),
      (error) => isStepError(error, 'ROWS_CHANGED') && /versions 3 of/.test(error.message),
    );
    await world.run({ ...rule, changes: 'skip' });
    assert.equal((await world.rows('silver')).length, 4);
  });

  it('stops where another table lies in the place of its source, until it is reset', async () => {
    const { world } = await start([row(1)]);
    const rule = ruleOf({ mode: APPEND }, SQL);
    await world.run(rule);
    await world.source('bronze-2', { schema: EVENTS });
    const moved = { ...rule, source: { ...rule.source, prefix: 'bronze-2' } };
    await assert.rejects(
      world.run(moved),
      (error) => isStepError(error, 'SOURCE_REPLACED') && /id-of-bronze, /.test(error.message),
    );
    await world.commit('silver', [
      { txn: { appId: changesAppId('silver', 'id-of-bronze'), version: -1 } },
      { txn: { appId: backfillAppId('silver', 'id-of-bronze'), version: -1 } },
    ]);
    assert.equal((await world.run(moved)).state, 'done');
    await assert.rejects(world.run({ ...rule, source: { ...rule.source, prefix: 'nowhere' } }), (error) =>
      isStepError(error, 'SOURCE_NOT_FOUND'),
    );
  });

  it('says what is too large for it', async () => {
    const { world, source } = await start([row(1)], [row(2)], [row(3)]);
    const merge = { kind: 'merge', keys: ['id'], deletes: 'apply', lateness: 0 } as const;
    const rule = ruleOf({ mode: merge }, SQL);
    await world.run(rule);
    await source.change(([id]) => [id ?? null, 2n]);
    const small = { ...rule, limits: { ...rule.limits, maxFiles: 2 } };
    await assert.rejects(
      world.run(small),
      (error) => isStepError(error, 'BATCH_TOO_LARGE') && /6 files/.test(error.message),
    );
    await assert.rejects(world.run({ ...rule, limits: { ...rule.limits, maxBytes: 10 } }), (error) =>
      isStepError(error, 'BATCH_TOO_LARGE'),
    );
    await world.run(rule);
    assert.deepEqual(await world.rows('silver'), await world.compute(SQL, { bronze: 'bronze' }));
  });

  it('is refused where it asks for what is not done', async () => {
    const { world } = await start([row(1)]);
    const out = [{ name: 'n', check: { kind: 'not-null', column: 'n' }, action: 'quarantine' }] as const;
    const merge = { kind: 'merge', keys: ['id'], deletes: 'apply', lateness: 0 } as const;
    for (const rule of [
      ruleOf({ mode: { ...merge, keys: [] } }, SQL),
      ruleOf({ mode: { ...merge, lateness: 1 } }, SQL),
      ruleOf({ mode: { kind: 'aggregate', keys: ['id'], combine: { n: 'sum' } }, quality: out }, SQL),
      ruleOf({ mode: { kind: 'aggregate', keys: ['id'], combine: { id: 'sum' } } }, SQL),
    ]) {
      await assert.rejects(world.run(rule), (error) => isStepError(error, 'UNSUPPORTED'));
    }
  });
});
