import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { FAILED, fail, replayFailed } from './replay-world.ts';

const range = (first: number, end: number, partition = 0) =>
  Array.from({ length: end - first }, (_, index) => `web/${partition}/${first + index}`);
const badText = Uint8Array.of(0xff);

describe('a replay of batches that were given up', () => {
  it('writes a batch that was lost between two others, each record once', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 10));
    await fail(world, 'a', ...kafkaRecords(10, 20), ...kafkaRecords(0, 5, { partition: 1 }));
    await world.deliver(...kafkaRecords(20, 30), ...kafkaRecords(5, 8, { partition: 1 }));
    // Given to the function, they would be taken for repeats.
    await world.deliver(...kafkaRecords(10, 20));
    assert.equal((await world.rows('bronze/web')).length, 23);

    const [step] = await replayFailed(world);
    assert.deepEqual(step?.result?.tables, [
      { table: 's3://lake/bronze/web', records: 15, present: 0, written: 15, dropped: 0, failed: {} },
    ]);
    assert.deepEqual(await world.offsets('bronze/web'), [...range(0, 30), ...range(0, 8, 1)]);
    const { txns, version } = await world.snapshot('bronze/web');
    assert.equal(version, 2);
    assert.deepEqual([txns.get('resaca/web/0')?.version, txns.get('resaca/web/1')?.version], [29, 7]);
    const own = [...txns.values()].filter(({ appId }) => /^resaca\/replay\/[0-9a-f]{64}$/.test(appId));
    assert.deepEqual(
      own.map(({ version: count }) => count),
      [1],
    );
  });

  it('writes nothing the second time, and what is new the third', async () => {
    const world = createBronzeWorld();
    await fail(world, 'a', ...kafkaRecords(0, 10));
    await replayFailed(world);
    const { version } = await world.snapshot('bronze/web');
    const [again] = await replayFailed(world);
    assert.equal(again?.result?.tables[0]?.present, 10);
    assert.equal((await world.snapshot('bronze/web')).version, version);
    await fail(world, 'b', ...kafkaRecords(5, 15));
    await replayFailed(world);
    assert.deepEqual(await world.offsets('bronze/web'), range(0, 15));
  });

  it('leaves the offsets of the function alone, which goes on as if nothing had been', async () => {
    const world = createBronzeWorld();
    await fail(world, 'a', ...kafkaRecords(0, 10));
    await replayFailed(world);
    await world.deliver(...kafkaRecords(10, 12));
    await world.deliver(...kafkaRecords(0, 10));
    assert.deepEqual(await world.offsets('bronze/web'), range(0, 12));
  });

  it('takes a record that is in several objects once', async () => {
    const world = createBronzeWorld();
    await fail(world, 'a', ...kafkaRecords(0, 10));
    await fail(world, 'b', ...kafkaRecords(5, 15));
    await fail(world, 'c', ...kafkaRecords(0, 15));
    const [step] = await replayFailed(world);
    assert.deepEqual([step?.objects, step?.records, step?.result?.tables[0]?.failed], [3, 35, {}]);
    assert.deepEqual(await world.offsets('bronze/web'), range(0, 15));
    assert.equal((await world.snapshot('bronze/web')).version, 0);
  });

  it('leaves the objects, unless told to remove them', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: 'web' }] } });
    const config = { topics: [{ topic: 'web' }] };
    await fail(world, 'a', ...kafkaRecords(0, 3));
    await fail(world, 'b', kafkaRecord(3), kafkaRecord(0, { topic: 'other' }));
    await world.store.put(`${FAILED}readme.txt`, new TextEncoder().encode('no JSON'));
    await world.store.put(`${FAILED}other.json`, new TextEncoder().encode('{"Records":[]}'));
    const keys = async () =>
      (await Array.fromAsync(world.store.list(FAILED))).map(({ key }) => key.slice(FAILED.length));
    await replayFailed(world, { config });
    assert.deepEqual(await keys(), ['a', 'b', 'other.json', 'readme.txt']);
    await replayFailed(world, { config, deletes: true, isDryRun: true });
    assert.deepEqual(await keys(), ['a', 'b', 'other.json', 'readme.txt']);

    const [step] = await replayFailed(world, { config, deletes: true });
    assert.deepEqual(await keys(), ['b', 'other.json', 'readme.txt']);
    assert.deepEqual([step?.deleted, step?.unfinished, step?.result?.unrouted], [1, [`${FAILED}b`], 1]);
    assert.deepEqual(
      step?.others.map(({ key, reason }) => [key, reason.slice(0, 24)]),
      [
        [`${FAILED}other.json`, 'expected the eventSource'],
        [`${FAILED}readme.txt`, 'it is no JSON'],
      ],
    );
    assert.deepEqual(await world.offsets('bronze/web'), range(0, 4));
  });

  it('puts what a table cannot take into its dead letters, once however often it is replayed', async () => {
    const config = { topics: [{ topic: '*', value: 'string' }] };
    const world = createBronzeWorld({ config });
    await world.deliver(kafkaRecord(0));
    await fail(world, 'a', kafkaRecord(1), kafkaRecord(2, { value: badText }), kafkaRecord(3));
    const [step] = await replayFailed(world, { config });
    assert.deepEqual(step?.result?.tables[0]?.failed, { INVALID_UTF8: 1 });
    await fail(world, 'b', kafkaRecord(2, { value: badText }), kafkaRecord(4, { value: badText }));
    await replayFailed(world, { config });
    await replayFailed(world, { config });
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/1', 'web/0/3']);
    assert.deepEqual(await world.offsets('bronze/web__dead_letters'), ['web/0/2', 'web/0/4']);
  });

  it('writes no dead letter of a record that its table has from a time when it took it', async () => {
    const world = createBronzeWorld();
    await world.deliver(kafkaRecord(0, { value: badText }));
    await fail(world, 'a', kafkaRecord(0, { value: badText }));
    const [step] = await replayFailed(world, { config: { topics: [{ topic: '*', schemaPolicy: 'strict' }] } });
    assert.equal(step?.result?.tables[0]?.present, 1);
    await assert.rejects(world.snapshot('bronze/web__dead_letters'), { code: 'TABLE_NOT_FOUND' });
  });

  it('only tells what it would do in a dry run', async () => {
    const config = { topics: [{ topic: '*', value: 'string' }] };
    const world = createBronzeWorld({ config });
    await world.deliver(kafkaRecord(0));
    await fail(world, 'a', kafkaRecord(0), kafkaRecord(1), kafkaRecord(2, { value: badText }));
    const before = await Array.fromAsync(world.store.list(''));
    const [step] = await replayFailed(world, { config, isDryRun: true });
    assert.deepEqual(step?.result?.tables, [
      { table: 's3://lake/bronze/web', records: 3, present: 1, written: 1, dropped: 0, failed: { INVALID_UTF8: 1 } },
    ]);
    assert.deepEqual(await Array.fromAsync(world.store.list('')), before);
  });

  it('tells the records of a topic made anew from those that the table has', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 10));
    world.advance(3_600_000);
    const timestamp = world.now();
    await fail(world, 'a', kafkaRecord(3, { timestamp }), kafkaRecord(4), kafkaRecord(50, { timestamp }));
    // Without a new generation they are as suspect as to the function; nothing is lost either way.
    const [step] = await replayFailed(world);
    const [table] = step?.result?.tables ?? [];
    assert.deepEqual([table?.present, table?.written, table?.failed], [1, 1, { OFFSET_REUSED: 1 }]);
    assert.deepEqual(await world.offsets('bronze/web__dead_letters'), ['web/0/3']);
    // With it, only the very records count as present.
    const [next] = await replayFailed(world, { config: { topics: [{ topic: '*', generation: 1 }] } });
    assert.deepEqual([next?.result?.tables[0]?.present, next?.result?.tables[0]?.written], [2, 1]);
    const offsets = await world.offsets('bronze/web');
    assert.equal(offsets.filter((offset) => offset === 'web/0/3').length, 2);
    await replayFailed(world, { config: { topics: [{ topic: '*', generation: 1 }] } });
    assert.equal((await world.rows('bronze/web')).length, 12);
  });

  it('takes rows without a time for the record, but not where offsets are given out again', async () => {
    const world = createBronzeWorld();
    const types = { topic: 'string', partition: 'integer', offset: 'long' } as const;
    const fields = Object.entries(types).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
    const rows = new RowWriter({ type: 'struct', fields });
    for (const offset of [0, 1]) rows.append(['web', 0, offset]);
    const body = await rows.finish();
    await world.store.put('bronze/web/x.parquet', body);
    const date = { name: 'ingest_date', type: 'date', nullable: true, metadata: {} } as const;
    const schema = { type: 'struct', fields: [...fields, date] } as const;
    const creation = {
      schema,
      partitionColumns: ['ingest_date'],
      configuration: {},
      id: crypto.randomUUID(),
      createdTime: 0,
    };
    const facts = {
      partitionValues: { ingest_date: null },
      size: body.byteLength,
      modificationTime: 0,
      dataChange: true,
    };
    await world.store.put(
      'bronze/web/_delta_log/00000000000000000000.json',
      serializeCommit([...newTableActions(creation), { add: { path: 'x.parquet', ...facts } }]),
    );
    await fail(world, 'a', ...kafkaRecords(0, 3));
    const [dry] = await replayFailed(world, { isDryRun: true, config: { topics: [{ topic: '*', generation: 1 }] } });
    assert.deepEqual(dry?.result?.tables[0]?.failed, { OFFSET_REUSED: 2 });
    const [step] = await replayFailed(world);
    assert.deepEqual([step?.result?.tables[0]?.present, step?.result?.tables[0]?.written], [2, 1]);
  });

  it('keeps tables apart: one that cannot be written leaves its records where they are', async () => {
    const world = createBronzeWorld();
    await world.deliver(kafkaRecord(0, { topic: 'orders' }));
    await world.store.put('bronze/orders/_delta_log/00000000000000000001.json', new TextEncoder().encode('{'));
    await fail(world, 'a', kafkaRecord(0), kafkaRecord(1, { topic: 'orders' }));
    await assert.rejects(replayFailed(world, { deletes: true }), { code: 'CORRUPT_LOG' });
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0']);
    assert.notEqual(await world.store.head(`${FAILED}a`), undefined);
  });

  it('sends records to the dead letters whose columns the table refuses', async () => {
    const config = { topics: [{ topic: '*', schemaPolicy: 'strict' }] };
    const world = createBronzeWorld({ config });
    await world.deliver(kafkaRecord(0));
    await fail(world, 'a', kafkaRecord(1), kafkaRecord(2));
    const strict = { topics: [{ topic: '*', key: 'string', schemaPolicy: 'strict' }] };
    const [step] = await replayFailed(world, { config: strict });
    assert.deepEqual(step?.result?.tables[0]?.failed, { TABLE_REFUSED: 2 });
    assert.deepEqual(await world.offsets('bronze/web__dead_letters'), ['web/0/1', 'web/0/2']);
    await replayFailed(world, { config });
    assert.deepEqual(await world.offsets('bronze/web'), range(0, 3));
  });

  it('ends before the step that would go beyond the limit', async () => {
    const world = createBronzeWorld();
    await fail(world, 'a', ...kafkaRecords(0, 10));
    assert.deepEqual(await replayFailed(world, { limit: 0 }), []);
    assert.equal((await replayFailed(world, { limit: 1 })).length, 1);
    assert.equal((await world.rows('bronze/web')).length, 10);
  });

  it('finds what a table has that keeps its columns under other names', async () => {
    const config = { topics: [{ topic: '*', metadataPrefix: 'kafka_' }] };
    const world = createBronzeWorld({ config });
    await world.deliver(...kafkaRecords(0, 3));
    await fail(world, 'a', ...kafkaRecords(1, 5));
    const [step] = await replayFailed(world, { config });
    assert.deepEqual([step?.result?.tables[0]?.present, step?.result?.tables[0]?.written], [2, 2]);
    const rows = await world.rows('bronze/web');
    assert.deepEqual(rows.map(({ kafka_offset: offset }) => Number(offset)).sort(), [0, 1, 2, 3, 4]);
  });

  it('refuses a table that does not keep where its rows came from', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', metadataPrefix: 'kafka_' }] } });
    await world.deliver(...kafkaRecords(0, 3));
    await fail(world, 'a', ...kafkaRecords(1, 5));
    await assert.rejects(replayFailed(world), { code: 'NO_SOURCE_COLUMNS' });
    assert.equal((await world.rows('bronze/web')).length, 3);
  });
});
