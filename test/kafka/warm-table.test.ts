import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { createFaultyStore } from '../support/faulty-store.ts';

const ROOT = 'bronze/web';
const CONFIG = { topics: [{ topic: '*' }] };
type World = ReturnType<typeof worldOf>;

function worldOf(wrap?: Parameters<typeof createBronzeWorld>[0]) {
  return createBronzeWorld({ config: CONFIG, ...wrap });
}

async function drop(world: World): Promise<void> {
  for await (const { key } of world.store.list(`${ROOT}/`)) await world.store.delete(key);
}

/** The next commit, as another writer makes it. */
async function commitForeign(world: World, actions: (head: Awaited<ReturnType<World['snapshot']>>) => Action[]) {
  const head = await world.snapshot(ROOT);
  const key = commitKey(head.table, head.version + 1);
  assert.equal(await world.store.putIfAbsent(key, serializeCommit(actions(head))), 'created');
}

describe('what a warm environment remembers of a table', () => {
  for (const [what, commits] of [
    ['a lower', 1],
    ['an equal', 2],
    ['a higher', 3],
  ] as const) {
    it(`is forgotten when the table was dropped and made again, at ${what} version`, async () => {
      const world = worldOf();
      // Offsets beyond those of the new table: what is remembered would take its records for known.
      await world.deliver(kafkaRecord(20));
      await world.deliver(kafkaRecord(21));
      world.advance(120_000);
      await drop(world);
      const other = world.otherEnvironment();
      for (let offset = 2; offset < 2 + commits; offset++) await other(kafkaRecord(offset));
      await world.deliver(kafkaRecord(9));
      assert.equal((await world.snapshot(ROOT)).version, commits);
      const offsets = (await world.offsets(ROOT)).map((id) => id.split('/').at(-1));
      assert.deepEqual(offsets, [...Array.from({ length: commits }, (_, index) => `${2 + index}`), '9']);
    });
  }

  it('leaves no gap where the log was cleaned up and went on while it slept', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    const other = world.otherEnvironment();
    for (let offset = 1; offset < 4; offset++) await other(kafkaRecord(offset));
    // Not even the version that is known: version 1, which comes after it, is gone.
    await world.store.delete(commitKey((await world.snapshot(ROOT)).table, 1));
    world.advance(700_000);
    await assert.rejects(world.deliver(kafkaRecord(4)));
    const keys = await Array.fromAsync(world.store.list(`${ROOT}/_delta_log/`), ({ key }) => key.slice(-7));
    assert.deepEqual(keys, ['00.json', '02.json', '03.json']);
  });

  it('does not hide the offsets that another environment has committed', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    await world.otherEnvironment()(...kafkaRecords(0, 3));
    await world.deliver(...kafkaRecords(1, 4));
    await world.deliver(...kafkaRecords(0, 4));
    assert.deepEqual(await world.offsets(ROOT), ['web/0/0', 'web/0/1', 'web/0/2', 'web/0/3']);
  });

  it('does not hide another metadata, a newer protocol or removed files', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    const [file] = await world.adds(ROOT);
    assert.ok(file);
    await commitForeign(world, () => [{ remove: { path: file.path, dataChange: true, deletionTimestamp: 0 } }]);
    await commitForeign(world, ({ metadata }) => [
      { metaData: { ...metadata, configuration: { ...metadata.configuration, by: 'another' } } },
    ]);
    await world.deliver(kafkaRecord(1));
    assert.deepEqual(await world.offsets(ROOT), ['web/0/1']);
    assert.equal((await world.snapshot(ROOT)).metadata.configuration.by, 'another');
    await commitForeign(world, () => [{ protocol: { minReaderVersion: 1, minWriterVersion: 99 } }]);
    const { version } = await world.snapshot(ROOT);
    await assert.rejects(world.deliver(kafkaRecord(2)));
    assert.equal((await world.snapshot(ROOT)).version, version);
  });

  for (const kind of ['unavailable', 'crash'] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`takes each record once where any request fails: ${kind}, ${when} it was done`, async () => {
        for (let failing = 0, hasFailed = true; hasFailed; failing++) {
          let left = Number.POSITIVE_INFINITY;
          hasFailed = false;
          const wrap = (store: ObjectStore) =>
            createFaultyStore(store, () => {
              if (left-- !== 0) return undefined;
              hasFailed = true;
              return { kind, when };
            });
          const world = worldOf({ wrap });
          await world.deliver(kafkaRecord(0));
          left = failing;
          await world.deliver(kafkaRecord(1)).catch(() => undefined);
          if (hasFailed && kind === 'crash') world.coldStart();
          left = Number.POSITIVE_INFINITY;
          await world.deliver(kafkaRecord(1));
          await world.deliver(kafkaRecord(2));
          assert.deepEqual(await world.offsets(ROOT), ['web/0/0', 'web/0/1', 'web/0/2'], `request ${failing}`);
          // Two HEADs, the file and the commit; and none of them fails.
          if (!hasFailed) assert.equal(failing, 4);
        }
      });
    }
  }
});
