import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { createBronzeWorld, kafkaRecord, kafkaRecords, type Row } from '../support/bronze-world.ts';
import { mskEvent } from '../support/kafka-events.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('the bronze function', () => {
  it('keeps every record as it came, with where it came from', async () => {
    const world = createBronzeWorld();
    const headers = [
      { key: 'trace', value: bytes('é\u0000') },
      { key: 'trace', value: undefined },
    ];
    await world.deliver(
      kafkaRecord(7, { headers }),
      kafkaRecord(9, { key: undefined, value: undefined, timestamp: undefined, timestampType: 'NO_TIMESTAMP_TYPE' }),
    );
    const [first, second] = await world.rows('bronze/web');
    assert.deepEqual(textual(first), {
      key: 'key 7',
      value: 'value 7',
      headers: [
        { key: 'trace', value: 'é\u0000' },
        { key: 'trace', value: null },
      ],
      timestamp: '2026-11-24T05:59:00.007Z',
      timestamp_type: 'CREATE_TIME',
      topic: 'web',
      partition: 0,
      offset: '7',
      ingested_at: '2026-11-24T06:00:00.000Z',
    });
    const { key, value, timestamp, timestamp_type: type } = second ?? {};
    assert.deepEqual([key, value, timestamp, type], [null, null, null, 'NO_TIMESTAMP_TYPE']);
  });

  it('makes one commit of a batch, with the offset of each partition and statistics', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 10), ...kafkaRecords(100, 103, { partition: 3 }));
    const { version, txns, metadata } = await world.snapshot('bronze/web');
    assert.equal(version, 0);
    assert.deepEqual(metadata.partitionColumns, ['ingest_date']);
    assert.deepEqual(
      [...txns.values()].map(({ appId, version: offset, lastUpdated }) => [appId, offset, lastUpdated]),
      [
        ['resaca/web/0', 9, world.now()],
        ['resaca/web/3', 102, world.now()],
      ],
    );
    const log = new TextDecoder().decode(
      (await world.store.get('bronze/web/_delta_log/00000000000000000000.json')).body,
    );
    const add = log.split('\n').flatMap((line) => (line.startsWith('{"add"') ? [JSON.parse(line).add] : []));
    assert.equal(add.length, 1);
    assert.match(add[0].path, /^ingest_date=2026-11-24\/web-0-0-9-and-1-more-[0-9a-f-]+\.zstd\.parquet$/);
    const { numRecords, minValues, maxValues } = JSON.parse(add[0].stats);
    assert.deepEqual([numRecords, minValues.offset, maxValues.offset, maxValues.partition], [13, 0, 102, 3]);
  });

  it('drops what it has written before, whole batches and overlapping ones', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 10));
    await world.deliver(...kafkaRecords(0, 10));
    assert.equal((await world.snapshot('bronze/web')).version, 0);
    world.coldStart();
    await world.deliver(...kafkaRecords(5, 15), ...kafkaRecords(0, 2, { partition: 1 }));
    await world.deliver(...kafkaRecords(0, 2, { partition: 1 }), ...kafkaRecords(40, 41));
    assert.deepEqual(await world.offsets('bronze/web'), [
      ...Array.from({ length: 15 }, (_, offset) => `web/0/${offset}`),
      'web/0/40',
      'web/1/0',
      'web/1/1',
    ]);
    assert.deepEqual(
      world.metrics.map(({ recordsWritten, skipped }) => [recordsWritten, skipped]),
      [
        [10, 0],
        [0, 10],
        [7, 5],
        [1, 2],
      ],
    );
  });

  it('writes each record once when two pollers have the same partition', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 1));
    const [a, b] = [world.otherEnvironment(), world.otherEnvironment()];
    await Promise.all([
      a(...kafkaRecords(1, 20)),
      b(...kafkaRecords(1, 12)),
      a(...kafkaRecords(5, 30)),
      b(...kafkaRecords(20, 25)),
    ]);
    assert.deepEqual(
      await world.offsets('bronze/web'),
      Array.from({ length: 30 }, (_, offset) => `web/0/${String(offset)}`).sort(
        (x, y) => Number(x.slice(6)) - Number(y.slice(6)),
      ),
    );
  });

  it('writes the topics of a batch into their tables, apart from each other', async () => {
    const world = createBronzeWorld({
      config: {
        topics: [
          { topic: 'web.*', table: 'raw/web' },
          { topic: 'orders', table: 'orders', value: 'string' },
        ],
      },
    });
    await world.deliver(
      kafkaRecord(1, { topic: 'web.a' }),
      kafkaRecord(1, { topic: 'web.b' }),
      kafkaRecord(5, { topic: 'orders' }),
    );
    assert.deepEqual(await world.offsets('raw/web'), ['web.a/0/1', 'web.b/0/1']);
    assert.deepEqual(await world.offsets('orders'), ['orders/0/5']);
    // One table that cannot be written keeps no other from it, and fails the batch.
    await world.store.put('orders/_delta_log/00000000000000000001.json', bytes('{'));
    await assert.rejects(
      world.deliver(kafkaRecord(2, { topic: 'web.a' }), kafkaRecord(6, { topic: 'orders' })),
      /1 tables could not be written/,
    );
    assert.deepEqual(await world.offsets('raw/web'), ['web.a/0/1', 'web.a/0/2', 'web.b/0/1']);
    await assert.rejects(
      world.deliver(kafkaRecord(1, { topic: 'other' })),
      /no rule of the configuration is for the topic "other"/,
    );
  });

  it('sends what a string column cannot hold to the dead letters, and goes on', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', value: 'string' }] } });
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { value: Uint8Array.of(0xff, 0xfe) }), kafkaRecord(2));
    await world.deliver(kafkaRecord(3, { value: Uint8Array.of(0x80) }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/2']);
    const letters = await world.rows('bronze/web__dead_letters');
    assert.deepEqual(
      letters.map(({ offset, value, error_code: code }) => [Number(offset), [...(value as Uint8Array)], String(code)]),
      [
        [1, [0xff, 0xfe], 'INVALID_UTF8'],
        [3, [0x80], 'INVALID_UTF8'],
      ],
    );
    // Their offsets are behind: they do not come again.
    const versions = [await world.snapshot('bronze/web'), await world.snapshot('bronze/web__dead_letters')].map(
      ({ version }) => version,
    );
    await world.deliver(...kafkaRecords(0, 3), kafkaRecord(3, { value: Uint8Array.of(0x80) }));
    assert.deepEqual(
      [await world.snapshot('bronze/web'), await world.snapshot('bronze/web__dead_letters')].map(
        ({ version }) => version,
      ),
      versions,
    );
  });

  it('moves the offsets on also where no record of a new table can be taken', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', value: 'string' }] } });
    await world.deliver(kafkaRecord(4, { value: Uint8Array.of(0x80) }));
    assert.deepEqual(await world.offsets('bronze/web'), []);
    assert.equal((await world.snapshot('bronze/web')).txns.get('resaca/web/0')?.version, 4);
  });

  it('does not drop the records of a topic that was made anew', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 10));
    world.advance(3_600_000);
    const timestamp = world.now();
    await world.deliver(kafkaRecord(0, { timestamp }), kafkaRecord(1, { timestamp }));
    assert.equal((await world.rows('bronze/web')).length, 10);
    const letters = await world.rows('bronze/web__dead_letters');
    assert.deepEqual(
      letters.map(({ offset, error_code: code }) => [Number(offset), String(code)]),
      [
        [0, 'OFFSET_REUSED'],
        [1, 'OFFSET_REUSED'],
      ],
    );
  });

  it('begins anew with the next generation of a topic', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: 'web', generation: 1 }] } });
    await putTable(world, [{ txn: { appId: 'resaca/web/0', version: 50, lastUpdated: 1 } }]);
    await world.deliver(...kafkaRecords(0, 2));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/0', 'web/0/1']);
    const { txns } = await world.snapshot('bronze/web');
    assert.deepEqual(
      [...txns.values()].map(({ appId, version }) => [appId, version]),
      [
        ['resaca/web/0', 50],
        ['resaca/web/0/1', 1],
      ],
    );
  });

  it('goes on from the offsets of kafka-delta-ingest', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: 'web', continueFrom: 'ingest' }] } });
    await putTable(world, [
      { txn: { appId: 'ingest-0', version: 4, lastUpdated: world.now() } },
      { txn: { appId: 'ingest-1', version: 9, lastUpdated: world.now() } },
    ]);
    await world.deliver(...kafkaRecords(0, 7), ...kafkaRecords(8, 11, { partition: 1 }));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/5', 'web/0/6', 'web/1/10']);
    await world.deliver(...kafkaRecords(0, 8));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/5', 'web/0/6', 'web/0/7', 'web/1/10']);
  });

  it('fails an event that is none of Kafka', async () => {
    const world = createBronzeWorld();
    const handler = world.deliver;
    await assert.rejects(handler(...[{ ...kafkaRecord(0), offset: -1 }]));
    assert.equal(typeof mskEvent([]), 'object');
  });
});

/** A table of another writer with the columns of bronze and these offsets. */
async function putTable({ store }: ReturnType<typeof createBronzeWorld>, txns: Parameters<typeof serializeCommit>[0]) {
  const fields = [
    { name: 'offset', type: 'long', nullable: true, metadata: {} },
    { name: 'ingest_date', type: 'date', nullable: true, metadata: {} },
  ] as const;
  const creation = newTableActions({
    schema: { type: 'struct', fields },
    partitionColumns: ['ingest_date'],
    configuration: {},
    id: crypto.randomUUID(),
    createdTime: 0,
  });
  await store.putIfAbsent('bronze/web/_delta_log/00000000000000000000.json', serializeCommit([...creation, ...txns]));
}

/** Values as texts, for comparison. */
function textual(row: Row | undefined): unknown {
  return JSON.parse(
    JSON.stringify(row ?? null, (_, value: unknown) => {
      if (typeof value === 'bigint') return String(value);
      if (value instanceof Uint8Array) return new TextDecoder().decode(value);
      return value;
    }),
  );
}
