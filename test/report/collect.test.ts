import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { tableKey } from '../../src/delta/table.ts';
import { collectReport, type ReportOptions } from '../../src/report/collect/collect.ts';
import { writerName } from '../../src/report/collect/history-sums.ts';
import { LagSums } from '../../src/report/collect/lag-sums.ts';
import { MAX_BUCKETS, TimeBuckets } from '../../src/report/collect/time-buckets.ts';
import type { ReportFacts } from '../../src/report/facts.ts';
import { add, FIRST_TIME, metaData, remove } from '../support/delta-log-builder.ts';
import { createHistoryWorld, DAY, deletionVector, type HistoryWorld, HOUR } from '../support/history-world.ts';

const MIB = 2 ** 20;
const stats = (numRecords: number) => JSON.stringify({ numRecords });

function report(world: HistoryWorld, options: Partial<ReportOptions> = {}): Promise<ReportFacts> {
  return collectReport(world.engine, world.table, { commits: 1_000, ...options });
}

function by(engineInfo: string, operation: string): Action {
  return { commitInfo: { engineInfo, operation } };
}

/** Rows, files and bytes of each bucket. */
function growth({ history }: ReportFacts): (readonly [number | null, number, number | null])[] {
  return history.buckets.map(({ rows, files, bytes }) => [rows, files, bytes]);
}

/** Creation, two appends, a compaction of both, and a delete with statistics: a day apart. */
async function createdTable(): Promise<HistoryWorld> {
  const world = await createHistoryWorld();
  const next = (...actions: Action[]) => {
    world.advance(DAY);
    return world.commit(...actions);
  };
  const at = (lag: number) => world.now() + DAY - lag;
  const write = by('resaca/0.1.0', 'WRITE');
  await next(write, add('a', { size: MIB, stats: stats(10), modificationTime: at(2_000) }));
  await next(write, add('b', { size: 3 * MIB, stats: stats(30), modificationTime: at(8_000) }));
  await next(
    by('Apache-Spark/4.1.1 Delta-Lake/4.2.0', 'OPTIMIZE'),
    remove('a', { dataChange: false, size: MIB }),
    remove('b', { dataChange: false, size: 3 * MIB }),
    add('c', { size: 40 * MIB, stats: stats(40), dataChange: false }),
  );
  await next(write, add('d', { size: 100, stats: stats(5), modificationTime: at(60_000) }));
  await next(by('delta-rs:py-1.6.6', 'DELETE'), remove('d', { size: 100, stats: stats(5) }));
  return world;
}

describe('the growth of a table', () => {
  it('is undone from today on', async () => {
    const facts = await report(await createdTable());
    assert.deepEqual(growth(facts), [
      [0, 0, 0],
      [10, 1, MIB],
      [40, 2, 4 * MIB],
      [40, 1, 40 * MIB],
      [45, 2, 40 * MIB + 100],
      [40, 1, 40 * MIB],
    ]);
    const { end, commits, unexplainedFiles, rowsKnownSince, bytesKnownSince } = facts.history;
    assert.deepEqual([end, commits, unexplainedFiles, rowsKnownSince, bytesKnownSince], ['first', 6, 0, null, null]);
  });

  it('is the same however little of the log is read', async () => {
    const world = await createdTable();
    const all = growth(await report(world));
    const some = await report(world, { commits: 3 });
    assert.deepEqual([some.history.end, some.history.oldest?.version], ['limit', 3]);
    assert.deepEqual(growth(some), all.slice(-3));
    const since = await report(world, { since: FIRST_TIME + 4 * DAY });
    assert.deepEqual([since.history.end, since.history.oldest?.version], ['since', 4]);
    assert.deepEqual(growth(since), all.slice(-2));
    const none = await report(world, { since: FIRST_TIME + 9 * DAY });
    assert.deepEqual([none.history.commits, none.history.oldest, growth(none)], [0, null, []]);
  });

  it('says from where on the log is there', async () => {
    const world = await createdTable();
    await world.log.checkpoint(3);
    for (const version of [0, 1, 2]) await world.log.delete(`${String(version).padStart(20, '0')}.json`);
    const { history, log } = await report(world);
    assert.deepEqual([history.end, history.oldest?.version, log.oldestVersion], ['cleaned', 3, 3]);
  });

  it('has a gap where a remove does not tell its rows or its size', async () => {
    const world = await createHistoryWorld();
    await world.commit(add('a', { size: 10, stats: stats(1) }), add('b', { size: 20, stats: stats(2) }));
    world.advance(DAY);
    await world.commit(remove('a'));
    const { history } = await report(world);
    assert.deepEqual(
      history.buckets.map(({ rows, files, bytes }) => [rows, files, bytes]),
      [
        [null, 2, null],
        [2, 1, 20],
      ],
    );
    assert.deepEqual([history.rowsKnownSince, history.bytesKnownSince], [2, 2]);
  });

  it('says by how much it misses where files were replaced in place', async () => {
    const world = await createHistoryWorld();
    await world.commit(add('a', { stats: stats(1) }));
    world.advance(DAY);
    await world.commit(add('a', { stats: stats(2) }));
    const { history, files } = await report(world);
    assert.deepEqual([files.files, history.unexplainedFiles], [1, 1]);
    assert.ok(history.buckets.every((bucket) => bucket.files >= 0 && (bucket.rows ?? 0) >= 0));
  });

  it('leaves out times that cannot be', async () => {
    const world = await createHistoryWorld();
    await world.commit({ commitInfo: { inCommitTimestamp: 8e15 } }, add('a'));
    const { history } = await report(world);
    assert.deepEqual([history.commits, history.commitsWithoutTime, history.buckets.length], [2, 1, 1]);
  });
});

describe('the files of a table', () => {
  it('are counted by classes of sizes, small ones and rows that are hidden', async () => {
    const world = await createHistoryWorld();
    const { vector } = deletionVector();
    await world.commit(
      add('empty', { size: 0, stats: stats(0) }),
      add('small', { size: 16 * MIB - 1, stats: stats(100) }),
      add('large', { size: 16 * MIB, stats: stats(100), deletionVector: vector }),
      add('untold', { size: 20 * MIB }),
      add('huge', { size: 2 ** 40, stats: stats(1) }),
    );
    const { files, partitions } = await report(world);
    assert.deepEqual(
      [files.files, files.rows, files.filesWithoutRows, files.filesWithDeletionVector, files.smallFiles],
      [5, 195, 1, 1, 2],
    );
    assert.deepEqual([files.smallest, files.largest], [0, 2 ** 40]);
    const full = files.classes.filter((each) => each.files > 0).map(({ from, files: count }) => [from, count]);
    assert.deepEqual(full, [
      [0, 1],
      [8 * MIB, 1],
      [16 * MIB, 2],
      [2 ** 34, 1],
    ]);
    assert.deepEqual([partitions.count, partitions.largest], [0, []]);
  });

  it('are counted by partitions', async () => {
    const world = await createHistoryWorld({ partitionColumns: ['p'] });
    const sizes: Readonly<Record<string, number>> = { a: 10, b: 30, c: 20 };
    await world.commit(...Object.entries(sizes).map(([p, size]) => add(p, { size, partitionValues: { p } })));
    const { partitions } = await report(world);
    assert.deepEqual([partitions.count, partitions.medianBytes, partitions.more], [3, 20, false]);
    assert.deepEqual(
      partitions.largest.map(({ values, bytes }) => [values.p, bytes]),
      [
        ['b', 30],
        ['c', 20],
        ['a', 10],
      ],
    );
  });
});

describe('rules of quality', () => {
  it('are told by the commits of steps, whatever else stands there', async () => {
    const world = await createHistoryWorld();
    for (const quality of [
      '{"known":2,"positive":5}',
      '{"known":1}',
      'no JSON',
      '[7]',
      '{"a":"b","c":-1,"d":1e999}',
      3,
      null,
    ]) {
      world.advance(DAY);
      await world.commit({ commitInfo: { operation: 'MERGE', operationParameters: { quality } } });
    }
    const { history } = await report(world);
    assert.deepEqual(history.quality, [
      { rule: 'positive', rows: 5 },
      { rule: 'known', rows: 3 },
    ]);
  });
});

describe('commits', () => {
  it('are counted by writer and operation', async () => {
    const { history } = await report(await createdTable());
    assert.deepEqual(
      history.writers.map(({ writer, operation, commits, addedFiles, removedFiles }) => [
        ...[writer, operation, commits, addedFiles, removedFiles],
      ]),
      [
        ['resaca', 'WRITE', 3, 3, 0],
        ['delta-rs', 'DELETE', 1, 0, 1],
        ['Apache-Spark', 'OPTIMIZE', 1, 1, 2],
        ['unknown', '', 1, 0, 0],
      ],
    );
    assert.deepEqual(history.newestCommits[0], {
      version: 5,
      time: FIRST_TIME + 5 * DAY,
      writer: 'delta-rs',
      operation: 'DELETE',
      addedFiles: 0,
      removedFiles: 1,
      addedBytes: 0,
      changesSchema: false,
    });
  });

  it('of more writers than there are colours are put together', async () => {
    const world = await createHistoryWorld();
    for (let writer = 0; writer < 300; writer += 1) {
      world.advance(HOUR);
      await world.commit(by(`w${writer % 250}`, 'WRITE'));
    }
    const { history } = await report(world);
    assert.equal(history.series.length, 6);
    assert.equal(
      history.series.reduce((sum, { commits }) => sum + commits, 0),
      301,
    );
    for (const { bySeries, commits } of history.buckets) {
      assert.equal(
        bySeries.reduce((sum, count) => sum + count, 0),
        commits,
      );
    }
    assert.ok(history.writers.length <= 20);
    assert.equal(history.newestCommits.length, 25);
  });

  const engines: Readonly<Record<string, string>> = {
    'Apache-Spark/4.1.1 Delta-Lake/4.2.0': 'Apache-Spark',
    'delta-rs:py-1.6.6': 'delta-rs',
    'resaca/0.1.0': 'resaca',
    'Kernel 3.3.0': 'Kernel',
    'Trino 435 v2': 'Trino',
    '': 'unknown',
  };
  for (const [engine, name] of Object.entries(engines)) {
    it(`of "${engine}" are those of ${name}`, () => assert.equal(writerName(engine), name));
  }
});

describe('the lag', () => {
  it('is of files with new rows, from their time to the commit', async () => {
    const { history } = await report(await createdTable());
    const { lag } = history;
    assert.deepEqual([lag?.files, lag?.highest], [3, 60_000]);
    assert.ok(Math.abs((lag?.median ?? 0) / 8_000 - 1) < 0.06, `${lag?.median}`);
    assert.equal(history.buckets.filter((bucket) => bucket.lag !== null).length, 3);
  });

  it('is none where clocks differ, and never above the highest', () => {
    const sums = new LagSums();
    assert.equal(sums.facts(), null);
    sums.add(-5_000);
    assert.deepEqual(sums.facts(), { files: 1, median: 0, highest: 0 });
  });
});

describe('buckets of time', () => {
  const sums = () =>
    new TimeBuckets(
      () => ({ count: 0 }),
      (into, from) => {
        into.count += from.count;
      },
    );

  for (const [name, step] of [
    ['seconds', 1_000],
    ['hours', HOUR],
    ['weeks', 7 * DAY],
    ['nothing', 0],
  ] as const) {
    it(`hold all that came ${name} apart, in either direction`, () => {
      for (const sign of [1, -1]) {
        const buckets = sums();
        for (let index = 0; index < 500; index += 1) buckets.at(FIRST_TIME + sign * index * step).count += 1;
        const entries = buckets.entries();
        assert.equal(
          entries.reduce((sum, { value }) => sum + value.count, 0),
          500,
        );
        assert.ok(entries.length <= MAX_BUCKETS);
        assert.ok(entries.every(({ from, to }) => to - from === buckets.width && from % buckets.width === 0));
      }
    });
  }
});

describe('the quarantine', () => {
  const record = (world: HistoryWorld, id: number, fields: object) =>
    world.table.store.put(
      tableKey(world.table, `_resaca/quarantine/${id}.json`),
      new TextEncoder().encode(
        JSON.stringify({ path: `p${id}`, detail: `d${id}`, eventTime: '', size: 10, ...fields }),
      ),
    );

  it('is counted by reason, with the newest files', async () => {
    const world = await createHistoryWorld();
    for (let id = 0; id < 30; id += 1) {
      const quarantinedAt = new Date(FIRST_TIME + id * DAY).toISOString();
      await record(world, id, { reason: id % 3 === 0 ? 'NOT_PARQUET' : 'SCHEMA_CONFLICT', quarantinedAt });
    }
    await record(world, 31, { reason: 'NOT_PARQUET', quarantinedAt: 7 });
    const { quarantine, findings } = await report(world);
    assert.deepEqual([quarantine.files, quarantine.bytes, quarantine.more], [30, 300, false]);
    assert.equal(quarantine.broken, 1);
    assert.match(quarantine.brokenRecords[0]?.key ?? '', /_resaca\/quarantine\/31\.json$/);
    assert.match(quarantine.brokenRecords[0]?.problem ?? '', /^expected a text as "quarantinedAt", got /);
    assert.deepEqual(
      quarantine.reasons.map(({ reason, files }) => [reason, files]),
      [
        ['SCHEMA_CONFLICT', 20],
        ['NOT_PARQUET', 10],
      ],
    );
    assert.deepEqual([quarantine.newest.length, quarantine.newest[0]?.path], [20, 'p29']);
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['QUARANTINE'],
    );
  });
});

describe('the facts of a table', () => {
  it('are its columns, names and properties', async () => {
    const world = await createHistoryWorld();
    const point = {
      type: 'struct',
      fields: [{ name: 'x', type: 'double', nullable: false, metadata: { comment: 'east' } }],
    };
    const schema = {
      type: 'struct',
      fields: [
        { name: 'path', type: { type: 'array', elementType: point, containsNull: true }, nullable: true, metadata: {} },
        { name: 'ds', type: 'date', nullable: true, metadata: {} },
      ],
    };
    await world.commit(
      metaData({
        schemaString: JSON.stringify(schema),
        partitionColumns: ['ds'],
        name: 'orders',
        configuration: { 'delta.appendOnly': 'true' },
      }),
    );
    const facts = await report(world);
    assert.deepEqual([facts.name, facts.description, facts.partitionColumns], ['orders', null, ['ds']]);
    assert.deepEqual(facts.properties, { 'delta.appendOnly': 'true' });
    assert.deepEqual(facts.schema, [
      { depth: 0, name: 'path', type: 'array<struct>', nullable: true, comment: null, isPartition: false },
      { depth: 1, name: 'x', type: 'double', nullable: false, comment: 'east', isPartition: false },
      { depth: 0, name: 'ds', type: 'date', nullable: true, comment: null, isPartition: true },
    ]);
  });

  it('are refused where the log cannot be read', async () => {
    const world = await createHistoryWorld();
    await world.log.put('00000000000000000001.json', '{"add":{"path":1}}\n');
    await assert.rejects(report(world), /Line 1 of version 1/);
  });

  it('stay small, whatever the number of commits and files', async () => {
    const world = await createHistoryWorld();
    for (let version = 1; version <= 1_500; version += 1) {
      world.advance(HOUR);
      await world.commit(
        by('resaca/1', 'WRITE'),
        add(`f${version}`, { stats: stats(1), modificationTime: world.now() }),
      );
    }
    const facts = await report(world, { commits: 100_000 });
    assert.deepEqual([facts.history.commits, facts.history.end, facts.files.files], [1_501, 'first', 1_500]);
    assert.ok(JSON.stringify(facts).length < 40_000);
  });
});
