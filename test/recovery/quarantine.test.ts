import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discardRecords } from '../../src/recovery/quarantine/discard.ts';
import { addToGroups, type RecordGroup, readRecords } from '../../src/recovery/quarantine/records.ts';
import { retryRecords } from '../../src/recovery/quarantine/retry.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type CrashError, createFaultyStore, everySingleFault, failCall } from '../support/faulty-store.ts';
import { parquet, ROW_COLUMNS, rowsOf } from '../support/landing.ts';
import { createRecoveryWorld, HOUR, MINUTE } from '../support/recovery-world.ts';

type World = ReturnType<typeof createRecoveryWorld>;

const strict = { tables: [{ prefix: 'web', schemaPolicy: 'strict' }] };
const wide = (id: number) => parquet([{ id, name: 'x', city: 'Porto' }], { ...ROW_COLUMNS, city: 'string' });

async function recordsOf(world: World, broken: readonly string[] = []) {
  const found: string[] = [];
  const records = await Array.fromAsync(
    readRecords(world.tableAt('web'), ({ id, problem }) => void found.push(`${id}: ${problem}`)),
  );
  assert.deepEqual(found, broken);
  return records;
}

/** A table whose rule refuses two files, and a file that is no Parquet. */
async function quarantined(): Promise<World> {
  const world = createRecoveryWorld(strict);
  await world.deliver([await world.drop('web/a.parquet')]);
  await world.deliver([
    await world.land('web/wide-1.parquet', wide(1)),
    await world.land('web/wide-2.parquet', wide(2)),
    await world.land('web/bad.parquet', new TextEncoder().encode('no parquet at all, by no means')),
  ]);
  world.advance(MINUTE);
  return world;
}

/** The engine with another rule. */
function evolving(world: World) {
  const [rule] = world.engine.config.tables;
  assert.ok(rule);
  return {
    ...world.engine,
    config: { ...world.engine.config, tables: [{ ...rule, schemaPolicy: 'evolve' as const }] },
  };
}

async function retryAll(world: World, engine = world.engine, store: ObjectStore = world.store) {
  const outcomes = await retryRecords(engine, world.tableAt('web', store), await recordsOf(world));
  return Object.fromEntries(outcomes.map(({ stored, outcome }) => [stored.record.path, outcome]));
}

describe('the quarantine of a table', () => {
  it('is grouped by reason', async () => {
    const groups = new Map<string, RecordGroup>();
    for (const stored of await recordsOf(await quarantined())) addToGroups(groups, stored);
    assert.deepEqual([...groups.values()].map(({ reason, files, retried }) => [reason, files, retried]).sort(), [
      ['NOT_PARQUET', 1, 0],
      ['SCHEMA_CONFLICT', 2, 0],
    ]);
  });

  it('has all records that can be read, whatever lies beside them', async () => {
    const world = await quarantined();
    const [record] = await recordsOf(world);
    assert.ok(record);
    const put = (id: string, text: string) =>
      world.store.put(`web/_resaca/quarantine/${id}.json`, new TextEncoder().encode(text));
    await put('0', '{"reason":');
    await put('1', 'null');
    await put('2', JSON.stringify({ ...record.record, detail: undefined }));
    await put('3', JSON.stringify({ ...record.record, size: '7' }));
    await put('4', ' '.repeat(5 * 1024 * 1024));
    const begin = (text: string) => JSON.stringify(text.slice(0, 80));
    const records = await recordsOf(world, [
      `0: expected a JSON object, got ${begin('{"reason":')}`,
      '1: expected a JSON object, got "null"',
      `2: expected a text as "detail", got ${begin(JSON.stringify({ ...record.record, detail: undefined }))}`,
      `3: expected a number as "size", got ${begin(JSON.stringify({ ...record.record, size: '7' }))}`,
      '4: it has 5242880 bytes, a record has 4194304 at most',
    ]);
    assert.equal(records.length, 3);
  });

  it('lets go of files that fit now, and keeps the others with a count', async () => {
    const world = await quarantined();
    const first = await retryAll(world);
    assert.deepEqual(first, {
      'bad.parquet': 'rejected',
      'wide-1.parquet': 'rejected',
      'wide-2.parquet': 'rejected',
    });
    const second = await retryAll(world, evolving(world));
    assert.deepEqual(second, { 'bad.parquet': 'rejected', 'wide-1.parquet': 'added', 'wide-2.parquet': 'added' });
    const [left, ...more] = await recordsOf(world);
    assert.deepEqual([left?.record.path, left?.record.retries, more.length], ['bad.parquet', 2, 0]);
    assert.deepEqual(await world.active('web'), ['a.parquet', 'wide-1.parquet', 'wide-2.parquet']);
    // The same once more: nothing changes but the count.
    assert.deepEqual(await retryAll(world, evolving(world)), { 'bad.parquet': 'rejected' });
  });

  it('forgets files that are gone, and takes what was written anew', async () => {
    const world = await quarantined();
    await world.remove('web/wide-1.parquet');
    await world.land('web/bad.parquet', parquet(rowsOf(7, 2)));
    const outcomes = await retryAll(world);
    assert.deepEqual(outcomes, { 'bad.parquet': 'added', 'wide-1.parquet': 'gone', 'wide-2.parquet': 'rejected' });
    assert.deepEqual(
      (await recordsOf(world)).map(({ record }) => record.path),
      ['wide-2.parquet'],
    );
  });

  it('keeps the record of a source file that lies outside of the table', async () => {
    const world = await quarantined();
    const record = {
      reason: 'NOT_PARQUET',
      detail: 'x',
      table: 's3://b/web',
      key: 'staging/x.parquet',
      path: 'staging/x.parquet',
      eventTime: new Date(world.now()).toISOString(),
      quarantinedAt: new Date(world.now()).toISOString(),
    };
    const id = 'web/_resaca/quarantine/merge-0123.json';
    await world.store.put(id, new TextEncoder().encode(JSON.stringify(record)));
    assert.equal((await retryAll(world))['staging/x.parquet'], 'left');
    assert.ok(await world.store.head(id));
  });

  it('has the record of the version that is there now', async () => {
    const world = await quarantined();
    await world.land('web/bad.parquet', new TextEncoder().encode('something else that is no Parquet file'));
    await retryAll(world);
    const bad = (await recordsOf(world)).filter(({ record }) => record.path === 'bad.parquet');
    assert.deepEqual(
      bad.map(({ record }) => [record.retries, record.size]),
      [[1, 38]],
    );
  });

  it('does not bring back a file that was in the table and was taken out', async () => {
    const world = await quarantined();
    const records = await recordsOf(world);
    await retryAll(world, evolving(world));
    const time = world.now();
    await world.commitForeign('web', [
      { remove: { path: 'wide-1.parquet', deletionTimestamp: time, dataChange: false } },
    ]);
    // As after a crash between the commit and the end of the record.
    const outcomes = await retryRecords(evolving(world), world.tableAt('web'), records);
    assert.deepEqual(outcomes.map(({ stored, outcome }) => `${stored.record.path} ${outcome}`).sort(), [
      'bad.parquet rejected',
      'wide-1.parquet left',
      'wide-2.parquet added',
    ]);
    assert.deepEqual(await world.active('web'), ['a.parquet', 'wide-2.parquet']);
  });

  it('tries a deletion again that an append-only table refused', async () => {
    const world = createRecoveryWorld({ defaults: { properties: { 'delta.appendOnly': 'true' } } });
    await world.deliver([await world.drop('web/a.parquet')]);
    await world.deliver([await world.remove('web/a.parquet')]);
    assert.deepEqual(await retryAll(world), { 'a.parquet': 'rejected' });
    const { snapshot } = await world.table('web');
    await world.commitForeign('web', [{ metaData: { ...snapshot.metadata, configuration: {} } }]);
    assert.deepEqual(await retryAll(world), { 'a.parquet': 'gone' });
    assert.deepEqual([await world.active('web'), await recordsOf(world)], [[], []]);
  });

  it('is discarded, with the files that are in no table and are still what they were', async () => {
    const world = await quarantined();
    await world.land('web/bad.parquet', parquet(rowsOf(7, 2)));
    const result = await discardRecords(world.engine.reader, world.tableAt('web'), await recordsOf(world), {
      deleteFiles: true,
    });
    assert.deepEqual(result, { records: 3, files: 2, kept: ['bad.parquet'] });
    assert.equal(await world.store.head('web/wide-1.parquet'), undefined);
    assert.deepEqual(await recordsOf(world), []);
  });
});

describe('a crash of a retry, before or after any one store call', async () => {
  const rehearsal = await quarantined();
  const counted = createFaultyStore(rehearsal.store, () => undefined);
  await retryAll(rehearsal, evolving(rehearsal), counted);

  for (const { name, number, fault } of everySingleFault(counted.calls.length)) {
    it(name, async () => {
      const world = await quarantined();
      const faulty = createFaultyStore(world.store, failCall(number, fault));
      await retryAll(world, evolving(world), faulty).catch((error: CrashError) => error);
      await retryAll(world, evolving(world));
      assert.deepEqual(await world.adds('web'), { 'a.parquet': 1, 'wide-1.parquet': 1, 'wide-2.parquet': 1 });
      assert.deepEqual(
        (await recordsOf(world)).map(({ record }) => record.path),
        ['bad.parquet'],
      );
      world.advance(2 * HOUR);
      assert.equal((await world.reconcile('web')).missed, 0);
    });
  }
});
