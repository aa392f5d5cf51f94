import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDryRunStore } from '../../src/cli/convert/dry-run-store.ts';
import { type MergeConfigInput, parseMergeConfig } from '../../src/merge/config.ts';
import { type MergeListedOptions, mergeListed } from '../../src/merge/merge-listed.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { BUCKET } from '../support/landing.ts';
import { createMergeWorld, type MergeWorld } from '../support/merge-world.ts';

const HOUR = 3_600_000;

interface RunOptions extends Partial<MergeListedOptions> {
  readonly store?: ObjectStore;
  readonly config?: Partial<MergeConfigInput>;
}

/** What `resaca merge` does with the files in the staging prefix of a world. */
function merge(world: MergeWorld, { store = world.store, config, ...options }: RunOptions = {}) {
  const deps = {
    reader: createCheckpointReader(),
    config: parseMergeConfig({ rules: [{ prefix: 'staging/{name}', table: 'lake/{name}' }], ...config }),
    tableAt: (root: string) => ({ store, root, url: `s3://${BUCKET}/${root}` }),
    telemetry: { log: () => undefined, metrics: () => undefined },
    now: world.now,
    random: () => 0.5,
    sleep: async () => undefined,
  };
  return mergeListed(deps, store.list('staging/'), { bucket: BUCKET, before: world.now(), ...options });
}

/** A table with one file, and small files of two tables that nobody was told of. */
async function staged(): Promise<MergeWorld> {
  const world = createMergeWorld();
  await world.deliver(await world.stage('orders/ds=1/told.parquet', 1));
  await world.stage('orders/ds=1/a.parquet', 2);
  await world.stage('orders/ds=2/b.parquet', 3);
  await world.stage('web/c.parquet', 4);
  await world.land('staging/orders/ds=2/bad.parquet', new TextEncoder().encode('no Parquet'));
  await world.land('staging/orders/readme.txt', new TextEncoder().encode('no Parquet by its name'));
  world.advance(HOUR);
  return world;
}

async function assertOutcome(world: MergeWorld): Promise<void> {
  assert.deepEqual(await world.ids(), [1, 2, 3]);
  assert.deepEqual(await world.ids('lake/web'), [4]);
  assert.deepEqual(
    (await world.quarantined()).map(({ key }) => key),
    ['staging/orders/ds=2/bad.parquet'],
  );
}

describe('small files that lie there already', () => {
  it('are merged as those that land, each once', async () => {
    const world = await staged();
    const result = await merge(world);
    await assertOutcome(world);
    const { listed, ignored, tables, merged, files, commits, skipped, quarantined, failed } = result;
    assert.deepEqual([listed, ignored, tables], [6, 1, 2]);
    assert.deepEqual([merged, files, commits, skipped, quarantined, failed], [3, 3, 2, 1, 1, 0]);
    const again = await merge(world);
    assert.deepEqual([again.merged, again.commits, again.skipped, again.quarantined], [0, 0, 4, 0]);
    await assertOutcome(world);
  });

  it('are known to the function when their events come late', async () => {
    const world = createMergeWorld();
    const late = [await world.stage('orders/ds=1/a.parquet', 1), await world.stage('orders/ds=1/b.parquet', 2)];
    world.advance(HOUR);
    await merge(world);
    assert.deepEqual(await world.deliver(...late), []);
    assert.deepEqual(await world.ids(), [1, 2]);
    assert.equal((await world.snapshot()).version, 0);
  });

  it('are only counted in a dry run', async () => {
    const world = await staged();
    const before = await world.keys('');
    const result = await merge(world, {
      store: createDryRunStore(world.store),
      isDryRun: true,
      config: { deleteSources: true },
    });
    assert.deepEqual([result.merged, result.files, result.commits, result.quarantined], [3, 3, 2, 1]);
    assert.deepEqual(await world.keys(''), before);
  });

  it('are left while they are young', async () => {
    const world = await staged();
    await world.stage('web/young.parquet', 5);
    const result = await merge(world, { before: world.now() - HOUR / 2 });
    assert.equal(result.young, 1);
    await assertOutcome(world);
  });

  it('are deleted where the configuration says so', async () => {
    const world = await staged();
    await merge(world, { config: { deleteSources: true } });
    await assertOutcome(world);
    assert.deepEqual(await world.keys('staging/'), ['staging/orders/ds=2/bad.parquet', 'staging/orders/readme.txt']);
  });

  it('are left where the log cannot tell whether it had them', async () => {
    const world = await staged();
    await merge(world);
    await world.checkpoint();
    for (const key of await world.keys('lake/orders/_delta_log/0000000000000000000')) {
      if (key.endsWith('.json')) await world.store.delete(key);
    }
    const result = await merge(world);
    assert.deepEqual([result.merged, result.undecided, result.failed], [0, 4, 0]);
    assert.deepEqual(await world.ids(), [1, 2, 3]);
  });

  it('of one table do not keep those of another from being merged', async () => {
    const world = await staged();
    await world.store.put('lake/orders/_delta_log/00000000000000000001.json', new TextEncoder().encode('nonsense'));
    const result = await merge(world);
    assert.deepEqual(Object.keys(result.failures), [`s3://${BUCKET}/lake/orders`]);
    assert.match(result.failures[`s3://${BUCKET}/lake/orders`] ?? '', /line 1/i);
    assert.deepEqual([result.merged, result.failed], [1, 4]);
    assert.deepEqual(await world.ids('lake/web'), [4]);
  });

  it('become several batches, between which the run can be stopped', async () => {
    const world = await staged();
    const controller = new AbortController();
    const options = { batchFiles: 2, signal: controller.signal, onProgress: () => controller.abort() };
    const stopped = await merge(world, options);
    assert.equal(stopped.remaining, true);
    assert.ok(stopped.listed < 6);
    await merge(world, { batchFiles: 1 });
    await assertOutcome(world);
  });
});

for (const deleteSources of [false, true]) {
  describe(`a merge that dies at any one store call, deleteSources: ${deleteSources}`, async () => {
    const config = { deleteSources };
    const rehearsal = await staged();
    const counted = createFaultyStore(rehearsal.store, () => undefined);
    await merge(rehearsal, { store: counted, config });

    it('(the run makes a fair number of calls)', () => {
      assert.ok(counted.calls.length >= 19, `${counted.calls.length} calls`);
    });

    for (const { name, number, fault } of everySingleFault(counted.calls.length)) {
      it(`loses and doubles no row: ${name}`, async () => {
        const world = await staged();
        await merge(world, { store: createFaultyStore(world.store, failCall(number, fault)), config }).catch(
          () => undefined,
        );
        await merge(world, { config });
        await assertOutcome(world);
      });
    }
  });
}
