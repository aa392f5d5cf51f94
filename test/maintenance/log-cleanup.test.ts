import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeltaError } from '../../src/delta/errors.ts';
import { versionAt } from '../../src/delta/history.ts';
import { versionName } from '../../src/delta/log-path.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { tableKey } from '../../src/delta/table.ts';
import { type CleanLogOptions, type CleanLogResult, cleanLog } from '../../src/maintenance/log-cleanup/clean-log.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { add, type CheckpointShape, FIRST_TIME, featureProtocol, metaData } from '../support/delta-log-builder.ts';
import { activeAt, createHistoryWorld, DAY, type HistoryOptions, type HistoryWorld } from '../support/history-world.ts';

const UUID = '0d3a3f2a-6b11-4a52-9d57-5b8d0c1e6f0a';
const json = (version: number) => `${versionName(version)}.json`;

/** A table with a commit a day at noon, from version 1 on; now is the time of the last one. */
async function dailyWorld(days: number, options?: HistoryOptions): Promise<HistoryWorld> {
  const world = await createHistoryWorld(options);
  world.advance(DAY / 2);
  for (let day = 1; day <= days; day += 1) {
    world.advance(DAY);
    await world.change([`${day}.parquet`]);
  }
  return world;
}

function clean(world: HistoryWorld, options?: CleanLogOptions): Promise<CleanLogResult> {
  return cleanLog(world.engine, world.table, options);
}

async function versionsLeft(world: HistoryWorld): Promise<number[]> {
  return (await world.logFiles()).flatMap((name) => (/^\d{20}\.json$/.test(name) ? [Number(name.slice(0, 20))] : []));
}

describe('the clean-up of the log', () => {
  it('keeps the newest checkpoint up to the last commit before midnight, and all after it', async () => {
    const world = await dailyWorld(50);
    for (const version of [5, 10, 19, 30]) await world.log.checkpoint(version);
    // Now is day 50, noon; the cut-off is the midnight before day 20: commit 19 is the last one before it.
    const progress: number[] = [];
    const result = await clean(world, { onProgress: (files) => void progress.push(files) });
    assert.deepEqual([progress.at(-1), progress], [21, progress.toSorted((a, b) => a - b)]);
    assert.equal(new Date(result.cutoff).toISOString(), new Date(FIRST_TIME + 20 * DAY).toISOString());
    assert.deepEqual([result.neededFrom, result.keptFrom, result.skipped], [19, 19, undefined]);
    assert.deepEqual(result.deleted, {
      commits: 19,
      checkpoints: 2,
      checksums: 0,
      compacted: 0,
      staged: 0,
      sidecars: 0,
      temporary: 0,
    });
    assert.equal(result.files, 21);
    assert.deepEqual((await world.logFiles())[0], `${versionName(19)}.checkpoint.parquet`);
    assert.deepEqual((await versionsLeft(world))[0], 19);
    assert.equal((await activeAt(world.table, 19)).length, 19);
    await assert.rejects(activeAt(world.table, 18), (error) => isDeltaError(error, 'VERSION_NOT_FOUND'));
  });

  /** Commits of a table in which every tenth version has a checkpoint, and what is left of it when now is day 50. */
  const cases: Readonly<
    Record<string, { readonly checkpoints: readonly number[]; readonly keptFrom: number | undefined }>
  > = {
    'a checkpoint that is newer than the cut-off': { checkpoints: [20], keptFrom: undefined },
    'an older checkpoint': { checkpoints: [7], keptFrom: 7 },
    'no checkpoint': { checkpoints: [], keptFrom: undefined },
    'several of them': { checkpoints: [3, 8, 18, 25], keptFrom: 18 },
  };
  for (const [name, { checkpoints, keptFrom }] of Object.entries(cases)) {
    it(`with ${name}`, async () => {
      const world = await dailyWorld(50);
      for (const version of checkpoints) await world.log.checkpoint(version);
      const result = await clean(world);
      assert.equal(result.keptFrom, keptFrom);
      assert.equal(result.skipped, keptFrom === undefined ? 'NO_CHECKPOINT' : undefined);
      assert.deepEqual((await versionsLeft(world))[0], keptFrom ?? 0);
    });
  }

  it('takes a commit at midnight for one that is not newer', async () => {
    const world = await createHistoryWorld();
    for (let version = 1; version <= 3; version += 1) {
      world.advance(DAY);
      await world.change([`${version}.parquet`]);
      await world.log.checkpoint(version);
    }
    world.advance(30 * DAY - 1);
    assert.equal((await clean(world, { dryRun: true })).keptFrom, 2);
    world.advance(1);
    assert.equal((await clean(world)).keptFrom, 3);
  });

  it('deletes nothing in a dry run, and says the same', async () => {
    const world = await dailyWorld(50, { protocol: featureProtocol(['v2Checkpoint']) });
    for (const version of [5, 10]) await world.log.checkpoint(version, 'v2Parquet');
    await world.log.put('.tmp/x.json', 'x');
    const before = await world.logFiles();
    const dry = await clean(world, { dryRun: true });
    assert.deepEqual(await world.logFiles(), before);
    assert.deepEqual({ ...(await clean(world)), dryRun: true }, dry);
    assert.deepEqual((await clean(world)).files, 0);
  });

  it('takes checksums and compacted commits along', async () => {
    const world = await dailyWorld(50);
    await world.log.checkpoint(10);
    for (const version of [9, 10, 11]) await world.log.put(`${versionName(version)}.crc`, '{}');
    for (const [start, end] of [
      [2, 5],
      [8, 12],
      [10, 11],
      [11, 14],
    ] as const)
      await world.log.compact(start, end);
    const { deleted } = await clean(world);
    assert.deepEqual([deleted.commits, deleted.checksums, deleted.compacted], [10, 1, 3]);
    const others = (await world.logFiles()).filter((name) => !/^\d{20}\.json$/.test(name));
    assert.deepEqual(others, [
      `${versionName(10)}.checkpoint.parquet`,
      `${versionName(10)}.crc`,
      `${versionName(11)}.${versionName(14)}.compacted.json`,
      `${versionName(11)}.crc`,
    ]);
    assert.equal((await activeAt(world.table)).length, 50);
  });

  const shapes: readonly CheckpointShape[] = [
    'classic',
    'multiPart',
    'v2Parquet',
    'v2Json',
    'v2ParquetInline',
    'v2JsonInline',
  ];
  for (const shape of shapes) {
    it(`rebuilds all that is kept from a checkpoint of the shape ${shape}`, async () => {
      const features = shape.startsWith('v2') ? { protocol: featureProtocol(['v2Checkpoint']) } : {};
      const world = await dailyWorld(50, features);
      const old = await world.log.checkpoint(5, shape);
      const kept = await world.log.checkpoint(12, shape);
      world.advance(3 * DAY);
      const result = await clean(world);
      assert.equal(result.keptFrom, 12);
      for (const key of old) assert.equal(await world.table.store.head(key), undefined, key);
      for (const key of kept) assert.ok(await world.table.store.head(key), key);
      for (const version of [12, 13, 30, 50]) assert.equal((await activeAt(world.table, version)).length, version);
    });
  }

  /** What is done to the checkpoint of version 15. */
  const broken: Readonly<Record<string, (world: HistoryWorld) => Promise<unknown>>> = {
    'is empty': (world) => world.log.put(`${versionName(15)}.checkpoint.parquet`, ''),
    'is no Parquet': (world) => world.log.put(`${versionName(15)}.checkpoint.parquet`, 'PAR1 no PAR1'),
    'lacks a part': async (world) => {
      await world.log.delete(`${versionName(15)}.checkpoint.parquet`);
      const [key = ''] = await world.log.checkpoint(15, 'multiPart');
      await world.table.store.delete(key);
    },
    'lacks a sidecar': async (world) => {
      await world.log.delete(`${versionName(15)}.checkpoint.parquet`);
      const keys = await world.log.checkpoint(15, 'v2Json');
      await world.table.store.delete(keys.at(-1) ?? '');
    },
    'has no commit beside it': (world) => world.log.delete(json(15)),
  };
  for (const [name, damage] of Object.entries(broken)) {
    it(`does not count on a checkpoint that ${name}`, async () => {
      const world = await dailyWorld(50, { protocol: featureProtocol(['v2Checkpoint']) });
      for (const version of [10, 15, 30]) await world.log.checkpoint(version);
      await damage(world);
      const result = await clean(world);
      // Without the commit of version 15 there is a gap: nothing before it can be read, and nothing old after it.
      assert.equal(result.keptFrom, name.includes('commit') ? undefined : 10);
      assert.equal((await activeAt(world.table)).length, 50);
    });
  }

  it('keeps the file that gives a later one its time', async () => {
    const world = await dailyWorld(50);
    const touch = async (version: number, time: number) => {
      const at = world.now();
      world.advance(time - at);
      const { body } = await world.table.store.get(tableKey(world.table, `_delta_log/${json(version)}`));
      await world.table.store.put(tableKey(world.table, `_delta_log/${json(version)}`), body);
      world.advance(at - time);
    };
    // Version 9 has a clock that is ahead: 10 to 12 count as a few ms younger than it.
    await touch(9, FIRST_TIME + 12.9 * DAY);
    for (const version of [8, 11]) await world.log.checkpoint(version);
    const times = [12.9, 13, 14].map((day) => FIRST_TIME + day * DAY + 1);
    const versions = async () => {
      const snapshot = await loadSnapshot(world.table, createCheckpointReader());
      return Promise.all(times.map((time) => versionAt(snapshot, time)));
    };
    const before = await versions();
    assert.equal((await clean(world)).keptFrom, 8);
    assert.deepEqual(await versions(), before);
    await world.log.checkpoint(14);
    assert.equal((await clean(world)).keptFrom, 14);
  });

  it('goes by the times in the commits where they have them', async () => {
    const world = await createHistoryWorld({
      protocol: featureProtocol([], ['inCommitTimestamp']),
      configuration: {
        'delta.enableInCommitTimestamps': 'true',
        'delta.inCommitTimestampEnablementVersion': '1',
        'delta.inCommitTimestampEnablementTimestamp': String(FIRST_TIME),
      },
    });
    // The files were copied: they all are of the last day.
    world.advance(60 * DAY);
    for (let version = 1; version <= 50; version += 1) {
      const inCommitTimestamp = FIRST_TIME + (version + 10) * DAY;
      await world.commit({ commitInfo: { inCommitTimestamp } }, add(`${version}.parquet`));
    }
    for (const version of [10, 20, 21]) await world.log.checkpoint(version);
    // The cut-off is day 30, the time of version 20.
    assert.deepEqual([(await clean(world)).neededFrom, (await versionsLeft(world))[0]], [20, 20]);
  });

  it('goes by the times of the files before the commits had them', async () => {
    const world = await dailyWorld(40);
    const configuration = {
      'delta.enableInCommitTimestamps': 'true',
      'delta.inCommitTimestampEnablementVersion': '41',
      'delta.inCommitTimestampEnablementTimestamp': String(world.now()),
    };
    await world.commit(
      { commitInfo: { inCommitTimestamp: world.now() } },
      featureProtocol([], ['inCommitTimestamp']),
      metaData({ configuration }),
    );
    for (const version of [5, 10]) await world.log.checkpoint(version);
    assert.deepEqual([(await clean(world)).neededFrom, (await versionsLeft(world))[0]], [9, 5]);
  });

  describe('of sidecars', () => {
    it('leaves those that a checkpoint names, and those of the last day', async () => {
      const world = await dailyWorld(50, { protocol: featureProtocol(['v2Checkpoint']) });
      const kept = await world.log.checkpoint(12, 'v2Json');
      for (const name of ['old', 'yesterday']) await world.log.put(`_sidecars/${name}.parquet`, name);
      const touch = (name: string, ms: number) => {
        world.advance(-ms);
        return world.log.put(`_sidecars/${name}.parquet`, name).then(() => world.advance(ms));
      };
      // Now is noon; the midnight a day before the last one is the limit.
      await touch('old', 1.5 * DAY + 1);
      await touch('yesterday', 1.5 * DAY);
      const result = await clean(world);
      assert.equal(result.deleted.sidecars, 1);
      const left = (await world.logFiles()).filter((name) => name.startsWith('_sidecars/'));
      assert.deepEqual(left.length, kept.length);
      assert.ok(left.includes('_sidecars/yesterday.parquet'));
    });

    it('deletes none where a checkpoint cannot be read', async () => {
      const world = await dailyWorld(50, { protocol: featureProtocol(['v2Checkpoint']) });
      await world.log.checkpoint(12);
      const keys = await world.log.checkpoint(30, 'v2Parquet');
      await world.log.checkpoint(40);
      await world.table.store.put(keys[0] ?? '', new TextEncoder().encode('PAR1 no PAR1'));
      world.advance(3 * DAY);
      await assert.rejects(clean(world), { code: 'CORRUPT_LOG' });
      for (const key of keys) assert.ok(await world.table.store.head(key), key);
    });
  });

  describe('of temporary files', () => {
    /** Names, whether they go, and how old they are in days where the newest commit is two days old. */
    const cases: readonly (readonly [name: string, ageInDays: number, goes: boolean])[] = [
      [`.tmp/${json(10)}.${UUID}`, 4, true],
      [`.tmp/${json(10)}.${UUID}`, 2.9, false],
      [`.tmp/${json(50)}.${UUID}`, 4, true],
      // The only copy of a commit that is not in its place yet.
      [`.tmp/${json(51)}.${UUID}`, 4, false],
      [`.tmp/anything`, 4, true],
      [`_commit_${UUID}.json.tmp`, 4, true],
      [`_commit_${UUID}.json.tmp`, 2.9, false],
      [`.${json(51)}.${UUID}.tmp`, 4, false],
      [`.${versionName(40)}.checkpoint.parquet.${UUID}.tmp`, 4, true],
      ['_last_checkpoint', 4, false],
      ['_something.tmp', 4, false],
      ['notes.txt', 4, false],
    ];
    for (const [name, age, goes] of cases) {
      it(`${goes ? 'takes' : 'leaves'} ${name} of ${age} days`, async () => {
        const world = await dailyWorld(50);
        world.advance(2 * DAY);
        world.advance(-age * DAY);
        await world.log.put(name, '{}');
        world.advance(age * DAY);
        const { deleted } = await clean(world);
        assert.equal(deleted.temporary, goes ? 1 : 0);
        assert.equal((await world.logFiles()).includes(name), !goes);
      });
    }
  });

  describe('leaves all', () => {
    const options: Readonly<Record<string, readonly [HistoryOptions, string]>> = {
      'where the table turns it off': [{ configuration: { 'delta.enableExpiredLogCleanup': 'False' } }, 'DISABLED'],
      'under checkpointProtection': [
        { protocol: featureProtocol([], ['checkpointProtection']) },
        'CHECKPOINT_PROTECTION',
      ],
    };
    for (const [name, [settings, reason]] of Object.entries(options)) {
      it(name, async () => {
        const world = await dailyWorld(50, settings);
        await world.log.checkpoint(10);
        await world.log.put(`_commit_${UUID}.json.tmp`, '{}');
        world.advance(9 * DAY);
        await world.change([]);
        const before = await world.logFiles();
        const result = await clean(world);
        assert.deepEqual([result.skipped, result.files], [reason, 0]);
        assert.deepEqual(await world.logFiles(), before);
      });
    }

    it('of a table with features that it does not know', async () => {
      for (const protocol of [featureProtocol([], ['futureFeature']), featureProtocol(['catalogManaged'])]) {
        const world = await dailyWorld(50, { protocol });
        await world.log.checkpoint(10).catch(() => undefined);
        await assert.rejects(clean(world), { message: /futureFeature|catalogManaged/ });
        assert.equal((await versionsLeft(world)).length, 51);
      }
    });
  });

  describe('has a retention', () => {
    it('of the table', async () => {
      const world = await dailyWorld(50, { configuration: { 'delta.logRetentionDuration': 'interval 40 days' } });
      for (const version of [5, 15]) await world.log.checkpoint(version);
      assert.equal((await clean(world)).keptFrom, 5);
    });

    it('that may be longer than the table’s, and shorter only by force', async () => {
      const world = await dailyWorld(50);
      for (const version of [5, 15, 45]) await world.log.checkpoint(version);
      assert.equal((await clean(world, { retention: 40 * DAY })).keptFrom, 5);
      await assert.rejects(clean(world, { retention: 2 * DAY }), { code: 'RETENTION_TOO_SHORT' });
      assert.equal((await clean(world, { retention: 2 * DAY, allowShortRetention: true })).keptFrom, 45);
    });

    it('leaves what is younger than an hour, whatever is asked for', async () => {
      // Version 10 is of day 9, 23:50, and now is 00:30 of the next day.
      const world = await dailyWorld(9);
      world.advance(DAY / 2 - 600_000);
      await world.change(['late.parquet']);
      await world.log.checkpoint(10);
      world.advance(2_400_000);
      const now = { retention: 0, allowShortRetention: true };
      assert.equal((await clean(world, now)).skipped, 'NO_CHECKPOINT');
      world.advance(3_600_000);
      assert.equal((await clean(world, now)).keptFrom, 10);
    });

    /** Days of the log, days of the tombstones, whether files land, and whether it is refused. */
    const short: readonly (readonly [log: number, tombstones: number, lands: boolean, refused: boolean])[] = [
      [13, 7, true, true],
      [13, 7, false, false],
      [14, 7, true, false],
      [2, 14, true, false],
    ];
    for (const [log, tombstones, lands, refused] of short) {
      it(`${refused ? 'refuses' : 'takes'} ${log} days, with tombstones of ${tombstones}, ${lands ? 'where' : 'where no'} files land`, async () => {
        const world = await createHistoryWorld({
          configuration: {
            'delta.logRetentionDuration': `${log} days`,
            'delta.deletedFileRetentionDuration': `${tombstones} days`,
          },
        });
        world.advance(1);
        await world.change(['a.parquet'], [], lands ? { 'resaca.etag': '1' } : {});
        await world.log.checkpoint(1);
        world.advance(40 * DAY);
        if (refused) await assert.rejects(clean(world), { code: 'RETENTION_TOO_SHORT', message: /14 days/ });
        else assert.equal((await clean(world)).keptFrom, 1);
        assert.equal((await clean(world, { allowShortRetention: true })).keptFrom, 1);
      });
    }
  });

  it('stops at the deadline, with the oldest versions gone, and goes on the next time', async () => {
    const world = await dailyWorld(80);
    await world.log.checkpoint(49);
    let reads = 0;
    const { store } = world.table;
    const table = world.over({
      ...store,
      async delete(key) {
        reads += 1;
        if (reads === 20) world.advance(DAY / 2);
        return store.delete(key);
      },
    });
    const result = await cleanLog(world.engine, table, { deadline: world.now() + 1 });
    assert.deepEqual([result.remaining, result.deleted.commits], [true, 32]);
    assert.equal((await versionsLeft(world))[0], 32);
    assert.deepEqual([(await clean(world)).deleted.commits, (await versionsLeft(world))[0]], [17, 49]);
  });
});
