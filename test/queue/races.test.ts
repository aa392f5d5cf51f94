import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { everyInterleaving, interleave, type Turn } from '../support/interleaving.ts';
import { createQueueWorld, type QueueWorld } from '../support/queue-world.ts';

const LETTERS = 'bronze/orders__dead_letters';

/** A store that waits for its turn before each call that others can see. */
function inTurns(store: ObjectStore, turn: Turn): ObjectStore {
  return {
    ...store,
    get: async (key, options) => store.get(key, options),
    putIfAbsent: async (key, body) => {
      await turn();
      return store.putIfAbsent(key, body);
    },
    async *list(prefix, options) {
      await turn();
      yield* store.list(prefix, options);
    },
  };
}

/** Both environments get the shared messages, and one of their own each. */
async function race(world: QueueWorld, choose: (count: number) => number): Promise<void> {
  const shared = [world.message('s1', { id: 's1' }), world.message('s2', { id: 's2' }), world.message('bad', 'x')];
  const actor = (own: string) => async (turn: Turn) => {
    const deliver = world.otherEnvironment((store) => inTurns(store, turn));
    const failed = await deliver(...shared, world.message(own, { id: own, [own]: 1 }));
    assert.deepEqual(failed, []);
  };
  await interleave([actor('a'), actor('b')], choose);
}

describe('two invocations with the same messages', () => {
  it('make each message one row, and one dead letter, in any order, on a new table', async () => {
    const runs = await everyInterleaving(2, async (choose) => {
      const world = createQueueWorld();
      await race(world, choose);
      assert.deepEqual(await world.column('id'), ['a', 'b', 's1', 's2']);
      assert.deepEqual(await world.column('message_id', LETTERS), ['bad']);
    });
    assert.ok(runs > 20, `${runs} runs`);
  });

  it('do so on a table that is there', async () => {
    const runs = await everyInterleaving(2, async (choose) => {
      const world = createQueueWorld();
      await world.deliver(world.message('first', { id: 'first' }), world.message('worse', 'y'));
      await race(world, choose);
      assert.deepEqual(await world.column('id'), ['a', 'b', 'first', 's1', 's2']);
      assert.deepEqual(await world.column('message_id', LETTERS), ['bad', 'worse']);
    });
    assert.ok(runs > 20, `${runs} runs`);
  });

  it('see what the other has, with other columns of the table by another writer in between', async () => {
    const world = createQueueWorld();
    await world.deliver(world.message('first', { id: 1 }));
    const other = world.otherEnvironment();
    await other(world.message('x', { id: 2, more: 'text' }));
    assert.deepEqual(
      await world.deliver(world.message('x', { id: 2, more: 'text' }), world.message('y', { id: 3 })),
      [],
    );
    assert.deepEqual(await world.column('id'), ['1', '2', '3']);
  });
});

describe('a commit of another invocation that is seen only in part', () => {
  for (const later of [0, 2]) {
    it(`has all decided anew: a table that came to be with a checkpoint and ${later} commits behind it`, async () => {
      const world = createQueueWorld();
      const shared = world.message('s', { id: 's' });
      const other = world.otherEnvironment();
      let isFirst = true;
      const deliver = world.otherEnvironment((store) => ({
        ...store,
        putIfAbsent: async (key, body) => {
          if (isFirst) {
            isFirst = false;
            await other(shared);
            await other(world.message('m', { id: 'm' }));
            const { table } = await world.snapshot();
            const reader = createCheckpointReader();
            const engine = { reader, now: world.now, random: Math.random, sleep: async () => undefined };
            assert.equal((await checkpointTable(engine, table)).outcome, 'written');
            for (let n = 0; n < later; n++) await other(world.message(`z-${n}`, { id: `z-${n}` }));
          }
          return store.putIfAbsent(key, body);
        },
      }));
      assert.deepEqual(await deliver(shared, world.message('own', { id: 'own' })), []);
      const after = Array.from({ length: later }, (_, n) => `z-${n}`);
      assert.deepEqual(await world.column('id'), ['m', 'own', 's', ...after]);
    });
  }
});
