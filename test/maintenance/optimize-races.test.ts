import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { tableKey } from '../../src/delta/table.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { structField } from '../support/interop/type-cases.ts';
import { createOptimizeWorld, type OptimizeWorld } from './optimize-world.ts';

/** The store with something that happens once, just before the first commit reaches it. */
function beforeCommit(store: ObjectStore, act: () => Promise<void>): ObjectStore & { readonly gets: string[] } {
  let isDone = false;
  const gets: string[] = [];
  return {
    ...store,
    gets,
    get(key, options) {
      if (isDone && key.endsWith('.parquet')) gets.push(key);
      return store.get(key, options);
    },
    async putIfAbsent(key, body) {
      if (!isDone) {
        isDone = true;
        await act();
      }
      return store.putIfAbsent(key, body);
    },
  };
}

/** Two bins of three files. */
async function twoBins(): Promise<OptimizeWorld> {
  const world = await createOptimizeWorld();
  await world.appendMany(3, 4, '2026-11-23');
  await world.appendMany(3, 4, '2026-11-24', 100);
  return world;
}

async function fileOf(world: OptimizeWorld, ds: string, index = 0): Promise<AddFile> {
  const file = (await world.files()).filter(({ partitionValues }) => partitionValues.ds === ds)[index];
  assert.ok(file);
  return file;
}

describe('Compaction beside other writers', () => {
  it('commits behind an append, and reads no file again for it', async () => {
    const world = await twoBins();
    const store = beforeCommit(world.store, async () => {
      await world.append([[999, 'late']], { ds: '2026-11-24' });
    });
    const result = await world.optimize({}, store);
    assert.deepEqual([result.versions, result.conflicts, result.filesRemoved], [[8], 0, 6]);
    assert.equal((await world.rows()).length, 25);
    assert.deepEqual(store.gets, []);
  });

  it('gives up the bin of which a file was deleted, and commits the other', async () => {
    const world = await twoBins();
    const gone = await fileOf(world, '2026-11-24', 1);
    const store = beforeCommit(world.store, () => world.remove(gone));
    const result = await world.optimize({}, store);
    assert.deepEqual([result.filesRemoved, result.conflicts, result.remaining.bins], [3, 1, 1]);
    assert.equal((await world.rows()).length, 20);
    assert.equal((await world.files()).length, 3);
    const compacted = (await Array.fromAsync(world.store.list('lake/t/'))).filter(({ key }) => /compacted/.test(key));
    assert.equal(compacted.length, 1, 'the file of the bin that was given up is gone');
    assert.equal((await world.optimize()).filesRemoved, 2);
    assert.equal((await world.rows()).length, 20);
  });

  it('gives up a bin of which a file was overwritten and added again', async () => {
    const world = await twoBins();
    const old = await fileOf(world, '2026-11-23');
    const news = await world.write([[7_000, 'new']], { ds: '2026-11-23' });
    const store = beforeCommit(world.store, async () => {
      const { body } = await world.store.get(tableKey(world.table, decodeURIComponent(news.path)));
      await world.store.put(tableKey(world.table, decodeURIComponent(old.path)), body);
      await world.commit([{ add: { ...old, size: body.length } }]);
    });
    const result = await world.optimize({}, store);
    assert.deepEqual([result.filesRemoved, result.conflicts], [3, 1]);
    assert.deepEqual((await world.rows()).filter(([id]) => id === 7_000n).length, 1);
    assert.equal((await world.rows()).length, 21);
  });

  it('gives up a bin when rows of one of its files were deleted by a vector meanwhile', async () => {
    const world = await twoBins();
    const add = await fileOf(world, '2026-11-24');
    const deletionVector = { storageType: 'i', pathOrInlineDv: 'x', sizeInBytes: 1, cardinality: 1 };
    const store = beforeCommit(world.store, async () => {
      await world.commit([
        { remove: { path: add.path, dataChange: true, deletionTimestamp: world.now() } },
        { add: { ...add, deletionVector } },
      ]);
    });
    const result = await world.optimize({}, store);
    assert.deepEqual([result.filesRemoved, result.conflicts], [3, 1]);
    assert.equal((await world.files()).filter((file) => file.deletionVector !== undefined).length, 1);
  });

  it('sees what was committed while the files were written, without a lost race', async () => {
    const world = await twoBins();
    const gone = await fileOf(world, '2026-11-23');
    const store: ObjectStore = {
      ...world.store,
      async putStream(key, pieces) {
        const size = await world.store.putStream(key, pieces);
        if (key.includes('2026-11-23')) await world.remove(gone);
        return size;
      },
    };
    const result = await world.optimize({}, store);
    assert.deepEqual([result.filesRemoved, result.conflicts], [3, 1]);
    assert.equal((await world.rows()).length, 20);
  });

  it('gives everything up when the columns changed, and goes on the next time', async () => {
    const world = await twoBins();
    const { schema } = await loadSnapshot(world.table, world.engine.reader);
    const store = beforeCommit(world.store, () =>
      world.alter({ type: 'struct', fields: [...schema.fields, structField('city', 'string')] }),
    );
    const result = await world.optimize({}, store);
    assert.deepEqual([result.versions, result.conflicts, result.remaining.bins], [[], 2, 2]);
    assert.equal((await world.optimize()).filesRemoved, 6);
  });

  it('lets one of two optimizers have each bin, and no row come twice', async () => {
    const world = await twoBins();
    const before = await world.sortedRows();
    const store = beforeCommit(world.store, async () => {
      assert.equal(
        (await world.optimize({ where: [{ column: 'ds', operator: '=', value: '2026-11-24' }] })).filesRemoved,
        3,
      );
    });
    const result = await world.optimize({}, store);
    assert.deepEqual([result.filesRemoved, result.conflicts], [3, 1]);
    assert.deepEqual(await world.sortedRows(), before);
    assert.equal((await world.files()).length, 2);
  });

  it('is safe when both optimizers, appends and deletes go on all the time', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(6, 3, '2026-11-24');
    const victims = await world.files();
    const options = { targetSize: 4_000, minFileSize: 3_000, binsPerCommit: 1 };
    await Promise.all([
      world.optimize(options),
      world.optimize(options),
      world.appendMany(4, 3, '2026-11-24', 500),
      (async () => {
        const [victim] = victims;
        assert.ok(victim);
        const isActive = (await world.files()).some(({ path }) => path === victim.path);
        if (isActive) await tryRemove(world, victim);
      })(),
    ]);
    const ids = (await world.rows()).map(([id]) => id as bigint);
    assert.equal(new Set(ids).size, ids.length, 'no row is there twice');
    const isGone = !ids.includes(0n) && !ids.includes(1n);
    assert.equal(ids.length, isGone ? 27 : 30);
  });
});

/** A delete as a careful writer makes it: only on the version that it looked at. */
async function tryRemove(world: OptimizeWorld, { path, partitionValues, size }: AddFile): Promise<void> {
  const snapshot = await loadSnapshot(world.table, world.engine.reader);
  const isActive = (await world.files()).some((file) => file.path === path);
  const remove: Action = { remove: { path, partitionValues, size, dataChange: true, deletionTimestamp: world.now() } };
  if (isActive) {
    const body = new TextEncoder().encode(`${JSON.stringify(remove)}\n`);
    const name = String(snapshot.version + 1).padStart(20, '0');
    await world.store.putIfAbsent(`lake/t/_delta_log/${name}.json`, body);
  }
}

describe('A failure before or after any one store call of a compaction loses and doubles nothing', async () => {
  const rehearsal = await twoBins();
  const before = await rehearsal.sortedRows();
  const counted = createFaultyStore(rehearsal.store, () => undefined);
  await rehearsal.optimize({ binsPerCommit: 1 }, counted);
  const calls = counted.calls.length;

  it('(the run makes a fair number of calls)', () => {
    assert.ok(calls > 15, `${calls} calls`);
  });

  for (const { name, number, fault } of everySingleFault(calls)) {
    it(name, async () => {
      const world = await twoBins();
      const faulty = createFaultyStore(world.store, failCall(number, fault));
      await world.optimize({ binsPerCommit: 1 }, faulty).catch(() => undefined);
      assert.deepEqual(await world.sortedRows(), before);
      await world.optimize();
      assert.deepEqual(await world.sortedRows(), before);
      assert.equal((await world.files()).length, 2);
    });
  }
});
