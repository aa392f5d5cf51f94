import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openChangeLog } from '../../src/cdf/changes/change-log.ts';
import { changesOf } from '../../src/cdf/changes/commit-changes.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { isEngineError } from '../../src/medallion/engine/errors.ts';
import { isStepError } from '../../src/medallion/errors.ts';
import type { MergeMode } from '../../src/medallion/rule.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { addsOf, createStepWorld, type Row, ruleOf, type StepWorld } from './step-world.ts';

const EVENTS = structOf({ id: 'long', name: 'string', ts: 'long' });
const MERGE: MergeMode = { kind: 'merge', keys: ['id'], orderBy: 'ts', deletes: 'apply', lateness: 0 };
const SQL = 'SELECT * FROM bronze';
const FEED = { 'delta.enableChangeDataFeed': 'true' };

const texts = (rows: readonly Row[]) =>
  rows.map(([id, name, ts]) => JSON.stringify({ id: id === null ? null : String(id), name, ts: String(ts) })).sort();

async function start(rows: readonly Row[]) {
  const world = createStepWorld();
  const source = await world.source('bronze', { schema: EVENTS });
  await source.append(rows);
  return { world, source };
}

describe('a step that merges', () => {
  it('has the newest record of each key, and counts what it did', async () => {
    const { world, source } = await start([
      [1n, 'a', 1n],
      [1n, 'a2', 2n],
      [2n, 'b', 1n],
      [null, 'null', 1n],
    ]);
    const rule = ruleOf({ mode: MERGE, properties: FEED }, SQL);
    await world.run(rule);
    assert.deepEqual(
      await world.rows('silver'),
      texts([
        [1n, 'a2', 2n],
        [2n, 'b', 1n],
        [null, 'null', 1n],
      ]),
    );
    await source.append([
      [1n, 'old', 1n],
      [null, 'null2', 2n],
      [3n, 'c', 1n],
    ]);
    const { metrics } = await world.run(rule);
    assert.deepEqual(
      await world.rows('silver'),
      texts([
        [1n, 'a2', 2n],
        [2n, 'b', 1n],
        [3n, 'c', 1n],
        [null, 'null2', 2n],
      ]),
    );
    const { rowsLate, rowsInserted, rowsUpdated, rowsDeleted, rowsCopied } = metrics;
    assert.deepEqual([rowsLate, rowsInserted, rowsUpdated, rowsDeleted, rowsCopied], [1, 1, 1, 0, 2]);
    await source.change((row) => (row[0] === 2n ? undefined : row));
    assert.equal((await world.run(rule)).metrics.rowsDeleted, 1);
  });

  it('says in its commits what it read of which versions', async () => {
    const { world, source } = await start([[1n, 'a', 1n]]);
    const rule = ruleOf({ mode: MERGE }, SQL);
    await world.run(rule);
    await source.append([[2n, 'b', 1n]]);
    await source.append([[1n, 'c', 2n]]);
    await world.run(rule);
    const log = await openChangeLog(world.tableAt('silver'), world.deps().reader);
    const [, commit] = await Array.fromAsync(log.commits(0, 1));
    const [info] = commit?.actions.flatMap((action) => ('commitInfo' in action ? [action.commitInfo] : [])) ?? [];
    assert.equal(info?.operation, 'MERGE');
    const { step, source: from, sourceFromVersion, sourceUntilVersion } = info?.operationParameters ?? {};
    assert.deepEqual([step, from, sourceFromVersion, sourceUntilVersion], ['silver', 's3://lake/bronze', '2', '3']);
    assert.equal(info?.operationMetrics?.numTargetRowsUpdated, '1');
  });

  it('records the changes of its rows where the table asks for them, and only where files are written again', async () => {
    const { world, source } = await start([
      [1n, 'a', 1n],
      [2n, 'b', 1n],
    ]);
    const rule = ruleOf({ mode: MERGE, properties: FEED }, SQL);
    await world.run(rule);
    await source.append([[5n, 'e', 1n]]);
    await world.run(rule);
    await source.append([
      [1n, 'a2', 2n],
      [7n, 'g', 1n],
    ]);
    await source.change((row) => (row[0] === 2n ? undefined : row));
    await world.run(rule);
    const log = await openChangeLog(world.tableAt('silver'), world.deps().reader);
    const commits = await Array.fromAsync(log.commits(1, 2));
    const kinds = commits.map(({ actions }) =>
      changesOf(world.tableAt('silver'), actions).files.map(({ kind }) => kind),
    );
    assert.deepEqual(kinds, [['whole'], ['recorded']]);
  });

  it('leaves files alone that have none of its keys', async () => {
    const { world, source } = await start(Array.from({ length: 10 }, (_, id): Row => [BigInt(id), 'x', 1n]));
    const rule = ruleOf({ mode: MERGE }, SQL);
    await world.run(rule);
    await source.append(Array.from({ length: 10 }, (_, id): Row => [BigInt(100 + id), 'x', 1n]));
    await world.run(rule);
    const before = await addsOf(await world.snapshot('silver'));
    const gets: string[] = [];
    await source.append([[105n, 'y', 2n]]);
    const store = {
      ...world.store,
      get: (key: string, options?: Parameters<StepWorld['store']['get']>[1]) => {
        gets.push(key);
        return world.store.get(key, options);
      },
    };
    const { metrics } = await world.run(rule, { store });
    assert.deepEqual([before.length, metrics.filesRemoved, metrics.rowsCopied], [2, 1, 9]);
    assert.equal(before.filter(({ path }) => gets.some((key) => key.endsWith(path))).length, 1);
  });

  it('takes what was written again as it was for no change of it', async () => {
    const { world, source } = await start([
      [1n, 'a', 1n],
      [2n, 'b', 1n],
    ]);
    const { orderBy: _, ...mode } = MERGE;
    const rule = ruleOf({ mode }, SQL);
    await world.run(rule);
    await source.append([[1n, 'a2', 2n]]);
    await world.run(rule);
    // Its file also has the first record of another key, which comes again with it.
    await source.change((row) => (row[0] === 2n ? undefined : row));
    await world.run(rule);
    assert.deepEqual(await world.rows('silver'), texts([[1n, 'a2', 2n]]));
  });

  it('moves a row to the partition that it has now', async () => {
    const { world, source } = await start([
      [1n, 'a', 1n],
      [2n, 'b', 1n],
    ]);
    const rule = ruleOf({ mode: MERGE, partitionBy: ['name'] }, SQL);
    await world.run(rule);
    await source.append([[1n, 'b', 2n]]);
    await source.append([[2n, '', 3n]]);
    await world.run(rule);
    assert.deepEqual(
      await world.rows('silver'),
      texts([
        [1n, 'b', 2n],
        [2n, null, 3n],
      ]),
    );
    const values = (await addsOf(await world.snapshot('silver'))).map(({ partitionValues }) => partitionValues.name);
    assert.deepEqual(values.sort(), ['b', null]);
  });

  it('takes records that say that they delete, and does not keep the column that says so', async () => {
    const { world, source } = await start([
      [1n, 'a', 1n],
      [2n, 'b', 1n],
    ]);
    const rule = ruleOf(
      { mode: { ...MERGE, deleteWhen: '_deleted' } },
      `SELECT *, name = 'gone' AS _deleted FROM bronze`,
    );
    await world.run(rule);
    await source.append([
      [1n, 'gone', 2n],
      [2n, 'gone', 0n],
      [9n, 'gone', 1n],
    ]);
    await world.run(rule);
    assert.deepEqual(await world.rows('silver'), texts([[2n, 'b', 1n]]));
  });

  it('lets rows be that are deleted in the source, where it is to', async () => {
    const { world, source } = await start([
      [1n, 'a', 1n],
      [2n, 'b', 1n],
    ]);
    const rule = ruleOf({ mode: { ...MERGE, deletes: 'ignore' } }, SQL);
    await world.run(rule);
    await source.change((row) => (row[0] === 2n ? undefined : [row[0], 'a2', 2n]));
    await world.run(rule);
    assert.deepEqual(
      await world.rows('silver'),
      texts([
        [1n, 'a2', 2n],
        [2n, 'b', 1n],
      ]),
    );
  });

  it('remembers what it deleted, and forgets it once it is older than the lateness', async () => {
    const { world, source } = await start([[1n, 'a', 10n]]);
    const rule = ruleOf({ mode: { ...MERGE, lateness: 100 } }, SQL);
    await world.run(rule);
    for (let id = 2n; id < 40n; id++) {
      await source.append([[id, 'x', id * 10n]]);
      await source.change((row) => (row[0] === id ? undefined : row));
      await world.run(rule);
    }
    const tombstones = (await world.rows('silver__tombstones')).map((row) => Number(JSON.parse(row).id));
    assert.ok(!tombstones.includes(2) && tombstones.includes(39), `${tombstones}`);
    assert.ok((await addsOf(await world.snapshot('silver__tombstones'))).length <= 17);
    await source.append([
      [39n, 'late', 389n],
      [2n, 'very late', 1n],
    ]);
    const { metrics } = await world.run(rule);
    assert.equal(metrics.rowsLate, 1);
    assert.deepEqual(
      await world.rows('silver'),
      texts([
        [1n, 'a', 10n],
        [2n, 'very late', 1n],
      ]),
    );
  });

  it('takes keys and names that are hostile', async () => {
    const schema = structOf({ 'He_said_"é"': 'string', "it's": 'double', '\u{1f600}': 'timestamp', Select: 'date' });
    const world = createStepWorld();
    const source = await world.source('bronze', { schema });
    const keys = ['He_said_"é"', "it's", '\u{1f600}'];
    const rule = ruleOf({ mode: { kind: 'merge', keys, deletes: 'apply', lateness: 0 } }, SQL);
    const odd: readonly Row[] = [
      ['a"b', Number.NaN, 1n, 1],
      ["o'hara \\", -0, null, 2],
      [null, null, null, null],
      ['\u{10ffff}\u{e9}'.repeat(40), Number.POSITIVE_INFINITY, 1_700_000_000_123_999n, 3],
    ];
    await source.append(odd);
    await world.run(rule);
    await source.append(odd.map(([a, b, c, day]): Row => [a, b, c, Number(day ?? 0) + 10]));
    const { metrics } = await world.run(rule);
    assert.deepEqual([metrics.rowsUpdated, metrics.rowsInserted], [odd.length, 0]);
  });
});

describe('the table that a step writes to', () => {
  const table = (properties = {}, nullable = true) =>
    newTableActions({
      schema: {
        type: 'struct',
        fields: EVENTS.fields.map((field) => ({ ...field, nullable: field.name === 'name' ? nullable : true })),
      },
      partitionColumns: [],
      configuration: properties,
      id: 'an-id',
      createdTime: 0,
    });

  async function withTable(actions: ReturnType<typeof table>) {
    const { world, source } = await start([[1n, 'a', 1n]]);
    const body = serializeCommit([{ commitInfo: { operation: 'CREATE TABLE' } }, ...actions]);
    await world.store.putIfAbsent(commitKey(world.tableAt('silver'), 0), body);
    return { world, source };
  }

  it('gets new columns where the rule lets it', async () => {
    const { world } = await withTable(table());
    const sql = 'SELECT *, id + 1 AS next FROM bronze';
    await assert.rejects(
      world.run(ruleOf({ mode: MERGE, schema: 'fixed' }, sql)),
      (error) => isStepError(error, 'SCHEMA') && /next/.test(error.message),
    );
    await world.run(ruleOf({ mode: MERGE }, sql));
    assert.deepEqual(await world.rows('silver'), ['{"id":"1","name":"a","ts":"1","next":"2"}']);
  });

  it('keeps the types of its columns, to which nothing is cast that would change', async () => {
    const { world } = await withTable(table());
    await assert.rejects(world.run(ruleOf({ mode: MERGE }, 'SELECT id, name, ts + 0.5 AS ts FROM bronze')), (error) =>
      isEngineError(error, 'TYPE'),
    );
    await world.run(
      ruleOf({ mode: MERGE }, 'SELECT CAST(id AS INTEGER) AS id, CAST(ts AS UTINYINT) AS ts FROM bronze'),
    );
    assert.deepEqual(await world.rows('silver'), ['{"id":"1","name":null,"ts":"1"}']);
  });

  it('gets no null where it takes none', async () => {
    const { world, source } = await withTable(table({}, false));
    await world.run(ruleOf({ mode: MERGE }, SQL));
    await source.append([[2n, null, 1n]]);
    await assert.rejects(world.run(ruleOf({ mode: MERGE }, SQL)), (error) => isEngineError(error, 'NULL_VALUE'));
    await assert.rejects(world.run(ruleOf({ mode: MERGE }, 'SELECT id, ts FROM bronze')), (error) =>
      isStepError(error, 'SCHEMA'),
    );
    assert.deepEqual(await world.rows('silver'), texts([[1n, 'a', 1n]]));
  });

  it('is left alone where it has rules that are not held here, or must not lose rows', async () => {
    const appendOnly = await withTable(table({ 'delta.appendOnly': 'true' }));
    await assert.rejects(appendOnly.world.run(ruleOf({ mode: MERGE }, SQL)), (error) => isStepError(error, 'TARGET'));
    const [, made] = table();
    assert.ok(made !== undefined && 'metaData' in made);
    const metaData = { ...made.metaData, configuration: { 'delta.constraints.positive': 'id > 0' } };
    const checked = await withTable([{ protocol: { minReaderVersion: 1, minWriterVersion: 3 } }, { metaData }]);
    await assert.rejects(checked.world.run(ruleOf({ mode: MERGE }, SQL)), (error) =>
      isDeltaError(error, 'UNSUPPORTED_WRITER'),
    );
  });

  it('is another one where the names in the rule are none of its columns', async () => {
    const { world } = await start([[1n, 'a', 1n]]);
    await assert.rejects(
      world.run(ruleOf({ mode: { ...MERGE, keys: ['ID'] } }, SQL)),
      (error) => isStepError(error, 'SCHEMA') && /ID/.test(error.message),
    );
  });
});
