import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBronzeWorld, kafkaRecord } from '../support/bronze-world.ts';
import { type CountingStore, createCountingStore } from '../support/counting-store.ts';

const NOTHING = { get: 0, head: 0, put: 0, putIfAbsent: 0, delete: 0, list: 0 };

describe('requests of deferred commits', () => {
  it('a warm batch takes as many as a direct one; a turn of the committer comes on top, with two for each batch', async () => {
    const stores: CountingStore[] = [];
    const world = createBronzeWorld({
      config: { topics: [{ topic: '*' }], commits: 'deferred' },
      wrap: (store) => {
        const counting = createCountingStore(store);
        stores.push(counting);
        return counting;
      },
    });
    const countsOf = async (act: () => Promise<unknown>) => {
      for (const store of stores) store.reset();
      await act();
      const sums = { ...NOTHING };
      for (const { counts } of stores) {
        for (const method of Object.keys(NOTHING) as (keyof typeof NOTHING)[]) sums[method] += counts[method];
      }
      return sums;
    };
    await world.deliver(kafkaRecord(0));
    await world.commitPending();
    await world.deliver(kafkaRecord(1));
    assert.deepEqual(await countsOf(() => world.deliver(kafkaRecord(2))), { ...NOTHING, head: 2, put: 2 });
    await world.deliver(kafkaRecord(3));
    // The hint and two commits of the table, and the description of each batch; the table and what waits, listed.
    const turn = await countsOf(() => world.commitPending());
    assert.deepEqual(turn, { ...NOTHING, get: 6, list: 5, putIfAbsent: 1, delete: 3 });
    assert.equal((await world.offsets('bronze/web')).length, 4);
  });
});
