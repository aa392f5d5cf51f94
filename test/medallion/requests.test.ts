import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StepMode, StepRule } from '../../src/medallion/rule.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import { createSnapshotCache } from '../../src/medallion/snapshot-cache.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { createFaultyStore } from '../support/faulty-store.ts';
import { createStepWorld, type Row, ruleOf } from './step-world.ts';

const MERGE: StepMode = { kind: 'merge', keys: ['id'], deletes: 'apply', lateness: 0 };

/** A step whose source has so many commits and is read to its end, in a function that is warm. */
async function warmStep(commits: number, mode: StepMode) {
  const world = createStepWorld();
  const source = await world.source('bronze', { schema: structOf({ id: 'long', n: 'double' }) });
  const counts = new Map<string, number>();
  const store = createFaultyStore(world.store, ({ method }) => {
    counts.set(method, (counts.get(method) ?? 0) + 1);
    return undefined;
  });
  const rule: StepRule = ruleOf({ mode }, 'SELECT * FROM bronze');
  const deps = { ...world.deps(store), latestOf: createSnapshotCache(createCheckpointReader()) };
  let serial = 0;
  const next = () => source.append([[BigInt(serial), serial++] as Row]);
  const run = async () => {
    counts.clear();
    const { state } = await runStep(rule, deps, { deadline: Number.MAX_SAFE_INTEGER });
    assert.equal(state, 'done');
    return Object.fromEntries([...counts].sort());
  };
  for (let commit = 0; commit < commits; commit++) {
    await next();
    if (commit % 2 === 0) await run();
  }
  await run();
  return { world, next, run };
}

describe('a run of a step in a function that is warm', () => {
  for (const commits of [3, 40]) {
    it(`reads what is new and nothing else, after ${commits} commits`, async () => {
      const { next, run } = await warmStep(commits, { kind: 'append' });
      assert.deepEqual(await run(), { head: 4 }, 'two HEADs for each log where nothing is new');
      await next();
      // The commit of the source, once for its state and once for its files, the file, and the own commit when the step looks again.
      assert.deepEqual(await run(), { get: 4, head: 8, list: 3, put: 1, putIfAbsent: 1 });
    });
  }

  it('reads the files of the target that may have its keys, and no other', async () => {
    const { world, next, run } = await warmStep(40, MERGE);
    await next();
    assert.equal((await run()).putIfAbsent, 1);
    assert.equal((await world.rows('silver')).length, 41);
  });

  it('begins anew where its target was dropped and made again', async () => {
    const { world, run } = await warmStep(10, { kind: 'append' });
    for await (const { key } of world.store.list('silver/')) await world.store.delete(key);
    await run();
    assert.equal((await world.rows('silver')).length, 10);
  });
});
