import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { tableKey } from '../../src/delta/table.ts';
import { putPending } from '../../src/kafka/deferred/pending.ts';
import { type VacuumOptions, vacuumTable } from '../../src/maintenance/vacuum/vacuum.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { putClassicCheckpoint } from '../support/checkpoint-fixtures.ts';
import { createCountingStore } from '../support/counting-store.ts';
import {
  add,
  collect,
  FIRST_TIME,
  featureProtocol,
  metaData,
  protocol,
  remove,
  txn,
} from '../support/delta-log-builder.ts';
import { createHistoryWorld, DAY, deletionVector, type HistoryWorld, HOUR } from '../support/history-world.ts';

const UUID = '0d3a3f2a-6b11-4a52-9d57-5b8d0c1e6f0a';

/** What a vacuum leaves of the files. */
async function left(world: HistoryWorld, options?: VacuumOptions): Promise<string[]> {
  await vacuumTable(world.engine, world.table, options);
  return world.files();
}

describe('vacuum', () => {
  it('deletes what was removed before the retention, and keeps what is active or was removed within it', async () => {
    const world = await createHistoryWorld();
    await world.change(['a.parquet', 'b.parquet', 'c.parquet']);
    await world.change([], ['a.parquet']);
    world.advance(2 * DAY);
    await world.change([], ['b.parquet']);
    world.advance(6 * DAY);
    const result = await vacuumTable(world.engine, world.table);
    assert.deepEqual(await world.files(), ['b.parquet', 'c.parquet']);
    assert.deepEqual(
      { removed: result.removed, orphans: result.orphans, sample: result.sample, remaining: result.remaining },
      { removed: { files: 1, bytes: 9 }, orphans: { files: 0, bytes: 0 }, sample: ['a.parquet'], remaining: false },
    );
    assert.deepEqual([result.version, result.retention, result.before], [3, 7 * DAY, world.now() - 7 * DAY]);
  });

  it('deletes nothing in a dry run, and says the same', async () => {
    const world = await createHistoryWorld();
    await world.change(['a.parquet', 'b.parquet']);
    await world.change([], ['a.parquet']);
    await world.write('orphan.parquet');
    world.advance(8 * DAY);
    const before = await world.files();
    const dry = await vacuumTable(world.engine, world.table, { dryRun: true });
    assert.deepEqual(await world.files(), before);
    const { dryRun, ...real } = await vacuumTable(world.engine, world.table);
    assert.deepEqual({ ...real, dryRun: true }, dry);
    assert.equal(dryRun, false);
    assert.deepEqual(dry.sample, ['a.parquet', 'orphan.parquet']);
  });

  it('takes what a crashed writer left once it is old, and nothing younger', async () => {
    const world = await createHistoryWorld();
    await world.write('old.parquet');
    world.advance(7 * DAY);
    await world.write('young.parquet');
    assert.deepEqual(await left(world), ['old.parquet', 'young.parquet']);
    world.advance(1);
    assert.deepEqual(await left(world), ['young.parquet']);
  });

  /** Where the removal stands; `checkpointed`: also in a checkpoint that all is read from. */
  for (const checkpointed of [false, true]) {
    it(`needs both the time of the removal and that of the file, ${checkpointed ? 'with' : 'without'} a checkpoint`, async () => {
      const world = await createHistoryWorld();
      await world.change(['old.parquet', 'none.parquet', 'keep.parquet']);
      world.advance(10 * DAY);
      await world.write('late.parquet');
      const version = await world.commit(
        remove('old.parquet', { deletionTimestamp: world.now() - DAY }),
        remove('late.parquet', { deletionTimestamp: FIRST_TIME }),
        { remove: { path: 'none.parquet', dataChange: true } },
      );
      if (checkpointed) await world.log.checkpoint(version);
      // A commit counts by its own time, too: what it removes was in use until then.
      assert.deepEqual(await left(world), ['keep.parquet', 'late.parquet', 'none.parquet', 'old.parquet']);
      world.advance(8 * DAY);
      assert.deepEqual(await left(world), ['keep.parquet']);
    });
  }

  it('keeps what was removed lately even where the checkpoint has no tombstone of it', async () => {
    const world = await createHistoryWorld();
    await world.change(['a.parquet', 'b.parquet']);
    world.advance(20 * DAY);
    const version = await world.change([], ['a.parquet']);
    await world.log.checkpoint(version);
    await dropTombstones(world, version);
    world.advance(DAY);
    assert.deepEqual(await left(world), ['a.parquet', 'b.parquet']);
    world.advance(7 * DAY);
    assert.deepEqual(await left(world), ['b.parquet']);
  });

  it('keeps what the tombstones of the checkpoint say was removed lately, where the commits are cleaned up', async () => {
    const world = await createHistoryWorld();
    await world.change(['a.parquet', 'b.parquet']);
    world.advance(20 * DAY);
    const version = await world.change([], ['a.parquet']);
    await world.log.checkpoint(version);
    for (let old = 0; old <= version; old += 1) await world.table.store.delete(commitKey(world.table, old));
    world.advance(7 * DAY);
    assert.deepEqual(await left(world), ['a.parquet', 'b.parquet']);
    world.advance(1);
    assert.deepEqual(await left(world), ['b.parquet']);
  });

  it('has a retention of the table, a longer one on request, and a shorter one only by force', async () => {
    const world = await createHistoryWorld({
      configuration: { 'delta.deletedFileRetentionDuration': 'interval 2 days' },
    });
    await world.change(['a.parquet', 'b.parquet']);
    await world.change([], ['a.parquet']);
    world.advance(2 * DAY);
    assert.deepEqual(await left(world, { retention: 3 * DAY }), ['a.parquet', 'b.parquet']);
    await assert.rejects(vacuumTable(world.engine, world.table, { retention: HOUR }), {
      code: 'RETENTION_TOO_SHORT',
      message: /48 hours.*; 1 hours are fewer/,
    });
    for (const retention of [-1, Number.NaN]) {
      await assert.rejects(vacuumTable(world.engine, world.table, { retention, allowShortRetention: true }), {
        code: 'RETENTION_TOO_SHORT',
      });
    }
    assert.deepEqual(await left(world), ['a.parquet', 'b.parquet']);
    assert.deepEqual(await left(world, { retention: HOUR, allowShortRetention: true }), ['b.parquet']);
  });

  it('does not guess at a retention that it cannot read', async () => {
    const world = await createHistoryWorld({ configuration: { 'delta.deletedFileRetentionDuration': '2 months' } });
    await assert.rejects(vacuumTable(world.engine, world.table), { code: 'UNSUPPORTED_WRITER', message: /2 months/ });
  });

  describe('leaves alone', () => {
    const cases: Readonly<Record<string, readonly string[]>> = {
      'hidden files and folders': [
        '_SUCCESS',
        '.hidden.parquet',
        '_resaca/x.parquet',
        'a/.tmp/x.parquet',
        '_x=1/x.parquet',
      ],
      'what is no file of a table': ['notes.txt', 'sub/manifest.json', 'raw.csv'],
      "Iceberg's metadata": ['metadata/v1.metadata.json', 'metadata/x.parquet'],
      'the log': ['_delta_log/x.parquet', '_delta_log/_sidecars/x.parquet'],
      'tables below the root': [
        'Z/inner/_delta_log/00000000000000000000.json',
        'Z/inner/A.parquet',
        'Z/inner/z/z.parquet',
      ],
    };
    for (const [name, paths] of Object.entries(cases)) {
      it(name, async () => {
        const world = await createHistoryWorld();
        for (const path of paths) await world.write(path);
        await world.write('Z/stray.parquet');
        world.advance(30 * DAY);
        assert.deepEqual((await vacuumTable(world.engine, world.table)).sample, ['Z/stray.parquet']);
        for (const path of paths) assert.ok(await world.table.store.head(tableKey(world.table, path)), path);
      });
    }

    it('files of other tables beside it, whose names begin like its own', async () => {
      const world = await createHistoryWorld({ root: 'lake/orders' });
      await world.table.store.put('lake/orders_2/x.parquet', new Uint8Array(1));
      await world.table.store.put('lake/x.parquet', new Uint8Array(1));
      world.advance(30 * DAY);
      await vacuumTable(world.engine, world.table);
      assert.ok(await world.table.store.head('lake/orders_2/x.parquet'));
      assert.ok(await world.table.store.head('lake/x.parquet'));
    });

    it('what waits for the committer', async () => {
      const world = await createHistoryWorld();
      await world.write('waits.parquet');
      await world.write('left.parquet');
      const file = { path: 'waits.parquet', size: 1, rows: 1, time: 0, footer: '' };
      const keeper = 'topic' as never;
      const batch = { root: world.table.root, tableId: 'x', keeper, metadataPrefix: '', files: [file], ranges: [] };
      await putPending(world.table.store, batch, '1');
      world.advance(30 * DAY);
      assert.deepEqual(await left(world), ['waits.parquet']);
    });
  });

  it('takes hidden-looking folders of partition columns, change files and unused deletion vectors', async () => {
    const world = await createHistoryWorld({ partitionColumns: ['_day'] });
    const { path: vector } = deletionVector();
    for (const path of ['_day=1/x.parquet', '_change_data/_day=1/cdc-1.parquet', '_change_data/.x.parquet', vector]) {
      await world.write(path);
    }
    world.advance(30 * DAY);
    assert.deepEqual(await left(world), ['_change_data/.x.parquet']);
  });

  it('keeps the deletion vectors of active files and of files removed lately', async () => {
    for (const prefix of ['', 'ab']) {
      const { path, vector } = deletionVector(prefix);
      const world = await createHistoryWorld({ protocol: featureProtocol(['deletionVectors']) });
      await world.change(['a.parquet']);
      await world.write(path);
      await world.commit(remove('a.parquet'), add('a.parquet', { deletionVector: vector }));
      world.advance(30 * DAY);
      assert.deepEqual(await left(world), ['a.parquet', path].sort(), 'in use');
      await world.commit(remove('a.parquet', { deletionVector: vector, deletionTimestamp: world.now() }));
      world.advance(7 * DAY);
      assert.deepEqual(await left(world), ['a.parquet', path].sort(), 'removed lately');
      world.advance(1);
      assert.deepEqual(await left(world), [], 'removed long ago');
    }
  });

  /** What stands in the log, and the key that it may mean. */
  const spellings: Readonly<Record<string, readonly [logged: string, key: string]>> = {
    'encoded by every rule': ['ds=a%2520b/%C3%A9%20%2B.parquet', 'ds=a%20b/é +.parquet'],
    'not encoded at all': ['ds=a%20b/x.parquet', 'ds=a%20b/x.parquet'],
    'with superfluous parts': ['./x//y/../z.parquet', 'x/z.parquet'],
    'by a URI under the root': ['s3a://bucket/lake/orders/x.parquet', 'x.parquet'],
    'by a URI under another name of the root': ['s3://access-point/lake/orders/ds=1/x.parquet', 'ds=1/x.parquet'],
    'by an absolute path': ['/lake/orders/x.parquet', 'x.parquet'],
  };
  for (const [name, [logged, key]] of Object.entries(spellings)) {
    it(`finds an active file that is written ${name}`, async () => {
      const world = await createHistoryWorld();
      await world.write(key);
      await world.write('left.parquet');
      await world.commit(add(logged));
      world.advance(30 * DAY);
      assert.deepEqual(await left(world), [key]);
    });
  }

  it('keeps a file that was removed and added again', async () => {
    for (const checkpointed of [false, true]) {
      const world = await createHistoryWorld();
      await world.change(['a.parquet']);
      await world.change([], ['a.parquet']);
      if (checkpointed) await world.log.checkpoint(2);
      await world.commit(add('a.parquet'));
      world.advance(30 * DAY);
      assert.deepEqual(await left(world), ['a.parquet']);
    }
  });

  describe('in a table into which files land', () => {
    const landed = { 'resaca.etag': '1' };

    it('keeps what the log does not know, and deletes what it removed', async () => {
      const world = await createHistoryWorld();
      await world.change(['in.parquet', 'gone.parquet'], [], landed);
      await world.change([`resaca-compacted-${UUID}.zstd.parquet`], ['gone.parquet']);
      for (const path of ['waits.parquet', `resaca-compacted-${UUID.replace('0', '1')}.zstd.parquet`])
        await world.write(path);
      world.advance(30 * DAY);
      const result = await vacuumTable(world.engine, world.table);
      assert.deepEqual(await world.files(), ['in.parquet', `resaca-compacted-${UUID}.zstd.parquet`, 'waits.parquet']);
      assert.deepEqual([result.keptOrphans.files, result.keptSample], [1, ['waits.parquet']]);
      assert.deepEqual(await left(world, { orphans: 'delete' }), [
        'in.parquet',
        `resaca-compacted-${UUID}.zstd.parquet`,
      ]);
    });

    it('finds removals whose tombstones have expired in the older commits', async () => {
      const world = await createHistoryWorld();
      await world.change(['a.parquet', 'b.parquet', 'again.parquet'], [], landed);
      await world.change([], ['a.parquet', 'again.parquet']);
      const version = await world.change(['again.parquet'], [], landed);
      await world.write('waits.parquet');
      world.advance(8 * DAY);
      await world.log.checkpoint(version);
      await dropTombstones(world, version);
      const result = await vacuumTable(world.engine, world.table);
      assert.deepEqual(await world.files(), ['again.parquet', 'b.parquet', 'waits.parquet']);
      assert.deepEqual([result.removed.files, result.keptOrphans.files], [1, 1]);
    });

    it('goes by the later time of a forgotten removal', async () => {
      const world = await createHistoryWorld();
      await world.change(['a.parquet', 'b.parquet'], [], landed);
      const deletionTimestamp = world.now() + 5 * DAY;
      const version = await world.commit(remove('a.parquet', { deletionTimestamp }));
      await world.log.checkpoint(version);
      await dropTombstones(world, version);
      world.advance(12 * DAY);
      assert.deepEqual(await left(world), ['a.parquet', 'b.parquet']);
      world.advance(1);
      assert.deepEqual(await left(world), ['b.parquet']);
    });

    /** Signs by which the table is known, besides the tags of its files. */
    const signs: Readonly<Record<string, (world: HistoryWorld) => Promise<unknown>>> = {
      'a file in quarantine': (world) => world.write('_resaca/quarantine/1.json'),
      'its adoption': (world) => world.commit(metaData({ configuration: { 'resaca.adoptExisting': 'true' } })),
      'compacted files': (world) => world.change([`resaca-compacted-${UUID}.zstd.parquet`]),
    };
    for (const [name, give] of Object.entries(signs)) {
      it(`is known by ${name}`, async () => {
        const world = await createHistoryWorld();
        await give(world);
        await world.write('waits.parquet');
        world.advance(30 * DAY);
        assert.equal((await vacuumTable(world.engine, world.table)).keptOrphans.files, 1);
        await world.table.store.delete(tableKey(world.table, '_resaca/quarantine/1.json'));
      });
    }

    it('is none that has compacted files and transactions: those come from a stream', async () => {
      const world = await createHistoryWorld();
      await world.change([`resaca-compacted-${UUID}.zstd.parquet`]);
      await world.commit(txn('topic-0', 1));
      await world.write('left.parquet');
      world.advance(30 * DAY);
      assert.equal((await vacuumTable(world.engine, world.table)).orphans.files, 1);
    });

    it('may be told to keep orphans in any table', async () => {
      const world = await createHistoryWorld();
      await world.write('left.parquet');
      world.advance(30 * DAY);
      assert.deepEqual(await left(world, { orphans: 'keep' }), ['left.parquet']);
    });
  });

  describe('refuses', () => {
    const protocols = {
      'an unknown writer feature': [featureProtocol([], ['futureFeature']), 'UNSUPPORTED_WRITER', /futureFeature/],
      'an unknown writer feature under vacuumProtocolCheck': [
        featureProtocol(['vacuumProtocolCheck'], ['futureFeature']),
        'UNSUPPORTED_WRITER',
        /futureFeature/,
      ],
      'an unknown reader feature': [featureProtocol(['futureFeature']), 'UNSUPPORTED_READER', /futureFeature/],
      'catalog-managed tables': [featureProtocol(['catalogManaged']), 'UNSUPPORTED_READER', /catalogManaged/],
      'an unknown writer version': [protocol({ minWriterVersion: 8 }), 'UNSUPPORTED_WRITER', /version 8/],
    } as const;
    for (const [name, [action, code, message]] of Object.entries(protocols)) {
      it(name, async () => {
        const world = await createHistoryWorld({ protocol: action });
        await world.write('left.parquet');
        world.advance(30 * DAY);
        for (const dryRun of [true, false]) {
          await assert.rejects(vacuumTable(world.engine, world.table, { dryRun }), { code, message });
        }
        assert.deepEqual(await world.files(), ['left.parquet']);
      });
    }

    it('a folder without a log', async () => {
      const world = await createHistoryWorld();
      await world.write('x/left.parquet');
      const table = { ...world.table, root: `${world.table.root}/x` };
      await assert.rejects(vacuumTable(world.engine, table), { code: 'TABLE_NOT_FOUND' });
    });

    it('a path that it cannot read', async () => {
      const world = await createHistoryWorld();
      await world.commit(add('a%zz.parquet'));
      await assert.rejects(vacuumTable(world.engine, world.table), { code: 'CORRUPT_LOG' });
    });
  });

  it('allows features that say nothing of files', async () => {
    const features = ['checkpointProtection', 'columnMapping', 'rowTracking', 'checkConstraints', 'generatedColumns'];
    const world = await createHistoryWorld({
      protocol: featureProtocol(['vacuumProtocolCheck', 'v2Checkpoint'], features),
    });
    await world.write('left.parquet');
    world.advance(30 * DAY);
    assert.deepEqual(await left(world), []);
  });

  describe('while others write', () => {
    /** Runs `act` once, when the vacuum makes its first request that matches. */
    function meanwhile(world: HistoryWorld, at: (method: string, key: string) => boolean, act: () => Promise<unknown>) {
      const { store } = world.table;
      let done = false;
      const first = async (method: string, key: string) => {
        if (done || !at(method, key)) return;
        done = true;
        await act();
      };
      return world.over({
        ...store,
        head: async (key) => {
          await first('head', key);
          return store.head(key);
        },
        async *list(prefix, options) {
          await first('list', prefix);
          for await (const info of store.list(prefix, options)) {
            await first('listed', info.key);
            yield info;
          }
        },
      });
    }

    it('keeps a file that is committed after it was listed', async () => {
      const world = await createHistoryWorld();
      await world.change(['a.parquet']);
      await world.write('late.parquet');
      await world.write('left.parquet');
      world.advance(30 * DAY);
      const table = meanwhile(
        world,
        (method, key) => method === 'listed' && key.endsWith('left.parquet'),
        () => world.commit(add('late.parquet')),
      );
      await vacuumTable(world.engine, table);
      assert.deepEqual(await world.files(), ['a.parquet', 'late.parquet']);
    });

    it('looks at the log once more before each thousand', async () => {
      const world = await createHistoryWorld();
      for (let file = 1_000; file < 2_500; file += 1) await world.write(`${file}.parquet`);
      world.advance(30 * DAY);
      const table = meanwhile(
        world,
        (method) => method === 'head',
        () => world.commit(add('2400.parquet')),
      );
      const result = await vacuumTable(world.engine, table);
      assert.deepEqual(await world.files(), ['2400.parquet']);
      assert.deepEqual([result.orphans.files, result.passedOver], [1_499, 1]);
    });

    it('keeps an object that was written anew after it was listed', async () => {
      const world = await createHistoryWorld();
      await world.write('left.parquet');
      world.advance(30 * DAY);
      const table = meanwhile(
        world,
        (method) => method === 'head',
        () => world.write('left.parquet', 'news'),
      );
      const result = await vacuumTable(world.engine, table);
      assert.deepEqual(await world.files(), ['left.parquet']);
      assert.deepEqual([result.orphans.files, result.passedOver], [0, 1]);
    });

    it('stops when the table is replaced', async () => {
      const world = await createHistoryWorld();
      await world.change(['a.parquet']);
      await world.write('left.parquet');
      world.advance(30 * DAY);
      const table = meanwhile(
        world,
        (method, key) => method === 'listed' && key.endsWith('left.parquet'),
        async () => {
          await world.table.store.delete(commitKey(world.table, 1));
          await world.table.store.put(commitKey(world.table, 0), serializeCommit([protocol(), metaData({ id: UUID })]));
        },
      );
      await assert.rejects(vacuumTable(world.engine, table), { code: 'CONFLICT' });
      assert.deepEqual(await world.files(), ['a.parquet', 'left.parquet']);
    });
  });

  it('stops at the deadline, and goes on the next time', async () => {
    const world = await createHistoryWorld();
    for (let file = 0; file < 2_500; file += 1) await world.write(`${file}.parquet`);
    world.advance(30 * DAY);
    const deadline = world.now() + 1;
    let deleted = 0;
    const result = await vacuumTable(world.engine, world.table, {
      deadline,
      onFile: () => {
        deleted += 1;
        if (deleted === 1_500) world.advance(10);
      },
    });
    assert.deepEqual([result.remaining, result.orphans.files, deleted], [true, 2_000, 2_000]);
    assert.deepEqual(await left(world), []);
  });

  it('takes an inventory for the listing, and looks at each object itself', async () => {
    const world = await createHistoryWorld();
    await world.change(['a.parquet']);
    await world.write('left.parquet');
    await world.write('b.parquet');
    world.advance(30 * DAY);
    await world.write('b.parquet');
    async function* listing() {
      for (const path of ['a.parquet', 'b.parquet', 'gone.parquet', 'left.parquet']) {
        yield { path, size: 1, modified: FIRST_TIME };
      }
    }
    const store = createCountingStore(world.table.store);
    const result = await vacuumTable(world.engine, world.over(store), { listing: listing() });
    assert.deepEqual([result.orphans.files, result.passedOver, result.listed], [1, 2, 4]);
    assert.deepEqual(await world.files(), ['a.parquet', 'b.parquet']);
    assert.equal(store.requests.filter(({ method, key }) => method === 'list' && key === 'lake/orders/').length, 0);
  });
});

/** Writes the checkpoint of a version once more, as a writer does whose tombstones have expired. */
async function dropTombstones({ table }: HistoryWorld, version: number): Promise<void> {
  const snapshot = await loadSnapshot(table, createCheckpointReader(), { version });
  const adds = (await collect(activeFiles(snapshot, createCheckpointReader()))).map((file) => ({ add: file }));
  await putClassicCheckpoint(table, version, [protocol(), metaData(), ...adds]);
}
