import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AddFile } from '../../src/delta/actions.ts';
import { tableKey } from '../../src/delta/table.ts';
import { type DoctorOptions, type DoctorReport, examineTable } from '../../src/maintenance/doctor/doctor.ts';
import { createCountingStore } from '../support/counting-store.ts';
import { add, FIRST_TIME, featureProtocol, metaData, remove, txn } from '../support/delta-log-builder.ts';
import {
  createHistoryWorld,
  DAY,
  deletionVector,
  type HistoryOptions,
  type HistoryWorld,
} from '../support/history-world.ts';

const MIB = 2 ** 20;
const stats = (numRecords: number) => JSON.stringify({ numRecords });

function examine(world: HistoryWorld, options?: DoctorOptions): Promise<DoctorReport> {
  return examineTable(world.engine, world.table, options);
}

/** `severity CODE` of all that is said of a table. */
async function codes(world: HistoryWorld, options?: DoctorOptions): Promise<string[]> {
  return (await examine(world, options)).findings.map(({ severity, code }) => `${severity} ${code}`);
}

/** Adds of files of this size, with statistics. */
function files(count: number, overrides: Partial<AddFile> = {}) {
  return Array.from({ length: count }, (_, file) =>
    add(`${JSON.stringify(overrides.partitionValues ?? {}).length}-${file}.parquet`, {
      size: 200 * MIB,
      stats: stats(10),
      ...overrides,
    }),
  );
}

describe('the doctor', () => {
  it('has nothing to say of a healthy table', async () => {
    const world = await createHistoryWorld();
    await world.commit(...files(5));
    const { findings, totals, log, check, version } = await examine(world);
    assert.deepEqual([findings, check, version], [[], undefined, 1]);
    assert.deepEqual([totals?.files, totals?.bytes, totals?.rows, totals?.partitions], [5, 1000 * MIB, 50, 0]);
    assert.deepEqual([log?.oldestVersion, log?.checkpointVersion, log?.commitsSinceCheckpoint], [0, undefined, 2]);
  });

  /** What is done to a table, and what is said of it. */
  const cases: Readonly<Record<string, readonly [expected: string, make: (world: HistoryWorld) => Promise<unknown>]>> =
    {
      'many small files': ['warning SMALL_FILES', (world) => world.commit(...files(150, { size: MIB }))],
      'files without statistics': [
        'warning STATS_MISSING',
        (world) =>
          world.commit(
            ...files(3),
            add('x', { size: 200 * MIB }),
            ...'abcd'.split('').map((name) => add(name, { size: 200 * MIB, stats: '{"minValues":{}}' })),
          ),
      ],
      'a file without statistics': [
        'info STATS_MISSING',
        (world) => world.commit(...files(3), add('x', { size: 200 * MIB })),
      ],
      'rows that are deleted by vectors': [
        'info MANY_DELETED_ROWS',
        (world) =>
          world.commit(add('x', { size: 200 * MIB, stats: stats(20), deletionVector: deletionVector().vector })),
      ],
      'a file without rows': [
        'info EMPTY_FILES',
        (world) => world.commit(add('x', { size: 200 * MIB, stats: stats(0) })),
      ],
      'many commits since the checkpoint': [
        'warning CHECKPOINT_DUE',
        async (world) => {
          for (let commit = 0; commit < 200; commit += 1) await world.commit(txn('a', commit));
        },
      ],
      'files that are logged twice': [
        'error DUPLICATE_FILES',
        (world) =>
          world.commit(
            add('x.parquet', { size: 200 * MIB, stats: stats(100) }),
            add('./x.parquet', { size: 200 * MIB, stats: stats(100) }),
            add('y.parquet', { size: 200 * MIB, stats: stats(100), deletionVector: deletionVector().vector }),
            add('y.parquet', { size: 200 * MIB, stats: stats(100) }),
          ),
      ],
      'files elsewhere': [
        'info FILES_ELSEWHERE',
        (world) => world.commit(add('s3://bucket/other/x.parquet', { size: 200 * MIB, stats: stats(1) })),
      ],
      'files of the future': [
        'info FUTURE_FILES',
        (world) => world.commit(...files(1, { modificationTime: FIRST_TIME + DAY })),
      ],
      'a commit of the future': [
        'warning FUTURE_COMMIT',
        async (world) => {
          world.advance(DAY);
          await world.commit(txn('a', 1));
          world.advance(-DAY);
        },
      ],
      'files in quarantine': ['warning QUARANTINE', (world) => world.write('_resaca/quarantine/1.json')],
      'a property that cannot be read': [
        'warning BAD_PROPERTIES',
        (world) => world.commit(metaData({ configuration: { 'delta.logRetentionDuration': '2 months' } })),
      ],
      'a log that is kept for too short': [
        'warning LOG_RETENTION_SHORT',
        async (world) => {
          await world.commit(metaData({ configuration: { 'delta.logRetentionDuration': '10 days' } }));
          await world.commit(...files(1, { tags: { 'resaca.etag': 'x' } }));
        },
      ],
      'a feature under which nothing is appended': [
        'info NOT_WRITABLE',
        (world) => world.commit(featureProtocol([], ['futureFeature'])),
      ],
      'a hint that is far behind': [
        'info STALE_HINT',
        async (world) => {
          for (let commit = 0; commit < 300; commit += 1) await world.commit(txn('a', commit));
          await world.log.checkpoint(300);
          await world.log.hint('no JSON');
        },
      ],
    };
  for (const [name, [expected, make]] of Object.entries(cases)) {
    it(`tells of ${name}`, async () => {
      const world = await createHistoryWorld();
      await make(world);
      assert.deepEqual(await codes(world), [expected]);
    });
  }

  it('names what is active twice', async () => {
    const world = await createHistoryWorld();
    const { vector } = deletionVector();
    await world.commit(add('y.parquet', { deletionVector: vector }), add('y.parquet'), add('z.parquet'));
    const [finding] = (await examine(world)).findings;
    assert.deepEqual(finding?.examples, ['y.parquet']);
  });

  it('tells of versions beyond the retention', async () => {
    const world = await createHistoryWorld();
    for (let commit = 0; commit < 1_100; commit += 1) {
      world.advance(1_000);
      await world.commit(txn('a', commit));
    }
    await world.log.checkpoint(1_100);
    assert.deepEqual(await codes(world), ['info STALE_HINT']);
    await world.log.hint(1_100);
    world.advance(32 * DAY);
    assert.deepEqual(await codes(world), ['info LOG_CLEANUP_DUE']);
  });

  it('tells of partitions that are too fine, and of skewed ones', async () => {
    const partitioned: HistoryOptions = { partitionColumns: ['p'] };
    const fine = await createHistoryWorld(partitioned);
    await fine.commit(
      ...Array.from({ length: 1_001 }, (_, p) =>
        add(`p=${p}/x.parquet`, { size: MIB, stats: stats(1), partitionValues: { p: `${p}` } }),
      ),
    );
    assert.deepEqual(await codes(fine), ['warning PARTITIONS_TOO_FINE']);
    const skewed = await createHistoryWorld(partitioned);
    await skewed.commit(
      ...[30, 30, 30, 4_000].map((mib, p) =>
        add(`p=${p}/x.parquet`, { size: mib * MIB, stats: stats(1), partitionValues: { p: p === 3 ? null : `${p}` } }),
      ),
    );
    const { findings, totals } = await examine(skewed);
    assert.deepEqual(
      findings.map(({ code, examples }) => [code, examples]),
      [['PARTITIONS_SKEWED', ['p=null']]],
    );
    assert.equal(totals?.partitions, 4);
  });

  it('counts small files only where there are others to put them together with', async () => {
    const world = await createHistoryWorld({ partitionColumns: ['p'] });
    await world.commit(
      ...Array.from({ length: 300 }, (_, p) =>
        add(`p=${p}/x.parquet`, { size: MIB, stats: stats(1), partitionValues: { p: `${p}` } }),
      ),
    );
    const { totals, findings } = await examine(world);
    assert.deepEqual([totals?.smallFiles, totals?.mergeableFiles, findings], [300, 0, []]);
  });

  /** Logs that cannot be read. */
  const broken: Readonly<Record<string, (world: HistoryWorld) => Promise<unknown>>> = {
    CORRUPT_LOG: (world) => world.log.put('00000000000000000001.json', 'no JSON'),
    LOG_GAP: (world) => world.log.put('00000000000000000002.json', '{}'),
    UNSUPPORTED_READER: (world) => world.commit(featureProtocol(['futureFeature'])),
  };
  for (const [code, damage] of Object.entries(broken)) {
    it(`reports a log that cannot be read: ${code}`, async () => {
      const world = await createHistoryWorld();
      await damage(world);
      const { findings, version } = await examine(world);
      assert.deepEqual(
        [findings.map(({ code: got, severity }) => [got, severity]), version],
        [[[code, 'error']], undefined],
      );
    });
  }

  it('fails where there is no table', async () => {
    const world = await createHistoryWorld();
    const table = { ...world.table, root: 'elsewhere' };
    await assert.rejects(examineTable(world.engine, table), { code: 'TABLE_NOT_FOUND' });
  });

  describe('that looks at the files', () => {
    /** A table of four files, of which one is missing, one is of another size, and one has lost its vector. */
    async function damaged(): Promise<HistoryWorld> {
      const world = await createHistoryWorld({ protocol: featureProtocol(['deletionVectors']) });
      const { path: vector, vector: descriptor } = deletionVector();
      for (const path of ['good é.parquet', 'other.parquet', 'vector.parquet', 'good vector.parquet']) {
        await world.write(path, 'x'.repeat(10));
      }
      await world.write(`ab/${vector}`);
      const good = { size: 10, stats: stats(100) };
      await world.commit(
        add('good%20%C3%A9.parquet', good),
        add('missing.parquet', good),
        add('other.parquet', { ...good, size: 11 }),
        add('vector.parquet', { ...good, deletionVector: descriptor }),
        add('good%20vector.parquet', { ...good, deletionVector: deletionVector('ab').vector }),
        add('s3://elsewhere/x.parquet', good),
      );
      return world;
    }

    for (const [name, options] of Object.entries({ 'by a LIST': { files: true }, 'by chance': { sample: 100 } })) {
      it(`${name}, finds what is missing or of another size`, async () => {
        const world = await damaged();
        const { check, findings } = await examine(world, options);
        assert.deepEqual(
          [check?.missingSample, check?.wrongSizeSample, check?.unchecked, check?.checked],
          [['missing.parquet', 'vector.parquet'], ['other.parquet'], 1, 5],
        );
        const errors = findings.filter(({ severity }) => severity === 'error');
        assert.deepEqual(
          errors.map(({ code, numbers }) => [code, numbers.files]),
          [
            ['MISSING_FILES', 2],
            ['WRONG_SIZE', 1],
          ],
        );
      });
    }

    it('asks for none one by one that the LIST shows', async () => {
      const world = await createHistoryWorld();
      await world.change(Array.from({ length: 50 }, (_, file) => `${file}.parquet`));
      const store = createCountingStore(world.table.store);
      const { check } = await examineTable(world.engine, world.over(store), { files: true });
      // The builder says that every file has 100 bytes; they have fewer.
      assert.deepEqual([check?.wrongSize, store.counts.head], [50, 50]);
      await world.commit(...(await sizes(world)).map(([path, size]) => add(path, { size })));
      store.reset();
      const again = await examineTable(world.engine, world.over(store), { files: true });
      assert.deepEqual([again.check?.wrongSize, again.check?.missing, store.counts.head], [0, 0, 0]);
    });

    it('asks for a sample with as many requests', async () => {
      const world = await createHistoryWorld();
      await world.change(Array.from({ length: 50 }, (_, file) => `${file}.parquet`));
      const store = createCountingStore(world.table.store);
      const { check } = await examineTable(world.engine, world.over(store), { sample: 7 });
      assert.deepEqual([check?.by, check?.checked, store.counts.head], ['sample', 7, 7]);
    });

    it('calls no file missing that is not active any more', async () => {
      const world = await createHistoryWorld();
      await world.change(['a.parquet', 'b.parquet']);
      await world.table.store.delete(tableKey(world.table, 'a.parquet'));
      const { store } = world.table;
      let listed = false;
      const table = world.over({
        ...store,
        async *list(prefix, options) {
          if (prefix === 'lake/orders/' && !listed) {
            listed = true;
            await world.commit(remove('a.parquet'));
          }
          yield* store.list(prefix, options);
        },
      });
      const { check } = await examineTable(world.engine, table, { files: true });
      assert.deepEqual([listed, check?.missing], [true, 0]);
    });

    it('tells of files that a vacuum would delete, and of those that it would leave', async () => {
      const world = await createHistoryWorld();
      await world.change(['a.parquet', 'b.parquet'], [], { 'resaca.etag': '1' });
      await world.change([], ['a.parquet']);
      await world.write('waits.parquet');
      world.advance(20 * DAY);
      const { findings, check } = await examine(world, { files: true });
      assert.deepEqual([check?.removed?.files, check?.keptOrphans?.files], [1, 1]);
      const about = findings.filter(({ code }) => ['VACUUM_DUE', 'UNKNOWN_FILES'].includes(code));
      assert.deepEqual(about.map(({ code, numbers }) => [code, numbers.files]).sort(), [
        ['UNKNOWN_FILES', 1],
        ['VACUUM_DUE', 1],
      ]);
    });

    it('looks at a table that cannot be vacuumed, too', async () => {
      const world = await createHistoryWorld({ protocol: featureProtocol([], ['futureFeature']) });
      await world.change(['a.parquet']);
      await world.commit(add('b.parquet'));
      const { check } = await examine(world, { files: true });
      assert.deepEqual([check?.missing, check?.wrongSize, check?.removed], [1, 1, undefined]);
    });
  });
});

async function sizes({ table }: HistoryWorld): Promise<[path: string, size: number][]> {
  const found = await Array.fromAsync(table.store.list(`${table.root}/`));
  return found
    .filter(({ key }) => key.endsWith('.parquet'))
    .map(({ key, size }) => [key.slice(table.root.length + 1), size]);
}
