import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreError } from '../../src/storage/object-store.ts';
import { createAppendWorld, type World } from '../support/append-world.ts';
import { parquet, rowsOf } from '../support/landing.ts';

const small = parquet(rowsOf(0, 10));
const large = parquet(rowsOf(0, 2_000));

/** Path and size of the active files; the sizes of the objects must be the same. */
async function sizes(world: World): Promise<Record<string, number>> {
  const { files } = await world.table('web');
  for (const { path, size } of files) assert.equal((await world.store.head(`web/${path}`))?.size, size, path);
  return Object.fromEntries(files.map(({ path, size }) => [path, size]));
}

function foreignAdd(path: string, size: number, dataChange = true) {
  return { add: { path, partitionValues: {}, size, modificationTime: 0, dataChange, stats: '{"numRecords":10}' } };
}

async function seeded(config: unknown = {}): Promise<World> {
  const world = createAppendWorld({ config });
  await world.deliver([await world.land('web/seed.parquet', small)]);
  return world;
}

describe('a version that the log shows to be outdated answers for nothing', () => {
  it('the same bytes written again after a deletion are news, also where another writer added them first', async () => {
    const world = await seeded();
    const foreign = await world.land('web/f.parquet', small);
    await world.commitForeign('web', [foreignAdd('f.parquet', small.length)]);
    await world.deliver([foreign]);
    await world.deliver([await world.remove('web/f.parquet')]);
    await world.deliver([await world.land('web/f.parquet', small)]);
    assert.equal((await sizes(world))['f.parquet'], small.length);
  });

  it('an object that goes from one content to another and back ends as it is', async () => {
    const world = await seeded();
    const first = await world.land('web/f.parquet', small);
    await world.commitForeign('web', [foreignAdd('f.parquet', small.length)]);
    await world.deliver([first]);
    await world.deliver([await world.land('web/f.parquet', large)]);
    await world.deliver([await world.land('web/f.parquet', small)]);
    assert.equal((await sizes(world))['f.parquet'], small.length);
  });
});

describe('what another environment does between the look at an object and the commit', () => {
  it('a newer version of the object is not replaced by the older one', async () => {
    const world = await seeded();
    const other = world.otherEnvironment();
    const first = await world.land('web/f.parquet', small);
    world.beforeCommit(async () => {
      const second = await world.land('web/f.parquet', large);
      // Its first event comes late: the other environment takes what is there, and knows no sequencer for it.
      await other(first);
      await other(second);
    });
    assert.deepEqual(await world.deliver([first]), []);
    assert.equal((await sizes(world))['f.parquet'], large.length);
  });

  it('an object that was written again is not removed', async () => {
    const world = await seeded();
    const other = world.otherEnvironment();
    await world.deliver([await world.land('web/f.parquet', small)]);
    const removed = await world.remove('web/f.parquet');
    world.beforeCommit(async () => other(await world.land('web/f.parquet', large)));
    assert.deepEqual(await world.deliver([removed]), []);
    assert.equal((await sizes(world))['f.parquet'], large.length);
  });

  it('an object that is deleted during a slow commit does not stay in the table', async () => {
    const world = await seeded();
    const other = world.otherEnvironment();
    const record = await world.land('web/f.parquet', small);
    world.beforeCommit(async () => {
      await other(await world.remove('web/f.parquet'));
      world.advance(5_000);
    });
    assert.deepEqual(await world.deliver([record]), []);
    assert.deepEqual(Object.keys(await sizes(world)), ['seed.parquet']);
  });

  it('a table that is made, compacted and checkpointed meanwhile does not hide a duplicate', async () => {
    const world = createAppendWorld();
    const other = world.otherEnvironment();
    const duplicate = await world.land('web/dup.parquet', small);
    world.beforeCommit(async () => {
      await other(duplicate);
      await world.commitForeign('web', [
        { remove: { path: 'dup.parquet', dataChange: false, deletionTimestamp: world.now() } },
        foreignAdd('compacted.parquet', 1, false),
      ]);
      await world.checkpoint('web');
    });
    await world.deliver([duplicate, await world.land('web/new.parquet', small)]);
    const { files } = await world.table('web');
    assert.deepEqual(files.map(({ path }) => path).sort(), ['compacted.parquet', 'new.parquet']);
  });

  it('an adopted file that is overwritten meanwhile comes in as it is', async () => {
    const world = createAppendWorld({ config: { defaults: { adoptExisting: true } } });
    const other = world.otherEnvironment();
    await world.land('web/f.parquet', small);
    const seed = await world.land('web/seed.parquet', small);
    world.beforeCommit(async () => {
      world.beforeCommit(async () => {
        await other(await world.land('web/f.parquet', large));
      });
    });
    await world.deliver([seed]);
    await world.deliver([seed]);
    assert.equal((await sizes(world))['f.parquet'], large.length);
  });
});

describe('a duplicate of a compacted file', () => {
  it('is told by the tombstones where the log was cleaned up', async () => {
    const world = await seeded();
    const duplicate = await world.land('web/dup.parquet', small);
    await world.deliver([duplicate]);
    world.advance(1_000);
    const remove = { path: 'dup.parquet', dataChange: false, deletionTimestamp: world.now() };
    await world.commitForeign('web', [{ remove }, foreignAdd('compacted.parquet', 1, false)]);
    world.advance(2 * 86_400_000);
    await world.deliver([await world.land('web/late.parquet', small)]);
    await world.checkpoint('web', [{ remove }]);
    for (const version of [0, 1, 2])
      await world.store.delete(`web/_delta_log/${String(version).padStart(20, '0')}.json`);
    world.coldStart();
    await world.deliver([duplicate]);
    const { files } = await world.table('web');
    assert.deepEqual(files.map(({ path }) => path).sort(), ['compacted.parquet', 'late.parquet', 'seed.parquet']);
  });
});

describe('an active file that is overwritten by one that cannot be taken', () => {
  it('leaves the table: its rows are gone', async () => {
    const world = await seeded();
    await world.deliver([await world.land('web/f.parquet', small)]);
    const unfit = await world.land('web/f.parquet', parquet([{ id: 'x' }], { id: 'string' }));
    assert.deepEqual(await world.deliver([unfit]), []);
    assert.deepEqual(Object.keys(await sizes(world)), ['seed.parquet']);
    assert.equal((await world.quarantined('web')).length, 1);
    await world.deliver([unfit]);
    assert.deepEqual(Object.keys(await sizes(world)), ['seed.parquet']);
  });
});

describe('an object that cannot be read', () => {
  it('fails its own messages and no others', async () => {
    const world = createAppendWorld({
      wrap: (store) => ({
        ...store,
        async get(key, options) {
          if (key.endsWith('archived.parquet')) throw new StoreError('ACCESS_DENIED', 'get', key, 'archived');
          return store.get(key, options);
        },
      }),
    });
    const good = await world.land('web/good.parquet', small);
    const archived = await world.land('web/archived.parquet', small);
    for (let delivery = 0; delivery < 3; delivery++) {
      assert.deepEqual(await world.deliver([good], [archived], [good, archived]), ['m1', 'm2']);
    }
    assert.deepEqual(Object.keys(await sizes(world)), ['good.parquet']);
  });

  it('fails its messages also when that comes out after a lost race', async () => {
    let unavailable = false;
    const world = createAppendWorld({
      wrap: (store) => ({
        ...store,
        async get(key, options) {
          if (unavailable && key.endsWith('f.parquet')) throw new StoreError('UNAVAILABLE', 'get', key, 'throttled');
          return store.get(key, options);
        },
        async head(key) {
          if (unavailable && key.endsWith('gone.parquet'))
            throw new StoreError('UNAVAILABLE', 'head', key, 'throttled');
          return store.head(key);
        },
      }),
    });
    const other = world.otherEnvironment();
    await world.deliver([await world.land('web/gone.parquet', small)]);
    const first = await world.land('web/f.parquet', small);
    const removed = await world.remove('web/gone.parquet');
    const good = await world.land('web/good.parquet', small);
    world.beforeCommit(async () => {
      const second = await world.land('web/f.parquet', large);
      await other(first);
      await other(second);
      unavailable = true;
    });
    assert.deepEqual(await world.deliver([first], [removed], [good]), ['m0', 'm1']);
    unavailable = false;
    assert.deepEqual(await world.deliver([first], [removed]), []);
    assert.deepEqual(Object.keys(await sizes(world)).sort(), ['f.parquet', 'good.parquet']);
  });

  it('a deleted key that no file can have is passed over', async () => {
    const world = await seeded();
    assert.deepEqual(
      await world.deliver([await world.land('web/a.parquet', small), removedKey(world, 'web/x\u0000y')]),
      [],
    );
  });
});

function removedKey(world: World, key: string): object {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName: 'ObjectRemoved:Delete',
    eventTime: new Date(world.now()).toISOString(),
    s3: { bucket: { name: 'landing' }, object: { key: encodeURIComponent(key) } },
  };
}

describe('the end of the invocation', () => {
  it('is kept by a table that hangs: the others are answered for', async () => {
    const world = createAppendWorld({
      wrap: (store) => ({
        ...store,
        get: (key, options) => (key.startsWith('hangs/') ? new Promise(() => {}) : store.get(key, options)),
      }),
    });
    const records = [await world.land('hangs/a.parquet', small), await world.land('web/a.parquet', small)];
    const messages = records.map((record, index) => ({
      messageId: `m${index}`,
      body: JSON.stringify({ Records: [record] }),
    }));
    assert.deepEqual(await world.deliverEvent({ Records: messages }, 2_300), ['m0']);
    assert.deepEqual(Object.keys(await sizes(world)), ['a.parquet']);
  });
});
