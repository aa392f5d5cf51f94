import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { createFaultyStore, everySingleFault, type FaultyStore, failCall } from '../support/faulty-store.ts';

/** Two tables, one of them new, two partitions, and a record that its table cannot take. */
const config = { topics: [{ topic: 'text', value: 'string' }, { topic: '*' }] };
const bad = kafkaRecord(11, { topic: 'text', value: Uint8Array.of(0xff) });
const batch = [
  ...kafkaRecords(5, 12),
  ...kafkaRecords(0, 4, { partition: 1 }),
  kafkaRecord(10, { topic: 'text' }),
  bad,
  kafkaRecord(12, { topic: 'text' }),
];

async function prepare(world: BronzeWorld): Promise<void> {
  await world.deliver(...kafkaRecords(0, 8));
}

async function assertOutcome(world: BronzeWorld): Promise<void> {
  const range = (partition: number, end: number) =>
    Array.from({ length: end }, (_, offset) => `web/${partition}/${offset}`);
  assert.deepEqual((await world.offsets('bronze/web')).sort(), [...range(0, 12), ...range(1, 4)].sort());
  assert.deepEqual(await world.offsets('bronze/text'), ['text/0/10', 'text/0/12']);
  // Never none; twice after a crash between its commit and that of the table.
  assert.deepEqual([...new Set(await world.offsets('bronze/text__dead_letters'))], ['text/0/11']);
}

describe('a failure before or after any one store call loses and doubles no record', async () => {
  const counted: FaultyStore[] = [];
  const rehearsal = createBronzeWorld({
    config,
    wrap: (store) => {
      const faulty = createFaultyStore(store, () => undefined);
      counted.push(faulty);
      return faulty;
    },
  });
  await prepare(rehearsal);
  counted.length = 0;
  rehearsal.coldStart();
  await rehearsal.deliver(...batch);
  const calls = counted.reduce((sum, store) => sum + store.calls.length, 0);

  it('(the run makes a fair number of calls)', async () => {
    await assertOutcome(rehearsal);
    assert.equal((await rehearsal.offsets('bronze/text__dead_letters')).length, 1);
    assert.ok(calls >= 12, `${calls} calls`);
  });

  for (const { name, number, fault } of everySingleFault(calls)) {
    it(name, async () => {
      let armed = false;
      let shared: FaultyStore | undefined;
      const world = createBronzeWorld({
        config,
        wrap: (store) => {
          if (!armed) return store;
          shared ??= createFaultyStore(store, failCall(number, fault));
          return shared;
        },
      });
      await prepare(world);
      armed = true;
      world.coldStart();
      const failed = await world.deliver(...batch).then(
        () => false,
        () => true,
      );
      armed = false;
      if (fault.kind === 'crash') world.coldStart();
      // The mapping delivers a failed batch again, and may deliver one again that was done.
      if (failed) await world.deliver(...batch);
      await world.deliver(...batch);
      await assertOutcome(world);
    });
  }
});
