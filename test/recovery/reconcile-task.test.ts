import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { parseMaintenanceConfig } from '../../src/maintenance/config.ts';
import { landingRoots } from '../../src/recovery/landing-roots.ts';
import { createReconcileTask } from '../../src/recovery/reconcile-task.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { createCountingStore } from '../support/counting-store.ts';
import { createRecoveryWorld, HOUR } from '../support/recovery-world.ts';

function taskOf(world: ReturnType<typeof createRecoveryWorld>, reconcile: object = {}) {
  const { reconcile: settings } = parseMaintenanceConfig({ places: [], reconcile });
  return createReconcileTask({ ...world.engine, settings });
}

describe('reconciling as a task', () => {
  it('counts what events missed, and says which files', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet'), await world.drop('web/ds=1/gone.parquet')]);
    await world.drop('web/ds=1/b.parquet');
    await world.remove('web/ds=1/gone.parquet');
    world.advance(2 * HOUR);
    const outcome = await taskOf(world).run(world.tableAt('web'), Number.POSITIVE_INFINITY, 0);
    assert.deepEqual([outcome.state, outcome.metrics], ['done', { filesMissed: 2, filesUnknown: 0 }]);
    const warning = world.logs.find(({ message }) => message === 'events missed files');
    assert.deepEqual(warning?.data?.paths, ['ds=1/b.parquet', 'ds=1/gone.parquet']);
    const again = await taskOf(world).run(world.tableAt('web'), Number.POSITIVE_INFINITY, 0);
    assert.deepEqual(again.metrics, { filesMissed: 0, filesUnknown: 0 });
  });

  it('has the settings of the configuration', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/gone.parquet')]);
    await world.drop('web/ds=1/b.snappy');
    await world.remove('web/ds=1/gone.parquet');
    const settings = { minAge: 0, deletes: 'keep', suffixes: ['.snappy'] };
    world.advance(10_000);
    const { metrics } = await taskOf(world, settings).run(world.tableAt('web'), Number.POSITIVE_INFINITY, 0);
    assert.equal(metrics.filesMissed, 1);
    assert.deepEqual(await world.active('web'), ['ds=1/b.snappy', 'ds=1/gone.parquet']);
  });

  it('leaves out the tables of streams, with a warning', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    await world.commitForeign('web', [{ txn: { appId: 'kafka', version: 3 } }]);
    const { state, details } = await taskOf(world).run(world.tableAt('web'), Number.POSITIVE_INFINITY, 0);
    assert.deepEqual([state, details], ['done', { leftOut: 'STREAM_TABLE' }]);
  });

  it('says when the time is not enough to read the log, and does not try again until the next schedule', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/a.parquet')]);
    const { state } = await taskOf(world).run(world.tableAt('web'), world.now(), 0);
    assert.equal(state, 'done');
    assert.ok(world.logs.some(({ level }) => level === 'error'));
  });
});

describe('the tables that files below a prefix belong to', () => {
  async function rootsOf(keys: readonly string[], config: unknown, prefix = '') {
    const store = createCountingStore(createMemoryStore(), { pageSize: 1 });
    for (const key of keys) await store.put(key, new Uint8Array());
    store.reset();
    const parsed = parseAppendConfig(config);
    const roots = await Array.fromAsync(landingRoots(store, 'lake', prefix, parsed, (key) => key.endsWith('.parquet')));
    return { roots, lists: store.counts.list };
  }

  it('are found by the convention, one partition of each', async () => {
    const partitions = Array.from({ length: 50 }, (_, day) => `raw/web/ds=${day}/a.parquet`);
    const keys = [
      ...partitions,
      'raw/orders/a.parquet',
      'raw/orders/deep/b.parquet',
      'raw/web/x/c.parquet',
      'raw/z/n.txt',
    ];
    const { roots, lists } = await rootsOf(keys, {}, 'raw');
    assert.deepEqual(roots, ['raw/orders', 'raw/orders/deep', 'raw/web', 'raw/web/x']);
    assert.ok(lists < 12, `${lists} requests`);
  });

  it('are found by rules, whichever comes first', async () => {
    const keys = ['t/a/web/1.parquet', 't/a/web/2.parquet', 't/b/web/1.parquet', 't/b/other/1.parquet', 'x/1.parquet'];
    const rule = { prefix: 't/{tenant}/web' };
    assert.deepEqual((await rootsOf(keys, { tables: [rule], convention: 'none' })).roots, ['t/a/web', 't/b/web']);
    const nested = { tables: [{ prefix: 't/a/web/special' }, { prefix: 't' }], convention: 'none' };
    assert.deepEqual((await rootsOf([...keys, 't/a/web/special/1.parquet'], nested)).roots, ['t', 't/a/web/special']);
  });
});
