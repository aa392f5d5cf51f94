import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAppendWorld, type World } from '../support/append-world.ts';
import { createFaultyStore, everySingleFault, type FaultyStore, failCall } from '../support/faulty-store.ts';
import { parquet, ROW_COLUMNS, rowsOf } from '../support/landing.ts';

/** A run that touches everything: two tables, a new one and an old one with a new column, a removal, a bad file. */
async function scenario(world: World): Promise<object[][]> {
  await world.deliver([
    await world.land('old/ds=1/a.parquet', parquet(rowsOf(0, 5))),
    await world.land('old/ds=1/b.parquet', parquet(rowsOf(5, 5))),
  ]);
  const wider = parquet([{ id: 1, name: 'x', city: 'Porto' }], { ...ROW_COLUMNS, city: 'string' });
  return [
    [await world.land('old/ds=2/c.parquet', wider), await world.remove('old/ds=1/a.parquet')],
    [await world.land('new/ds=1/d.parquet', parquet(rowsOf(10, 5)))],
    [await world.land('old/ds=3/bad.parquet', new TextEncoder().encode('not parquet, by no means'))],
  ];
}

async function assertOutcome(world: World): Promise<void> {
  const old = await world.table('old');
  assert.deepEqual(old.files.map(({ path }) => decodeURIComponent(path)).sort(), ['ds=1/b.parquet', 'ds=2/c.parquet']);
  assert.deepEqual(
    (await world.table('new')).files.map(({ path }) => decodeURIComponent(path)),
    ['ds=1/d.parquet'],
  );
  assert.deepEqual(
    (await world.quarantined('old')).map(({ reason, path }) => `${reason} ${path}`),
    ['NOT_PARQUET ds=3/bad.parquet'],
  );
  assert.equal(await addsOf(world, 'old'), 3, 'every file was added exactly once, over the whole log');
  assert.equal(await addsOf(world, 'new'), 1);
}

/** Adds in all commits of the table. */
async function addsOf(world: World, root: string): Promise<number> {
  let adds = 0;
  for await (const { key } of world.store.list(`${root}/_delta_log/`)) {
    const text = new TextDecoder().decode((await world.store.get(key)).body);
    adds += text.split('\n').filter((line) => line.startsWith('{"add"')).length;
  }
  return adds;
}

describe('a failure before or after any one store call loses and doubles nothing', async () => {
  const counted: FaultyStore[] = [];
  const rehearsal = createAppendWorld({
    wrap: (store) => {
      const faulty = createFaultyStore(store, () => undefined);
      counted.push(faulty);
      return faulty;
    },
  });
  const messages = await scenario(rehearsal);
  rehearsal.coldStart();
  counted.length = 0;
  assert.deepEqual(await rehearsal.deliver(...messages), []);
  const calls = counted.reduce((sum, store) => sum + store.calls.length, 0);

  it('(the run makes a fair number of calls)', async () => {
    await assertOutcome(rehearsal);
    assert.ok(calls >= 12, `${calls} calls`);
  });

  for (const { name, number, fault } of everySingleFault(calls)) {
    it(name, async () => {
      let armed = false;
      let shared: FaultyStore | undefined;
      const world = createAppendWorld({
        wrap: (store) => {
          if (!armed) return store;
          shared ??= createFaultyStore(store, failCall(number, fault));
          return shared;
        },
      });
      const messages = await scenario(world);
      armed = true;
      world.coldStart();
      const failed = await world.deliver(...messages);
      armed = false;
      if (fault.kind === 'crash') world.coldStart();
      // What failed is delivered again; after a crash, everything is.
      const again = fault.kind === 'crash' ? messages : messages.filter((_, index) => failed.includes(`m${index}`));
      assert.deepEqual(await world.deliver(...again), []);
      assert.deepEqual(await world.deliver(...messages), []);
      await assertOutcome(world);
    });
  }
});
