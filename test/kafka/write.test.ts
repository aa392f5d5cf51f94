import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import type { DataType } from '../../src/delta/schema.ts';
import { createBronzeWriter } from '../../src/kafka/bronze-writer.ts';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import { deadLetterRow } from '../../src/kafka/dead-letters.ts';
import { createBronzeHandler } from '../../src/kafka/handler.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { type CountingStore, createCountingStore } from '../support/counting-store.ts';
import { failedInvocation, mskEvent } from '../support/kafka-events.ts';

const ROOT = 'bronze/web';
const FIRST_COMMIT = `${ROOT}/_delta_log/00000000000000000000.json`;
const MINUTE = 60_000;
const encode = (text: string) => new TextEncoder().encode(text);
const BAD_TEXT = Uint8Array.of(0xff);

function json(offset: number, value: unknown, facts: Partial<KafkaRecord> = {}): KafkaRecord {
  return kafkaRecord(offset, { value: encode(JSON.stringify(value)), ...facts });
}

function worldOf(rule: object = {}, wrap?: (store: ObjectStore) => ObjectStore): BronzeWorld {
  return createBronzeWorld({ config: { topics: [{ topic: '*', ...rule }] }, ...(wrap && { wrap }) });
}

/** What the handler and the writer need, over the store of a world. */
function depsOf(world: BronzeWorld, config: object = {}) {
  const none = () => Promise.reject(new Error('there is no registry here'));
  return {
    store: world.store,
    reader: createCheckpointReader(),
    registries: { confluent: none, glue: none },
    config: parseKafkaConfig({ bucket: 'lake', ...config }),
    telemetry: { log: () => undefined, metrics: () => undefined },
    now: world.now,
    random: () => 0.5,
    sleep: async (ms: number) => world.advance(ms),
  };
}

/** A world in which another environment writes records just before the next commit to the table. */
function worldWithRival(rule: object = {}) {
  let records: readonly KafkaRecord[] = [];
  let rival: ((...records: KafkaRecord[]) => Promise<unknown>) | undefined;
  const world = worldOf(rule, (store) => ({
    ...store,
    async putIfAbsent(key, body) {
      const next = records;
      if (key.startsWith(`${ROOT}/_delta_log/`) && next.length > 0) {
        records = [];
        await rival?.(...next);
      }
      return store.putIfAbsent(key, body);
    },
  }));
  rival = world.otherEnvironment();
  const comesFirst = (...some: KafkaRecord[]): void => {
    records = some;
  };
  return { world, comesFirst };
}

async function letters(world: BronzeWorld): Promise<[number, string][]> {
  const rows = await world.rows(`${ROOT}__dead_letters`);
  return rows.map(({ offset, error_code: code }) => [Number(offset), String(code)]);
}

async function putTable(
  world: BronzeWorld,
  columns: Readonly<Record<string, DataType>>,
  txns: object = {},
  root = ROOT,
) {
  const fields = Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  const schema = { type: 'struct', fields } as const;
  const id = crypto.randomUUID();
  const partitionColumns = ['ingest_date'];
  const creation = newTableActions({ schema, partitionColumns, configuration: {}, id, createdTime: 0 });
  const offsets = Object.entries(txns).map(([appId, version]) => ({ txn: { appId, version: Number(version) } }));
  const key = `${root}/_delta_log/00000000000000000000.json`;
  await world.store.putIfAbsent(key, serializeCommit([...creation, ...offsets]));
}

describe('what the bronze function reports', () => {
  it('are rows, files, bytes, dead letters, records left out and the age of the oldest', async () => {
    const world = worldOf({ format: 'json', filter: 'x > `0`', partitionBy: [{ name: 'x', expression: 'x' }] });
    const values = [{ x: 1 }, { x: 2 }, { x: 0 }, { x: {} }];
    const timestamp = (offset: number) => world.now() - 1_000 * (offset + 1);
    await world.deliver(...values.map((value, offset) => json(offset, value, { timestamp: timestamp(offset) })));
    const adds = await world.adds(ROOT);
    const bytesAppended = adds.reduce((sum, { size }) => sum + size, 0);
    assert.deepEqual(world.metrics, [
      {
        table: `s3://lake/${ROOT}`,
        recordsWritten: 2,
        bytesAppended,
        filesAppended: 2,
        commits: 1,
        conflicts: 0,
        quarantined: 0,
        skipped: 2,
        freshnessLag: 2_000,
      },
    ]);
  });

  it('counts dead letters, and repeated records that are none', async () => {
    const world = worldOf({ value: 'string' });
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { value: BAD_TEXT }));
    const timestamp = world.now() + 2 * MINUTE;
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { timestamp }), kafkaRecord(2));
    assert.deepEqual(
      world.metrics.map(({ recordsWritten, quarantined, skipped }) => [recordsWritten, quarantined, skipped]),
      [
        [1, 1, 0],
        [1, 1, 1],
      ],
    );
  });

  it('has no negative age of records from clocks that are ahead', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0, { timestamp: world.now() + 5_000 }));
    assert.equal(world.metrics[0]?.freshnessLag, 0);
  });

  it('counts lost races', async () => {
    const { world, comesFirst } = worldWithRival();
    comesFirst(kafkaRecord(0, { partition: 1 }));
    await world.deliver(kafkaRecord(0));
    assert.deepEqual(world.metrics.map(({ conflicts }) => conflicts).sort(), [0, 1]);
  });

  it('counts a table that could not be written', async () => {
    const world = worldOf();
    await world.store.put(FIRST_COMMIT, encode('{'));
    await assert.rejects(world.deliver(kafkaRecord(0)));
    assert.deepEqual(world.metrics, [{ table: `s3://lake/${ROOT}`, failures: 1 }]);
  });

  it('says in the log how many rows and files a commit has', async () => {
    const world = worldOf();
    await world.deliver(...kafkaRecords(0, 3));
    const log = new TextDecoder().decode((await world.store.get(FIRST_COMMIT)).body);
    assert.match(log, /"operation":"STREAMING UPDATE"/);
    assert.match(log, /"numOutputRows":"?3"?,"numAddedFiles":"?1"?/);
  });
});

describe('the batch response', () => {
  const config = { reportBatchItemFailures: true };

  it('names nothing when everything was written', async () => {
    const world = createBronzeWorld({ config });
    assert.deepEqual(await world.deliver(kafkaRecord(0)), { batchItemFailures: [] });
  });

  it('names the first offset of each partition that a table lacks', async () => {
    const world = createBronzeWorld({ config });
    for (const topic of ['web', 'orders']) {
      await world.store.put(`bronze/${topic}/_delta_log/00000000000000000000.json`, encode('{'));
    }
    const response = await world.deliver(
      ...kafkaRecords(5, 8),
      ...kafkaRecords(3, 5, { partition: 1 }),
      ...kafkaRecords(9, 11, { topic: 'orders' }),
      kafkaRecord(0, { topic: 'fine' }),
    );
    assert.deepEqual(
      response?.batchItemFailures.map(({ itemIdentifier: { partition, offset } }) => [partition, offset]).sort(),
      [
        ['orders-0', 9],
        ['web-0', 5],
        ['web-1', 3],
      ],
    );
  });
});

describe('an invocation', () => {
  it('commits nothing in its last two seconds', async () => {
    const world = worldOf();
    const handler = createBronzeHandler(depsOf(world));
    const event = mskEvent([kafkaRecord(0)]);
    await assert.rejects(handler(event, { getRemainingTimeInMillis: () => 2_000 }), ({ errors }: AggregateError) => {
      assert.equal(errors[0].code, 'COMMIT_CONTENTION');
      return true;
    });
    await handler(event, { getRemainingTimeInMillis: () => 2_001 });
    assert.deepEqual(await world.offsets(ROOT), ['web/0/0']);
  });

  it('does not take the record of a failed one, which is for the replay', async () => {
    const world = worldOf();
    const handler = createBronzeHandler(depsOf(world));
    const event = failedInvocation(mskEvent([kafkaRecord(0)]));
    await assert.rejects(handler(event, { getRemainingTimeInMillis: () => MINUTE }), { code: 'INVALID_KAFKA_EVENT' });
    assert.deepEqual(await world.tables(), []);
  });
});

describe('an environment that goes on', () => {
  it('asks again for what a rule could not get', async () => {
    let calls = 0;
    const confluent = async () => {
      calls += 1;
      throw new Error(`call ${calls}`);
    };
    const topics = [{ topic: '*', format: 'confluent' }];
    const world = createBronzeWorld({
      config: { registry: { url: 'http://registry' }, topics },
      registries: { confluent },
    });
    await assert.rejects(world.deliver(kafkaRecord(0)), /call 1/);
    await assert.rejects(world.deliver(kafkaRecord(0)), /call 2/);
  });

  it('reads nothing of a table that nobody else has written to', async () => {
    const stores: CountingStore[] = [];
    const world = worldOf({}, (store) => {
      const counting = createCountingStore(store);
      stores.push(counting);
      return counting;
    });
    await world.deliver(kafkaRecord(0));
    for (const store of stores) store.reset();
    await world.deliver(kafkaRecord(1));
    const { get, head, list, put, putIfAbsent } = stores.at(-1)?.counts ?? {};
    assert.deepEqual({ get, head, list, put, putIfAbsent }, { get: 0, head: 2, list: 0, put: 1, putIfAbsent: 1 });
  });

  it('remembers the 256 tables that it has looked at last', async () => {
    const world = worldOf();
    const store = createCountingStore(world.store);
    const writer = createBronzeWriter({ ...depsOf(world), store });
    for (let index = 0; index < 257; index++) {
      await putTable(world, { offset: 'long', ingest_date: 'date' }, {}, `bronze/topic${index}`);
      await writer.lastOffset(`topic${index}`, 0);
    }
    store.reset();
    await writer.lastOffset('topic256', 0);
    assert.equal(store.counts.get, 0);
    await writer.lastOffset('topic0', 0);
    assert.ok(store.counts.get > 0);
  });

  it('makes a table anew that was deleted', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    for await (const { key } of world.store.list(`${ROOT}/`)) await world.store.delete(key);
    await world.deliver(kafkaRecord(1));
    assert.deepEqual(await world.offsets(ROOT), ['web/0/1']);
  });
});

describe('the last offset of a partition', () => {
  it('is that of its table, as it is now', async () => {
    const world = worldOf();
    const writer = createBronzeWriter(depsOf(world));
    assert.equal(await writer.lastOffset('web', 0), undefined);
    await world.deliver(...kafkaRecords(0, 5), ...kafkaRecords(0, 8, { partition: 1 }));
    assert.deepEqual([await writer.lastOffset('web', 0), await writer.lastOffset('web', 1)], [4, 7]);
  });

  it('is not known where what is in a record tells its table', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    for (const table of ['bronze/{topic}/{type}', 'bronze/{topic}/{header:tenant}']) {
      const topics = [{ topic: '*', format: 'json', table }];
      assert.equal(await createBronzeWriter(depsOf(world, { topics })).lastOffset('web', 0), undefined);
    }
  });
});

describe('repeated offsets', () => {
  it('are those of a topic made anew from a minute after their commit on', async () => {
    const world = worldOf();
    await world.deliver(...kafkaRecords(0, 2));
    const timestamp = world.now() + MINUTE;
    await world.deliver(kafkaRecord(0, { timestamp }), kafkaRecord(1, { timestamp: timestamp + 1 }));
    assert.deepEqual(await letters(world), [[1, 'OFFSET_REUSED']]);
  });

  it('of kafka-delta-ingest do not count for the next generation of a topic', async () => {
    const world = worldOf({ continueFrom: 'ingest', generation: 1 });
    await putTable(world, { offset: 'long', ingest_date: 'date' }, { 'ingest-0': 9 });
    await world.deliver(kafkaRecord(0));
    assert.deepEqual(await world.offsets(ROOT), ['web/0/0']);
  });
});

describe('a lost race', () => {
  it('writes no dead letter twice', async () => {
    const { world, comesFirst } = worldWithRival({ value: 'string' });
    comesFirst(kafkaRecord(0));
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { value: BAD_TEXT }), kafkaRecord(2));
    assert.deepEqual(await world.offsets(ROOT), ['web/0/0', 'web/0/2']);
    assert.deepEqual(await letters(world), [[1, 'INVALID_UTF8']]);
    assert.deepEqual(world.metrics.map(({ quarantined }) => quarantined).sort(), [0, 1]);
  });

  it('against a writer that gave the table a column plans the rows for that column', async () => {
    const { world, comesFirst } = worldWithRival({ format: 'json' });
    await world.deliver(json(0, {}));
    comesFirst(json(1, { x: 1 }, { partition: 1 }));
    await world.deliver(json(1, { x: 'text' }), json(2, { x: 2 }));
    assert.deepEqual(await world.offsets(ROOT), ['web/0/0', 'web/0/2', 'web/1/1']);
    assert.deepEqual(await letters(world), [[1, 'TYPE_MISMATCH']]);
  });

  it('leaves the file of the winner as it is', async () => {
    const { world, comesFirst } = worldWithRival();
    comesFirst(...kafkaRecords(0, 3));
    await world.deliver(...kafkaRecords(0, 3), kafkaRecord(0, { partition: 1 }));
    const uploads: string[] = [];
    for await (const { key } of world.store.list(`${ROOT}/ingest_date=`)) uploads.push(key);
    // That of the winner, and of each of two tries.
    assert.equal(uploads.length, 3);
    assert.deepEqual(await world.offsets(ROOT), ['web/0/0', 'web/0/1', 'web/0/2', 'web/1/0']);
  });
});

describe('a table that refuses the columns of Kafka', () => {
  it('gets no rows: the records are dead letters, and behind', async () => {
    const world = worldOf();
    await putTable(world, { offset: 'string', ingest_date: 'date' });
    await world.deliver(...kafkaRecords(0, 2));
    assert.deepEqual(await letters(world), [
      [0, 'TABLE_REFUSED'],
      [1, 'TABLE_REFUSED'],
    ]);
    assert.equal((await world.snapshot(ROOT)).txns.get('resaca/web/0')?.version, 1);
  });
});

describe('a new table', () => {
  const rule = {
    value: 'string',
    properties: { 'delta.checkpointInterval': '7' },
    partitionBy: [{ name: 'part', type: 'integer', expression: 'kafka.partition' }, { name: 'ingest_date' }],
  };
  const facts = async (world: BronzeWorld) => {
    const { metadata, schema } = await world.snapshot(ROOT);
    const interval = metadata.configuration['delta.checkpointInterval'];
    return [interval, metadata.partitionColumns, schema.fields.find(({ name }) => name === 'part')?.type];
  };
  const expected = ['7', ['part', 'ingest_date'], 'integer'];

  it('has the properties and partition columns of its rule', async () => {
    const world = worldOf(rule);
    await world.deliver(kafkaRecord(0));
    assert.deepEqual(await facts(world), expected);
  });

  it('has them also when it begins with dead letters only', async () => {
    const world = worldOf(rule);
    await world.deliver(kafkaRecord(0, { value: BAD_TEXT }));
    assert.deepEqual(await facts(world), expected);
  });

  it('that begins with dead letters only has the columns of Kafka and no others', async () => {
    const world = worldOf({ format: 'json', columns: { n: 'byte' }, key: 'omit', headers: 'omit' });
    await world.deliver(json(0, { n: 1_000 }));
    const { schema } = await world.snapshot(ROOT);
    assert.deepEqual(
      schema.fields.map(({ name }) => name),
      ['timestamp', 'timestamp_type', 'topic', 'partition', 'offset', 'ingested_at', 'ingest_date'],
    );
  });

  it('has no file for a record of which some rows fit, when there is no other', async () => {
    const world = worldOf({ format: 'json-lines', columns: { n: 'byte' } });
    await world.deliver(kafkaRecord(0, { value: encode('{"n":1}\n{"n":1000}') }));
    assert.deepEqual([await world.adds(ROOT), await letters(world)], [[], [[0, 'TYPE_MISMATCH']]]);
  });
});

describe('a dead letter', () => {
  it('has all of the record, the reason, and the date of its writing', async () => {
    const world = worldOf({ value: 'string', key: 'omit', headers: 'omit', metadataPrefix: 'k_' });
    const headers = [{ key: 'trace', value: encode('1') }];
    await world.deliver(kafkaRecord(3, { value: BAD_TEXT, headers }));
    const [letter] = await world.rows(`${ROOT}__dead_letters`);
    const { key, value, topic, partition, offset, timestamp_type: type, error } = letter ?? {};
    assert.deepEqual(
      [key, value, letter?.headers, topic, partition, offset, type],
      [encode('key 3'), BAD_TEXT, [{ key: 'trace', value: encode('1') }], 'web', 0, 3n, 'CREATE_TIME'],
    );
    assert.equal(error, 'the value is no UTF-8, and the table keeps it as a string');
    const [add] = await world.adds(`${ROOT}__dead_letters`);
    assert.deepEqual(add?.partitionValues, { ingest_date: '2026-11-24' });
  });

  it('has a reason that is well-formed, whatever it quotes', () => {
    const problem = { code: 'INVALID_JSON', message: 'half of a pair: \ud83d' } as const;
    assert.equal(deadLetterRow({ record: kafkaRecord(0), problem }, 0).at(-1), 'half of a pair: \ufffd');
  });

  it('is written before the offsets move past it', async () => {
    const order: string[] = [];
    const world = worldOf({ value: 'string' }, (store) => ({
      ...store,
      putIfAbsent(key, body) {
        order.push(key.slice(0, key.indexOf('/_delta_log')));
        return store.putIfAbsent(key, body);
      },
    }));
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { value: BAD_TEXT }));
    assert.deepEqual(order, [`${ROOT}__dead_letters`, ROOT]);
  });
});
