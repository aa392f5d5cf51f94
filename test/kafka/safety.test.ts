/** What once lost, doubled or held up records, or could have. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { findStrayFiles } from '../../src/maintenance/stray-files.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { fail, replayFailed } from './replay-world.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const enc = (value: unknown) => bytes(JSON.stringify(value));
const json = (offset: number, value: unknown, facts: Partial<KafkaRecord> = {}) =>
  kafkaRecord(offset, { value: enc(value), ...facts });
const field = (name: string, type: unknown, nullable = true) => ({ name, type, nullable, metadata: {} });
const KAFKA = [field('topic', 'string'), field('partition', 'integer'), field('offset', 'long')];
const MAPPED = {
  configuration: { 'delta.columnMapping.mode': 'name' },
  protocol: { minReaderVersion: 2, minWriterVersion: 5 },
};

interface TableFacts {
  partitionColumns?: string[];
  configuration?: object;
  protocol?: object;
}
async function createTable(world: BronzeWorld, root: string, fields: object[], facts: TableFacts = {}): Promise<void> {
  const { partitionColumns = [], configuration = {}, protocol = { minReaderVersion: 1, minWriterVersion: 2 } } = facts;
  const actions = [
    { commitInfo: { timestamp: world.now(), operation: 'CREATE TABLE', operationParameters: {} } },
    { protocol },
    {
      metaData: {
        id: 'f0000000-0000-4000-8000-000000000001',
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({ type: 'struct', fields }),
        partitionColumns,
        configuration,
        createdTime: world.now(),
      },
    },
  ];
  await world.store.put(
    `${root}/_delta_log/00000000000000000000.json`,
    bytes(actions.map((one) => `${JSON.stringify(one)}\n`).join('')),
  );
}
async function keys(world: BronzeWorld, prefix: string, end = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of world.store.list(prefix)) if (key.endsWith(end)) found.push(key);
  return found;
}
const letters = (world: BronzeWorld, root = 'bronze/web__dead_letters') =>
  world.offsets(root).catch((): string[] => []);

describe('the Kafka engine loses no record and', () => {
  it('commits all of more than 5,000 batches that wait', async () => {
    const world = createBronzeWorld({ config: { commits: 'deferred' } });
    await world.deliver(kafkaRecord(0));
    const [first = ''] = await keys(world, '_resaca/');
    const batch = JSON.parse(new TextDecoder().decode((await world.store.get(first)).body));
    for (let offset = 1; offset < 5_010; offset++) {
      const to = `web-0-${offset}-${offset}`;
      const files = [{ ...batch.files[0], path: batch.files[0].path.replace('web-0-0-0', to) }];
      const ranges = [{ topic: 'web', partition: 0, first: offset, last: offset }];
      await world.store.put(first.replace('web-0-0-0', to), enc({ ...batch, files, ranges }));
    }
    await world.commitPending();
    assert.equal((await world.adds('bronze/web')).length + (await keys(world, '_resaca/')).length, 5_010);
  });
  it('does not pass what waits when it goes from deferred to direct commits', async () => {
    const world = createBronzeWorld({ config: { commits: 'deferred' } });
    await world.deliver(...kafkaRecords(0, 10));
    const direct = createBronzeWorld({ wrap: () => world.store });
    await direct.deliver(...kafkaRecords(10, 20)).catch(() => undefined);
    await world.commitPending();
    await direct.deliver(...kafkaRecords(10, 20));
    assert.equal((await world.offsets('bronze/web')).length, 20);
  });
});

describe('the Kafka engine doubles no record and', () => {
  it('does not replay a batch that waits for the committer', async () => {
    const config = { commits: 'deferred' };
    const world = createBronzeWorld({ config });
    await world.deliver(kafkaRecord(0));
    await world.commitPending();
    await world.deliver(...kafkaRecords(1, 5)); // written; the function timed out behind it, and the mapping gave up
    await fail(world, 'a.json', ...kafkaRecords(1, 5));
    await replayFailed(world, { config }).catch(() => undefined);
    await world.commitPending();
    assert.equal((await world.offsets('bronze/web')).length, 5);
  });
});

describe('the Kafka engine is held up by nothing and', () => {
  it('commits what waits to a table without all columns of Kafka', async () => {
    const world = createBronzeWorld({
      config: { commits: 'deferred', topics: [{ topic: '*', format: 'json', schemaPolicy: 'fixed' }] },
    });
    await createTable(world, 'bronze/web', [field('a', 'long')]);
    await world.deliver(json(0, { a: 1 }));
    await world.commitPending();
    assert.equal((await world.adds('bronze/web')).length, 1);
  });
  it('takes a header with half of a surrogate pair', async () => {
    const world = createBronzeWorld();
    await world.deliver(kafkaRecord(0, { headers: [{ key: '\ud800', value: undefined }] }), kafkaRecord(1));
    assert.equal((await world.offsets('bronze/web')).length + (await letters(world)).length, 2);
  });
  it('goes on with the other topics when the registry of one cannot be had', async () => {
    for (const table of ['bronze/{topic}', 'bronze/{topic}/{type}']) {
      const topics = [{ topic: 'reg', format: 'confluent', table }, { topic: '*' }];
      const world = createBronzeWorld({ config: { registry: { url: 'http://registry' }, topics } });
      await world.deliver(...kafkaRecords(0, 2), kafkaRecord(0, { topic: 'reg' })).catch(() => undefined);
      assert.deepEqual(await world.offsets('bronze/web').catch(() => []), ['web/0/0', 'web/0/1'], table);
    }
  });
  it('names the offsets of that topic where the mapping takes them', async () => {
    const topics = [{ topic: 'reg', format: 'confluent' }, { topic: '*' }];
    const world = createBronzeWorld({
      config: { reportBatchItemFailures: true, registry: { url: 'http://registry' }, topics },
    });
    assert.deepEqual(await world.deliver(kafkaRecord(0), kafkaRecord(3, { topic: 'reg' })), {
      batchItemFailures: [{ itemIdentifier: { partition: 'reg-0', offset: 3 } }],
    });
  });
  it('keeps a topic out of the dead letters of another one', async () => {
    const world = createBronzeWorld({
      config: {
        topics: [
          { topic: 'web', value: 'string' },
          { topic: '*', format: 'json' },
        ],
      },
    });
    await world.deliver(json(0, { error: { a: 1 } }, { topic: 'web__dead_letters' })).catch(() => undefined);
    await world.deliver(kafkaRecord(0, { value: Uint8Array.of(255) }), kafkaRecord(1));
    assert.deepEqual(await world.offsets('bronze/web'), ['web/0/1']);
  });
});

describe('the Kafka engine leaves tables readable and', () => {
  it('commits no file that a VACUUM has deleted', async () => {
    const world = createBronzeWorld({ config: { commits: 'deferred' } });
    await world.deliver(...kafkaRecords(0, 10));
    for (const key of await keys(world, 'bronze/web/', '.parquet')) await world.store.delete(key);
    world.advance(3 * 3_600_000);
    await assert.rejects(world.commitPending(), /1 tables/);
    assert.deepEqual(await world.offsets('bronze/web'), []);
  });
  it('commits no file of a table that was dropped and made anew', async () => {
    const world = createBronzeWorld({ config: { commits: 'deferred' } });
    await world.deliver(...kafkaRecords(0, 5));
    for (const key of await keys(world, 'bronze/web/')) await world.store.delete(key);
    await world.deliver(...kafkaRecords(5, 10));
    await world.commitPending().catch(() => undefined);
    await assert.doesNotReject(world.offsets('bronze/web'));
  });
  it('does not list what waits for the committer as an orphan', async () => {
    const world = createBronzeWorld({ config: { commits: 'deferred' } });
    await world.deliver(...kafkaRecords(1, 5));
    world.advance(3 * 3_600_000);
    const table = { store: world.store, root: 'bronze/web', url: 's3://lake/bronze/web' };
    const found = await Array.fromAsync(
      findStrayFiles(table, createCheckpointReader(), { before: world.now() - 3_600_000 }),
    );
    assert.deepEqual(found, []);
  });
});

describe('only the record itself is a dead letter for', () => {
  it('a null in a NOT NULL column of Kafka', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', schemaPolicy: 'fixed' }] } });
    await createTable(world, 'bronze/web', [...KAFKA, field('value', 'binary', false)]);
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { value: undefined }), kafkaRecord(2));
    assert.deepEqual(await letters(world), ['web/0/1']);
  });
  it('a value that no column of the table takes, and no format decodes', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', schemaPolicy: 'fixed' }] } });
    await createTable(world, 'bronze/web', [...KAFKA.filter(({ name }) => name !== 'value'), field('id', 'long')]);
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { value: undefined }));
    assert.deepEqual(await letters(world), ['web/0/0']);
  });
  it('a null in a NOT NULL partition column', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json', schemaPolicy: 'fixed' }] } });
    await createTable(world, 'bronze/web', [...KAFKA, field('a', 'long'), field('p', 'string', false)], {
      partitionColumns: ['p'],
    });
    await world.deliver(json(0, { a: 1, p: 'x' }), json(1, { a: 1 }), json(2, { a: 1, p: 'y' }));
    assert.deepEqual(await letters(world), ['web/0/1']);
  });
  it('a field that the values of a map have no place for', async () => {
    const v = (fields: object[]) => ({
      type: 'avro',
      schema: JSON.stringify({
        type: 'record',
        name: 'R',
        fields: [{ name: 'm', type: { type: 'map', values: { type: 'record', name: 'V', fields } } }],
      }),
    });
    const [a, b] = [
      { name: 'a', type: 'int' },
      { name: 'b', type: 'int' },
    ];
    const topics = [
      { topic: 'one', table: 'bronze/t', format: v([a]) },
      { topic: 'two', table: 'bronze/t', format: v([a, b]) },
    ];
    const world = createBronzeWorld({ config: { topics } });
    await world.deliver(kafkaRecord(0, { topic: 'one', value: Uint8Array.of(2, 2, 65, 2, 0) }));
    const two = { topic: 'two' };
    await world.deliver(
      kafkaRecord(0, { ...two, value: Uint8Array.of(2, 2, 65, 2, 4, 0) }),
      kafkaRecord(1, { ...two, value: Uint8Array.of(0) }),
      kafkaRecord(2, { ...two, value: undefined }),
    );
    assert.deepEqual(await letters(world, 'bronze/t__dead_letters'), ['two/0/0']);
  });
});

describe('the Kafka engine', () => {
  it('leaves nothing behind with each try on a table that cannot be written to', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', format: 'json' }] } });
    await createTable(world, 'bronze/web', [field('id', 'long')], MAPPED);
    for (let attempt = 0; attempt < 5; attempt++)
      await assert.rejects(world.deliver(json(0, { id: 1 }), json(1, { id: 'no' })));
    assert.ok((await letters(world)).length <= 1);
    assert.ok((await keys(world, 'bronze/web/', '.parquet')).length <= 1);
  });
  it('gives a field that a transform sets the type of its value', async () => {
    const schema = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'ts', type: 'long' }] });
    const transforms = { ts: 'epoch_millis_to_iso8601(ts)' };
    const world = createBronzeWorld({
      config: { topics: [{ topic: '*', format: { type: 'avro', schema }, transforms }] },
    });
    await world.deliver(kafkaRecord(0, { value: Uint8Array.of(0x80, 0x20) }));
    assert.deepEqual(await letters(world), []);
  });
});

describe('mistakes of the configuration are named', () => {
  const rules = [
    { format: 'json', columns: { 'a b': 'string' } }, // every record is TABLE_REFUSED
    { format: 'json', columns: { x: 'struct<`a b`:int>' } }, // the same
    { format: 'json', partitionBy: [{ name: 'a b', expression: 'a' }] }, // stuck for ever, dead letters with every try
    { format: 'json', columns: { offset: 'string' } }, // is ignored: the field goes to value_offset, as inferred
    { format: { type: 'avro', schema: 'nonsense' } }, // every invocation fails
    { properties: { 'delta.setTransactionRetentionDuration': 'interval 1 day' } }, // offsets are forgotten by checkpoints of Spark
    { table: 'bronze/all', continueFrom: 'kdi' }, // its offsets name no topic
    { format: 'json', partitionBy: [{ name: 'topic', expression: 'a' }] }, // is Kafka's
  ];
  for (const rule of rules) {
    it(JSON.stringify(rule), () =>
      assert.throws(() => parseKafkaConfig({ bucket: 'lake', topics: [{ topic: '*', ...rule }] })),
    );
  }
});
