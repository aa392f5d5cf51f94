import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitRequests, RateLimit } from '../../src/recovery/backfill/rate-limit.ts';
import { type BackfillOptions, runBackfill } from '../../src/recovery/backfill/run.ts';
import { readState } from '../../src/recovery/backfill/state.ts';
import { listObjects } from '../../src/recovery/listing.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createCountingStore } from '../support/counting-store.ts';
import { type CrashError, createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { createRecoveryWorld, HOUR } from '../support/recovery-world.ts';

type World = ReturnType<typeof createRecoveryWorld>;

function backfill(world: World, options: Partial<BackfillOptions> = {}, store: ObjectStore = world.store) {
  const place = world.tableAt('raw', store);
  return runBackfill(world.engine, place, {
    id: 'test',
    tableAt: (root) => world.tableAt(root, store),
    source: {
      isOld: false,
      async *list(after) {
        for await (const object of listObjects(place)) if (object.path > (after?.after ?? '')) yield object;
      },
    },
    ...options,
  });
}

/** Six files of three tables, one of which there is already, and what is not to be taken. */
async function landed(): Promise<World> {
  const world = createRecoveryWorld();
  await world.deliver([await world.drop('raw/web/ds=1/live.parquet')]);
  for (const key of ['orders/ds=1/a', 'orders/ds=2/b', 'users/c', 'web/ds=0/d', 'web/ds=2/e']) {
    await world.drop(`raw/${key}.parquet`);
  }
  await world.drop('raw/web/_hidden/x.parquet');
  world.advance(2 * HOUR);
  return world;
}

async function assertAll(world: World): Promise<void> {
  assert.deepEqual(await world.adds('raw/orders'), { 'ds=1/a.parquet': 1, 'ds=2/b.parquet': 1 });
  assert.deepEqual(await world.adds('raw/users'), { 'c.parquet': 1 });
  assert.deepEqual(await world.adds('raw/web'), { 'ds=0/d.parquet': 1, 'ds=1/live.parquet': 1, 'ds=2/e.parquet': 1 });
}

describe('a backfill', () => {
  it('takes the files of many tables into them, in batches', async () => {
    const world = await landed();
    const result = await backfill(world, { batchFiles: 2, counts: true });
    assert.deepEqual([result.added, result.known, result.tables, result.remaining, result.total], [5, 1, 3, false, 8]);
    await assertAll(world);
  });

  it('writes nothing in a dry run that is given tables which are not written', async () => {
    const world = await landed();
    const { store } = world;
    const dry: ObjectStore = { ...store, putIfAbsent: async () => 'created', put: async () => undefined };
    const result = await backfill(world, { dryRun: true }, dry);
    assert.equal(result.added, 5);
    assert.deepEqual(await world.adds('raw/users'), {});
    assert.equal(await readState(world.tableAt('raw'), 'test'), undefined);
  });

  it('goes on where it was stopped, and counts on', async () => {
    const world = await landed();
    const controller = new AbortController();
    const first = await backfill(world, {
      batchFiles: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    assert.deepEqual([first.remaining, first.added], [true, 2]);
    const state = await readState(world.tableAt('raw'), 'test');
    assert.equal(state?.after, 'orders/ds=2/b.parquet');
    const second = await backfill(world, { batchFiles: 2 });
    assert.deepEqual([second.remaining, second.added, second.listedBefore], [false, 5, 2]);
    await assertAll(world);
    assert.equal((await readState(world.tableAt('raw'), 'test'))?.isDone, true);
    // Once more from the beginning: all is known.
    const third = await backfill(world);
    assert.deepEqual([third.added, third.known, third.listedBefore], [0, 6, 0]);
  });

  it('leaves out the tables of streams, and says so', async () => {
    const world = await landed();
    await world.commitForeign('raw/web', [{ txn: { appId: 'kafka', version: 1 } }]);
    const { added, leftOut } = await backfill(world);
    assert.equal(added, 3);
    assert.deepEqual(Object.keys(leftOut), ['s3://landing/raw/web']);
  });

  it('knows live events that come before and after it', async () => {
    const world = createRecoveryWorld();
    const events = [await world.drop('raw/web/a.parquet'), await world.drop('raw/web/b.parquet')];
    world.advance(2 * HOUR);
    await world.deliver(events.slice(0, 1));
    await backfill(world);
    await world.deliver(events);
    assert.deepEqual(await world.adds('raw/web'), { 'a.parquet': 1, 'b.parquet': 1 });
  });

  it('refuses a position that is none', async () => {
    const world = await landed();
    await world.store.put('raw/_resaca/backfill/test.json', Buffer.from('{"format":7}'));
    await assert.rejects(backfill(world), /raw\/_resaca\/backfill\/test.json has the format 7, expected 1/);
    assert.equal((await backfill(world, { restart: true })).added, 5);
  });
});

describe('a crash of a backfill, before or after any one store call', async () => {
  const rehearsal = await landed();
  const counted = createFaultyStore(rehearsal.store, () => undefined);
  await backfill(rehearsal, { batchFiles: 2 }, counted);

  it('(the run makes a fair number of calls)', () => assert.ok(counted.calls.length >= 20, `${counted.calls.length}`));

  for (const { name, number, fault } of everySingleFault(counted.calls.length)) {
    it(name, async () => {
      const world = await landed();
      const faulty = createFaultyStore(world.store, failCall(number, fault));
      await backfill(world, { batchFiles: 2 }, faulty).catch((error: CrashError) => error);
      const { failed } = await backfill(world, { batchFiles: 2 });
      // What the store would not show is for another run.
      if (failed > 0) await backfill(world, { restart: true });
      await assertAll(world);
    });
  }
});

describe('the limits of a rate', () => {
  function clockOf() {
    let time = 1_000;
    const sleep = async (ms: number): Promise<void> => {
      time += ms;
    };
    return { now: () => time, sleep };
  }

  it('let so many pass in a second, and do not save up', async () => {
    const clock = clockOf();
    const limit = new RateLimit(10, clock);
    await limit.take(5);
    assert.equal(clock.now(), 1_000);
    await limit.take();
    assert.equal(clock.now(), 1_500);
    await clock.sleep(60_000);
    await limit.take(20);
    await limit.take();
    assert.equal(clock.now(), 63_500);
  });

  it('hold for every request to a store', async () => {
    const clock = clockOf();
    const counted = createCountingStore(createMemoryStore());
    const store = limitRequests(counted, new RateLimit(2, clock));
    await store.put('a', new Uint8Array(1));
    await store.putIfAbsent('b', new Uint8Array(1));
    await store.get('a');
    await store.head('a');
    await store.delete('b');
    assert.deepEqual(
      (await Array.fromAsync(store.list(''))).map(({ key }) => key),
      ['a'],
    );
    const { put, putIfAbsent, get, head, list } = counted.counts;
    assert.equal(put + putIfAbsent + get + head + list + counted.counts.delete, 6);
    assert.equal(clock.now(), 1_000 + 5 * 500);
  });
});
