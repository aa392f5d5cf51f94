import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAppendWorld } from '../support/append-world.ts';
import { putClassicCheckpoint } from '../support/checkpoint-fixtures.ts';
import { type CountingStore, createCountingStore } from '../support/counting-store.ts';
import { parquet, rowsOf } from '../support/landing.ts';

const FILES = 10;

/**
 * A table with `active` files in a checkpoint and `commits` commits since, made by another writer. To read its hint, which
 * only a cold start does, takes `loadTime` ms.
 */
async function tableOf(active: number, commits = 0, loadTime = 0) {
  let counting: CountingStore | undefined;
  const world = createAppendWorld({
    wrap: (store) => {
      counting ??= createCountingStore({
        ...store,
        get(key, options) {
          if (key.endsWith('_last_checkpoint')) world.advance(loadTime);
          return store.get(key, options);
        },
      });
      return counting;
    },
  });
  await world.deliver([await world.land('web/ds=0/first.parquet', parquet(rowsOf(0, 1)))]);
  const { snapshot } = await world.table('web');
  const adds = Array.from({ length: active }, (_, index) => ({
    add: {
      path: `ds=0/part-${index}.parquet`,
      partitionValues: { ds: '0' },
      size: 1000,
      modificationTime: 0,
      dataChange: true,
      stats: '{"numRecords":10}',
    },
  }));
  await putClassicCheckpoint(snapshot.table, 0, [
    { protocol: snapshot.protocol },
    { metaData: snapshot.metadata },
    ...adds,
  ]);
  await world.store.put(
    'web/_delta_log/_last_checkpoint',
    new TextEncoder().encode(`{"version":0,"size":${active + 2}}`),
  );
  for (let commit = 0; commit < commits; commit++) await world.commitForeign('web', []);
  // Long enough ago for the events of the test to be newer than every commit.
  world.advance(3_600_000);
  world.coldStart();
  const appendNew = async (name: string) => {
    const records: object[] = [];
    for (let file = 0; file < FILES; file++) {
      records.push(await world.land(`web/ds=1/${name}-${file}.parquet`, parquet(rowsOf(file, 1))));
    }
    counting?.reset();
    assert.deepEqual(await world.deliver(records), []);
    assert.ok(counting);
    const { get, put, putIfAbsent, list, head } = counting.counts;
    return { get, put, putIfAbsent, list, head };
  };
  return { world, appendNew };
}

describe('an append costs what the new files cost, not what the table costs', () => {
  const warm = { get: FILES, list: 0, putIfAbsent: 1, put: 0, head: 2 };

  for (const active of [10, 100_000]) {
    for (const commits of [0, 99]) {
      it(`warm, ${active} files, ${commits} commits since the checkpoint: k GETs, 2 HEADs, 1 PUT`, async () => {
        const { world, appendNew } = await tableOf(active, commits);
        await appendNew('cold');
        world.advance(500_000);
        assert.deepEqual(await appendNew('warm'), warm);
        assert.deepEqual(await appendNew('again'), warm);
      });
    }
  }

  it('warm after more than ten minutes: 1 LIST in place of the HEADs', async () => {
    const { world, appendNew } = await tableOf(10);
    await appendNew('cold');
    world.advance(600_001);
    assert.deepEqual(await appendNew('warm'), { ...warm, head: 0, list: 1 });
  });

  it('warm, where another writer has committed meanwhile: 1 LIST and 1 GET more', async () => {
    const { world, appendNew } = await tableOf(10);
    await appendNew('cold');
    await world.commitForeign('web', []);
    assert.deepEqual(await appendNew('warm'), { ...warm, get: FILES + 1, list: 1 });
  });

  it('warm, where the log is kept for less than an hour: 1 LIST in place of the HEADs', async () => {
    const { world, appendNew } = await tableOf(10);
    const { metadata } = (await world.table('web')).snapshot;
    const configuration = { ...metadata.configuration, 'delta.logRetentionDuration': 'interval 59 minutes' };
    await world.commitForeign('web', [{ metaData: { ...metadata, configuration } }]);
    await appendNew('cold');
    assert.deepEqual(await appendNew('warm'), { ...warm, head: 0, list: 1 });
  });

  it('cold, the same few requests more at 10 and at 100,000 files', async () => {
    const small = await (await tableOf(10)).appendNew('cold');
    const large = await (await tableOf(100_000)).appendNew('cold');
    assert.deepEqual(large, small);
    const more = large.get + large.list + large.head + large.putIfAbsent - FILES;
    assert.ok(more < 10, `${more} requests besides the footers`);
  });

  it('cold, no second look at the files, however long it takes to load the table', async () => {
    const { head } = await (await tableOf(10, 0, 5_000)).appendNew('cold');
    assert.equal(head, 0);
  });

  it('after a lost race, 1 GET to see whose the version is, 1 LIST, 1 GET of the winner and 1 PUT more', async () => {
    let raced = false;
    let counting: CountingStore | undefined;
    const world = createAppendWorld({
      wrap: (store) => {
        counting ??= createCountingStore({
          ...store,
          async putIfAbsent(key, body) {
            if (!raced && key.endsWith('01.json')) {
              raced = true;
              await world.commitForeign('web', []);
            }
            return store.putIfAbsent(key, body);
          },
        });
        return counting;
      },
    });
    await world.deliver([await world.land('web/a.parquet', parquet(rowsOf(0, 1)))]);
    const record = await world.land('web/b.parquet', parquet(rowsOf(0, 1)));
    counting?.reset();
    assert.deepEqual(await world.deliver([record]), []);
    assert.equal((await world.table('web')).snapshot.version, 2);
    const { get, head, list, putIfAbsent } = counting?.counts ?? assert.fail();
    assert.deepEqual({ get, head, list, putIfAbsent }, { get: 3, head: 2, list: 1, putIfAbsent: 2 });
    assert.equal(world.metrics.at(-1)?.conflicts, 1);
  });
});
