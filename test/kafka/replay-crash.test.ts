import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { FAILED, fail, replayDead, replayFailed } from './replay-world.ts';

/** Two tables, one of them new, a record that cannot be taken, and letters of which one fails again. */
const BEFORE = { topics: [{ topic: '*', value: 'string', headers: 'omit' }] };
const AFTER = {
  topics: [
    { topic: 'text', value: 'string', headers: 'omit' },
    { topic: '*', value: 'omit' },
  ],
  tableConcurrency: 1,
};
const invalid = { value: Uint8Array.of(0xff) };
const LETTERS = 'bronze/web__dead_letters';

async function prepare(): Promise<BronzeWorld> {
  const world = createBronzeWorld({ config: BEFORE });
  await world.deliver(...kafkaRecords(0, 3), kafkaRecord(3, invalid), kafkaRecord(4));
  await world.deliver(kafkaRecord(5, invalid), kafkaRecord(0, { topic: 'text', ...invalid }));
  await fail(
    world,
    'a',
    kafkaRecord(3, invalid),
    ...kafkaRecords(10, 14),
    kafkaRecord(1, { topic: 'text', ...invalid }),
  );
  await fail(world, 'b', ...kafkaRecords(12, 16), kafkaRecord(2, { topic: 'text' }));
  await world.deliver(...kafkaRecords(20, 22));
  return world;
}

/** A world of its own with the same bucket. */
async function copyOf({ store }: BronzeWorld): Promise<BronzeWorld> {
  const world = createBronzeWorld({ config: BEFORE });
  for await (const { key } of store.list('')) await world.store.put(key, (await store.get(key)).body);
  return world;
}

interface Way {
  readonly name: string;
  run(world: BronzeWorld, store?: ObjectStore): Promise<unknown>;
  assertDone(world: BronzeWorld): Promise<void>;
}

const web = (...offsets: number[]) => offsets.map((offset) => `web/0/${offset}`);

const WAYS: readonly Way[] = [
  {
    name: 'batches',
    run: (world, store = world.store) => replayFailed(world, { config: AFTER, deletes: true, store }),
    async assertDone(world) {
      assert.deepEqual(await world.offsets('bronze/web'), web(0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 20, 21));
      assert.deepEqual(await world.offsets('bronze/text'), ['text/0/2']);
      assert.deepEqual(await world.offsets('bronze/text__dead_letters'), ['text/0/0', 'text/0/1']);
      assert.deepEqual(await Array.fromAsync(world.store.list(FAILED)), []);
    },
  },
  {
    name: 'dead letters',
    run: (world, store = world.store) => replayDead(world, 'bronze/web', { config: AFTER, store }),
    async assertDone(world) {
      assert.deepEqual(await world.offsets('bronze/web'), web(0, 1, 2, 3, 4, 5, 20, 21));
      assert.deepEqual(await world.offsets(LETTERS), []);
    },
  },
];

const prepared = await prepare();

for (const { name: way, run, assertDone } of WAYS) {
  describe(`a failure before or after any one store call of a replay of ${way} loses and doubles no record`, async () => {
    const rehearsal = await copyOf(prepared);
    const counted = createFaultyStore(rehearsal.store, () => undefined);
    await run(rehearsal, counted);
    const calls = counted.calls.length;

    it('(the run makes a fair number of calls)', async () => {
      await assertDone(rehearsal);
      assert.ok(calls >= 12, `${calls} calls`);
    });

    for (const { name, number, fault } of everySingleFault(calls)) {
      it(name, async () => {
        const world = await copyOf(prepared);
        const faulty = createFaultyStore(world.store, failCall(number, fault));
        // It may get by without an error: an answer that is lost may be found out.
        await run(world, faulty).catch(() => undefined);
        // The function goes on meanwhile.
        await world.deliver(...kafkaRecords(20, 22));
        await run(world);
        await assertDone(world);
      });
    }
  });
}
