import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BatchStep, readFailedBatches } from '../../src/kafka/replay/failed-batches.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { createBronzeWorld, kafkaRecord } from '../support/bronze-world.ts';
import { failedInvocation, mskEvent } from '../support/kafka-events.ts';
import { FAILED, fail, replayDead, replayFailed } from './replay-world.ts';

const encoder = new TextEncoder();
const batch = (offset: number, size = 10) =>
  encoder.encode(JSON.stringify(failedInvocation(mskEvent([kafkaRecord(offset, { value: new Uint8Array(size) })]))));

async function stepsOf(store: ReturnType<typeof createMemoryStore>, isObject = false, prefix = FAILED) {
  const steps = await Array.fromAsync(readFailedBatches({ store, prefix, isObject }));
  return steps.map(({ batches, others }: BatchStep) => [batches.length, others.length]);
}

describe('the steps of a replay', () => {
  it('have a number of objects that is bounded, whatever the objects are', async () => {
    const store = createMemoryStore();
    for (let index = 0; index < 700; index++) {
      const body = index % 2 === 0 ? batch(index) : encoder.encode('no JSON');
      await store.put(`${FAILED}${String(index).padStart(4, '0')}`, body);
    }
    await store.put(`${FAILED}folder/`, new Uint8Array());
    assert.deepEqual(await stepsOf(store), [
      [250, 250],
      [100, 100],
    ]);
  });

  it('have a number of bytes that is bounded', async () => {
    const store = createMemoryStore();
    for (const name of ['a', 'b', 'c']) await store.put(`${FAILED}${name}`, batch(1, 10_000_000));
    assert.deepEqual(await stepsOf(store), [
      [2, 0],
      [1, 0],
    ]);
  });

  it('leave out what is beside the one object that is named', async () => {
    const store = createMemoryStore();
    await store.put(`${FAILED}a`, batch(1));
    await store.put(`${FAILED}ab`, batch(2));
    assert.deepEqual(await stepsOf(store, true, `${FAILED}a`), [[1, 0]]);
  });

  it('pass over an object that another replay has removed', async () => {
    const store = createMemoryStore();
    for (const name of ['a', 'b']) await store.put(`${FAILED}${name}`, batch(1));
    const get: typeof store.get = async (key, options) => {
      if (key === `${FAILED}a`) await store.delete(key);
      return store.get(key, options);
    };
    assert.deepEqual(await stepsOf({ ...store, get }), [[1, 0]]);
  });

  it('put many small files of letters into one commit', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', value: 'string' }] } });
    for (let offset = 0; offset < 8; offset++) {
      await world.deliver(kafkaRecord(offset, { value: Uint8Array.of(0xff) }));
    }
    const config = { topics: [{ topic: '*', table: 'raw/{topic}' }] };
    const { steps } = await replayDead(world, 'bronze/web', { config });
    assert.deepEqual(
      steps.map(({ letters, removed }) => [letters, removed]),
      [[8, 8]],
    );
    const versions = ['raw/web', 'bronze/web__dead_letters'].map(async (root) => (await world.snapshot(root)).version);
    assert.deepEqual(await Promise.all(versions), [0, 8]);
  });

  it('do not delete an object that was written anew meanwhile', async () => {
    const world = createBronzeWorld();
    await fail(world, 'a', kafkaRecord(0));
    const store = {
      ...world.store,
      async putIfAbsent(key: string, body: Uint8Array) {
        await fail(world, 'a', kafkaRecord(1));
        return world.store.putIfAbsent(key, body);
      },
    };
    const [step] = await replayFailed(world, { store, deletes: true });
    assert.equal(step?.deleted, 0);
    await replayFailed(world, { deletes: true });
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/1']);
    assert.equal(await world.store.head(`${FAILED}a`), undefined);
  });
});
