import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compactedFileName } from '../../src/delta/path.ts';
import { StreamTableError } from '../../src/recovery/stream-table.ts';
import { parquet, ROW_COLUMNS, rowsOf } from '../support/landing.ts';
import { createRecoveryWorld, HOUR, MINUTE } from '../support/recovery-world.ts';

/** A tombstone, or the remove of another writer. */
function removeOf(path: string, deletionTimestamp: number) {
  return { remove: { path, deletionTimestamp, dataChange: true } };
}

describe('reconciling a table with what lies there', () => {
  it('appends a file whose event was lost, and knows its event when it comes after all', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    const late = await world.drop('web/ds=1/b.parquet');
    world.advance(2 * HOUR);
    const { missed, added, known, version, samples } = await world.reconcile('web');
    assert.deepEqual({ missed, added, known, version: version ?? -1 }, { missed: 1, added: 1, known: 1, version: 0 });
    assert.deepEqual(samples.missed, ['ds=1/b.parquet']);
    assert.deepEqual(await world.active('web'), ['ds=1/a.parquet', 'ds=1/b.parquet']);
    await world.deliver([late]);
    world.coldStart();
    await world.deliver([late]);
    assert.deepEqual(await world.adds('web'), { 'ds=1/a.parquet': 1, 'ds=1/b.parquet': 1 });
    assert.equal((await world.reconcile('web')).missed, 0);
  });

  it('makes the table of which no event has come at all', async () => {
    const world = createRecoveryWorld();
    await world.drop('web/ds=1/a.parquet');
    world.advance(2 * HOUR);
    assert.equal((await world.reconcile('web')).added, 1);
    assert.deepEqual(await world.active('web'), ['ds=1/a.parquet']);
  });

  it('makes a table that takes what was there before it, by the rules', async () => {
    const world = createRecoveryWorld({ tables: [{ prefix: 'web', adoptExisting: true, exclude: ['tmp/**'] }] });
    for (const path of ['a', 'b', 'tmp/c']) await world.drop(`web/${path}.parquet`);
    world.advance(2 * HOUR);
    await world.reconcile('web');
    assert.deepEqual(await world.active('web'), ['a.parquet', 'b.parquet']);
    assert.deepEqual(await world.quarantined('web'), []);
    assert.equal((await world.reconcile('web')).known, 2);
  });

  it('leaves what is young to its event, or to the commit of the one who writes it', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    const event = await world.drop('web/ds=1/b.parquet');
    world.advance(59 * MINUTE);
    const { young, missed } = await world.reconcile('web');
    assert.deepEqual({ young, missed }, { young: 1, missed: 0 });
    assert.equal((await world.reconcile('web', { minAge: 30 * MINUTE })).added, 1);
    await world.deliver([event]);
    assert.equal((await world.adds('web'))['ds=1/b.parquet'], 1);
  });

  it('appends an overwritten file in place of the old one', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    await world.drop('web/ds=1/a.parquet', 3);
    world.advance(2 * HOUR);
    assert.equal((await world.reconcile('web')).added, 1);
    const { files } = await world.table('web');
    assert.equal(JSON.parse(files[0]?.stats ?? '{}').numRecords, 3);
    assert.equal(files.length, 1);
    assert.equal((await world.reconcile('web')).missed, 0);
  });

  it('removes what is gone, as the rule of the table has it for delete events', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet'), await world.drop('web/ds=1/b.parquet')]);
    const late = await world.remove('web/ds=1/a.parquet');
    world.advance(2 * HOUR);
    const kept = await world.reconcile('web', { deletes: 'keep' });
    assert.deepEqual([kept.gone, kept.removedFiles], [1, 0]);
    const { gone, removedFiles, samples } = await world.reconcile('web');
    assert.deepEqual(
      { gone, removedFiles, paths: samples.gone },
      { gone: 1, removedFiles: 1, paths: ['ds=1/a.parquet'] },
    );
    await world.deliver([late]);
    assert.deepEqual(await world.active('web'), ['ds=1/b.parquet']);
  });

  it('keeps what is gone where delete events are turned off, unless it is asked to', async () => {
    const world = createRecoveryWorld({ defaults: { deletes: 'ignore' } });
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    await world.remove('web/ds=1/a.parquet');
    world.advance(2 * HOUR);
    assert.deepEqual([(await world.reconcile('web')).gone, (await world.active('web')).length], [1, 1]);
    assert.equal((await world.reconcile('web', { deletes: 'remove' })).removedFiles, 1);
    assert.deepEqual(await world.active('web'), []);
  });

  it('takes nothing that the rules leave out, hide, or give to others', async () => {
    const world = createRecoveryWorld({ tables: [{ prefix: 'web', exclude: ['tmp/**'] }] });
    await world.deliver([await world.drop('web/a.parquet')]);
    for (const path of ['tmp/x.parquet', '_hidden/x.parquet', `${compactedFileName('1')}`, 'notes.txt']) {
      await world.drop(`web/${path}`);
    }
    // A table of somebody else below the root.
    await world.drop('web/inner/x.parquet');
    await world.store.put('web/inner/_delta_log/00000000000000000000.json', new Uint8Array());
    world.advance(2 * HOUR);
    const { missed, ignored } = await world.reconcile('web');
    assert.equal(missed, 0);
    assert.ok(ignored >= 4);
    assert.deepEqual(await world.active('web'), ['a.parquet']);
  });

  it('does not try files in quarantine again', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    await world.land('web/ds=1/bad.parquet', new TextEncoder().encode('no parquet at all, by no means'));
    world.advance(2 * HOUR);
    const first = await world.reconcile('web');
    assert.deepEqual([first.missed, first.quarantined], [1, 1]);
    const again = await world.reconcile('web');
    assert.deepEqual([again.missed, again.inQuarantine], [0, 1]);
    await world.land('web/ds=1/bad.parquet', parquet(rowsOf(1, 2), ROW_COLUMNS));
    world.advance(2 * HOUR);
    assert.equal((await world.reconcile('web')).added, 1);
  });

  it('writes nothing in tables that a stream writes', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    await world.commitForeign('web', [{ txn: { appId: 'spark-query', version: 3 } }]);
    await assert.rejects(world.reconcile('web'), StreamTableError);
    assert.equal((await world.reconcile('web', { allowStreams: true })).known, 1);
  });

  it('tells of active files that nobody can bring back', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    const path = `ds=1/${compactedFileName('1')}`;
    const { files } = await world.table('web');
    const add = files[0];
    assert.ok(add);
    await world.commitForeign('web', [{ add: { ...add, path: path.replace('=', '%3D') } }]);
    world.advance(2 * HOUR);
    const { lost, gone, samples } = await world.reconcile('web');
    assert.deepEqual({ lost, gone, paths: samples.lost }, { lost: 1, gone: 0, paths: [path] });
  });

  it('stops at its time, removes nothing then, and goes on when it is called again', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet'), await world.drop('web/ds=1/b.parquet')]);
    await world.remove('web/ds=1/b.parquet');
    world.advance(2 * HOUR);
    const stopped = await world.reconcile('web', { deadline: world.now() });
    assert.deepEqual([stopped.remaining, stopped.gone], [true, 0]);
    assert.equal((await world.reconcile('web')).removedFiles, 1);
  });

  it('goes by an inventory, which may be old', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    await world.drop('web/ds=1/b.parquet');
    await world.drop('web/ds=1/gone.parquet');
    const time = world.now();
    await world.remove('web/ds=1/gone.parquet');
    await world.drop('web/ds=1/b.parquet', 3);
    world.advance(2 * HOUR);
    async function* inventory() {
      for (const name of ['a', 'b', 'gone']) yield { path: `ds=1/${name}.parquet`, size: 1, time };
    }
    const result = await world.reconcile('web', { inventory: inventory() });
    assert.deepEqual([result.vanished, result.added], [1, 1]);
    assert.deepEqual(await world.active('web'), ['ds=1/a.parquet', 'ds=1/b.parquet']);
  });
});

describe('what was removed from a table', () => {
  async function compacted(): Promise<ReturnType<typeof createRecoveryWorld>> {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet'), await world.drop('web/ds=1/b.parquet')]);
    world.advance(MINUTE);
    await world.commitForeign('web', [removeOf('ds=1/a.parquet', world.now())]);
    world.advance(2 * HOUR);
    return world;
  }

  it('does not come back by the commits', async () => {
    const world = await compacted();
    const { removed, missed } = await world.reconcile('web');
    assert.deepEqual({ removed, missed }, { removed: 1, missed: 0 });
  });

  it('does not come back by the tombstone of a checkpoint', async () => {
    const world = await compacted();
    await world.checkpoint('web', [removeOf('ds=1/a.parquet', world.now() - 2 * HOUR)]);
    for (const version of [0, 1]) await world.store.delete(`web/_delta_log/0000000000000000000${version}.json`);
    assert.equal((await world.reconcile('web')).removed, 1);
  });

  it('does not come back when its tombstone has expired, by the commits before the checkpoint', async () => {
    const world = await compacted();
    await world.checkpoint('web');
    const { removed, missed, unknown } = await world.reconcile('web');
    assert.deepEqual({ removed, missed, unknown }, { removed: 1, missed: 0, unknown: 0 });
  });

  it('is left, and named, when the log has forgotten it', async () => {
    const world = await compacted();
    await world.checkpoint('web');
    await world.store.delete('web/_delta_log/00000000000000000000.json');
    await world.store.delete('web/_delta_log/00000000000000000001.json');
    await world.commitForeign('web', []);
    const { missed, unknown, samples } = await world.reconcile('web');
    assert.deepEqual({ missed, unknown, paths: samples.unknown }, { missed: 0, unknown: 1, paths: ['ds=1/a.parquet'] });
    // What came since is known all the same.
    world.advance(2 * MINUTE);
    await world.drop('web/ds=1/new.parquet');
    world.advance(2 * HOUR);
    assert.equal((await world.reconcile('web')).added, 1);
    assert.equal((await world.reconcile('web', { unknown: 'add' })).added, 1);
  });

  it('comes back when it was written anew after it was removed', async () => {
    const world = await compacted();
    await world.drop('web/ds=1/a.parquet', 4);
    world.advance(2 * HOUR);
    assert.equal((await world.reconcile('web')).added, 1);
    assert.deepEqual(await world.active('web'), ['ds=1/a.parquet', 'ds=1/b.parquet']);
  });

  it('is left, and named, when it was written anew in the same size', async () => {
    const world = await compacted();
    const info = await world.store.head('web/ds=1/a.parquet');
    const { body } = await world.store.get('web/ds=1/a.parquet');
    const { missed, unknown } = await (async () => {
      await world.land('web/ds=1/a.parquet', body.with(body.length - 20, (body[body.length - 20] ?? 0) ^ 1));
      world.advance(2 * HOUR);
      assert.notEqual((await world.store.head('web/ds=1/a.parquet'))?.etag, info?.etag);
      return world.reconcile('web');
    })();
    assert.deepEqual({ missed, unknown }, { missed: 0, unknown: 1 });
  });

  it('does not come back where the bucket was copied, and every time is that of the copy', async () => {
    const world = await compacted();
    await world.drop('web/ds=1/c.parquet');
    world.advance(48 * HOUR);
    const keys: string[] = [];
    for await (const { key } of world.store.list('')) keys.push(key);
    for (const key of keys.sort()) {
      await world.store.put(key, (await world.store.get(key)).body);
      world.advance(10_000);
    }
    world.advance(2 * HOUR);
    const { removed, added, unknown } = await world.reconcile('web');
    // The log is whole, so that the file that it does not know was missed.
    assert.deepEqual({ removed, added, unknown }, { removed: 1, added: 1, unknown: 0 });
  });

  it('is left where a bucket was copied whose log had forgotten it', async () => {
    const world = await compacted();
    await world.checkpoint('web');
    await world.commitForeign('web', [{ commitInfo: { timestamp: world.now() } }]);
    await world.store.delete('web/_delta_log/00000000000000000000.json');
    await world.store.delete('web/_delta_log/00000000000000000001.json');
    world.advance(48 * HOUR);
    const keys: string[] = [];
    for await (const { key } of world.store.list('')) keys.push(key);
    for (const key of keys.sort()) {
      await world.store.put(key, (await world.store.get(key)).body);
      world.advance(2 * MINUTE);
    }
    world.advance(2 * HOUR);
    const { added, unknown } = await world.reconcile('web');
    assert.deepEqual({ added, unknown }, { added: 0, unknown: 1 });
  });

  it('does not come back by a tombstone without a time', async () => {
    const world = await compacted();
    await world.checkpoint('web', [{ remove: { path: 'ds=1/a.parquet', dataChange: true } }]);
    for (const version of [0, 1]) await world.store.delete(`web/_delta_log/0000000000000000000${version}.json`);
    assert.equal((await world.reconcile('web')).removed, 1);
  });
});
