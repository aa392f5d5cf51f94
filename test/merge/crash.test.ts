import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFaultyStore, everySingleFault, type FaultyStore, failCall } from '../support/faulty-store.ts';
import { parquet } from '../support/landing.ts';
import { createMergeWorld, type MergeWorld } from '../support/merge-world.ts';

async function prepare(world: MergeWorld): Promise<object[]> {
  const first = await world.stage('orders/ds=1/first.parquet', 1);
  await world.deliver(first);
  world.advance(10_000);
  const wide = parquet([{ id: 4, name: 'x', extra: 7 }], { id: 'long', name: 'string', extra: 'long' });
  // One that the table has, new ones of two partitions, a new column, and one that cannot be taken.
  return [
    first,
    await world.stage('orders/ds=1/a.parquet', 2),
    await world.stage('orders/ds=2/b.parquet', 3),
    await world.land('staging/orders/ds=2/c.parquet', wide),
    await world.land('staging/orders/ds=2/bad.parquet', new TextEncoder().encode('no Parquet')),
  ];
}

async function assertOutcome(world: MergeWorld): Promise<void> {
  assert.deepEqual(await world.ids(), [1, 2, 3, 4]);
  assert.deepEqual(
    (await world.quarantined()).map(({ key }) => key),
    ['staging/orders/ds=2/bad.parquet'],
  );
}

for (const deleteSources of [false, true]) {
  const config = { deleteSources };
  describe(`a failure at any one store call loses and doubles no file, deleteSources: ${deleteSources}`, async () => {
    const counted: FaultyStore[] = [];
    const rehearsal = createMergeWorld({
      config,
      wrap: (store) => {
        const faulty = createFaultyStore(store, () => undefined);
        counted.push(faulty);
        return faulty;
      },
    });
    const batch = await prepare(rehearsal);
    rehearsal.coldStart();
    await rehearsal.deliver(...batch);
    const calls = counted.at(-1)?.calls.length ?? 0;

    it('(the run makes a fair number of calls)', async () => {
      await assertOutcome(rehearsal);
      assert.ok(calls >= 12, `${calls} calls`);
    });

    for (const { name, number, fault } of everySingleFault(calls)) {
      it(name, async () => {
        let armed = false;
        const world = createMergeWorld({
          config,
          wrap: (store) => (armed ? createFaultyStore(store, failCall(number, fault)) : store),
        });
        const batch = await prepare(world);
        armed = true;
        world.coldStart();
        const failed = await world.deliver(...batch);
        armed = false;
        if (fault.kind === 'crash') world.coldStart();
        // A process that died has answered nothing. What comes again comes in other batches.
        const again = fault.kind === 'crash' ? batch : batch.filter((_, index) => failed.includes(`m${index}`));
        for (const part of [again.slice(0, 2), again.slice(2), batch.toReversed()]) {
          if (part.length > 0) assert.deepEqual(await world.deliver(...part), []);
        }
        await assertOutcome(world);
      });
    }
  });
}
