import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { findStrayFiles } from '../../src/maintenance/stray-files.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecords } from '../support/bronze-world.ts';
import { createFaultyStore, failCalls } from '../support/faulty-store.ts';

const bytes = new TextEncoder().encode('x');
const DAY = 'ingest_date=2026-11-24';

async function strays(world: BronzeWorld, before = world.now() + 1): Promise<string[]> {
  const table = { store: world.store, root: 'bronze/web', url: 's3://lake/bronze/web' };
  const files = await Array.fromAsync(findStrayFiles(table, createCheckpointReader(), { before }));
  return files.map(({ path, kind }) => `${kind} ${path}`);
}

describe('files that are not in their table', () => {
  it('are those of a writer that crashed before its commit', async () => {
    const world = createBronzeWorld({
      wrap: (store) =>
        createFaultyStore(
          store,
          failCalls(({ method, key }) => method === 'putIfAbsent' && key.endsWith('1.json'), {
            when: 'before',
            kind: 'crash',
          }),
        ),
    });
    await world.deliver(...kafkaRecords(0, 3));
    assert.deepEqual(await strays(world), []);
    await assert.rejects(world.deliver(...kafkaRecords(3, 6)));
    const [file, ...more] = await strays(world);
    assert.match(file ?? '', /^orphan ingest_date=2026-11-24\/web-0-3-5-.*\.zstd\.parquet$/);
    assert.deepEqual(more, []);
  });

  it('are told from those that the log has removed', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 3));
    await world.deliver(...kafkaRecords(3, 6));
    const [add] = await world.adds('bronze/web');
    assert.ok(add);
    const { path, partitionValues, size } = add;
    const remove = { path, partitionValues, size, dataChange: true, deletionTimestamp: world.now() };
    const { table } = await world.snapshot('bronze/web');
    await world.store.put(commitKey(table, 2), serializeCommit([{ remove }]));
    assert.deepEqual(await strays(world), [`removed ${path}`]);
  });

  it('are no young files, no hidden ones, and none of other tables', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 3));
    for (const key of [
      `${DAY}/old é.parquet`,
      `${DAY}/old.json`,
      '_resaca/q.parquet',
      '.tmp/x.parquet',
      'top.parquet',
    ]) {
      await world.store.put(`bronze/web/${key}`, bytes);
    }
    await world.store.put('bronze/web/A/inner/_delta_log/00000000000000000000.json', bytes);
    await world.store.put('bronze/web/A/inner/file.parquet', bytes);
    await world.store.put('bronze/web__dead_letters/file.parquet', bytes);
    const before = world.now() + 1;
    world.advance(1_000);
    await world.store.put(`bronze/web/${DAY}/young.parquet`, bytes);
    assert.deepEqual(await strays(world, before), [`orphan ${DAY}/old é.parquet`, 'orphan top.parquet']);
  });

  it('are looked for in tables only', async () => {
    await assert.rejects(strays(createBronzeWorld()), { code: 'TABLE_NOT_FOUND' });
  });
});
