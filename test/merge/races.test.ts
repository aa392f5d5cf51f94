import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parquet } from '../support/landing.ts';
import { createMergeWorld } from '../support/merge-world.ts';

describe('two invocations for one table', () => {
  it('that have the same files in part, at the same time, take each once', async () => {
    for (const isNew of [true, false]) {
      const world = createMergeWorld();
      if (!isNew) await world.deliver(await world.stage('orders/ds=0/first.parquet', 100));
      const records = [];
      for (let id = 0; id < 12; id++) records.push(await world.stage(`orders/ds=${id % 2}/${id}.parquet`, id));
      const other = world.otherEnvironment();
      const outcomes = await Promise.all([world.deliver(...records.slice(0, 8)), other(...records.slice(4))]);
      assert.deepEqual(outcomes, [[], []]);
      assert.deepEqual(await world.ids(), [...Array.from({ length: 12 }, (_, id) => id), ...(isNew ? [] : [100])]);
      assert.deepEqual(await other(...records), []);
      assert.equal((await world.ids()).length, isNew ? 12 : 13);
    }
  });

  it('lose a race at every commit, and take each file once', async () => {
    let turns = 0;
    let interrupt: (() => Promise<void>) | undefined;
    const world = createMergeWorld({
      wrap: (store) => ({
        ...store,
        async putIfAbsent(key, body) {
          if (key.includes('/_delta_log/')) {
            const act = interrupt;
            interrupt = undefined;
            await act?.();
          }
          return store.putIfAbsent(key, body);
        },
      }),
    });
    const other = world.otherEnvironment();
    const wide = parquet([{ id: 3, name: 'x', extra: 7 }], { id: 'long', name: 'string', extra: 'long' });
    const [a, b] = [await world.stage('orders/a.parquet', 1), await world.stage('orders/b.parquet', 2)];
    const c = await world.land('staging/orders/c.parquet', wide);
    const d = await world.stage('orders/d.parquet', 4);
    const cases = [
      // Makes the table, has one of the files, gives it a column, has another file only.
      { ours: [a, b], theirs: [b] },
      { ours: [b, c], theirs: [c] },
      { ours: [a, d], theirs: [c, d] },
    ];
    for (const { ours, theirs } of cases) {
      interrupt = async () => {
        turns++;
        assert.deepEqual(await other(...theirs), []);
      };
      assert.deepEqual(await world.deliver(...ours), []);
    }
    assert.equal(turns, 3);
    assert.deepEqual(await world.ids(), [1, 2, 3, 4]);
  });

  it('do not take a file of which the log was cleaned up', async () => {
    const world = createMergeWorld();
    const record = await world.stage('orders/a.parquet', 1);
    await world.deliver(record);
    world.advance(120_000);
    await world.deliver(await world.stage('orders/b.parquet', 2));
    world.advance(120_000);
    await world.checkpoint();
    for (const version of [0, 1])
      await world.store.delete(`lake/orders/_delta_log/${String(version).padStart(20, '0')}.json`);
    world.coldStart();
    assert.deepEqual(await world.deliver(record), ['m0']);
    assert.deepEqual(await world.ids(), [1, 2]);
  });
});
