import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFaultyStore, everySingleFault, type FaultyStore, failCall } from '../support/faulty-store.ts';
import { createLoadWorld, type LoadWorld } from '../support/load-world.ts';

/** Three parts in two partitions, with a rejected row, and a file of one part. */
const COUNT = 25_000;
const lines = Array.from({ length: COUNT }, (_, id) => JSON.stringify({ id, p: `p${id % 2}` }));
const large = [...lines.slice(0, 10), 'rejected', ...lines.slice(10)].join('\n');
const small = '{"id":25000,"p":"p0"}\nrejected\n{"id":25001,"p":"p1"}\n';
const options = {
  rule: { partitionBy: [{ name: 'p' }], maxRejected: 1 },
  config: { partRows: 10_000 },
};

async function assertOutcome(world: LoadWorld, name: string): Promise<void> {
  await world.append(2);
  const ids = (await world.rows()).map(({ id }) => Number(id)).sort((a, b) => a - b);
  const expected = name === 'large' ? lines.map((_, id) => id) : [COUNT, COUNT + 1];
  assert.deepEqual(ids, expected);
  assert.deepEqual(await world.quarantined(), []);
  assert.equal((await world.keys('lake/t/_resaca/loaded/')).length, 1);
  assert.equal((await world.keys('lake/t/_resaca/rejected/')).length, 1);
}

for (const [name, body] of [
  ['large', large],
  ['small', small],
] as const) {
  describe(`a failure before or after any store call of a ${name} file loses and doubles no row`, async () => {
    const counted: FaultyStore[] = [];
    const rehearsal = createLoadWorld({
      ...options,
      wrap: (store) => {
        const faulty = createFaultyStore(store, () => undefined);
        counted.push(faulty);
        return faulty;
      },
    });
    await rehearsal.run(await rehearsal.put('in/a.jsonl', body));
    const calls = counted.reduce((sum, store) => sum + store.calls.length, 0);

    it('(the run makes a fair number of calls)', async () => {
      await assertOutcome(rehearsal, name);
      assert.ok(calls >= 10, `${calls} calls`);
    });

    for (const { name: fault, number, fault: how } of everySingleFault(calls)) {
      it(fault, async () => {
        let faulty: FaultyStore | undefined;
        let isArmed = true;
        const world = createLoadWorld({
          ...options,
          wrap: (store) => {
            if (!isArmed) return store;
            faulty ??= createFaultyStore(store, failCall(number, how));
            return faulty;
          },
        });
        const event = await world.put('in/a.jsonl', body);
        await world.invoke(event);
        // What is visible by now may be appended before the message comes again.
        await world.append();
        isArmed = false;
        await world.run(event);
        await world.run(event);
        await assertOutcome(world, name);
      });
    }
  });
}
