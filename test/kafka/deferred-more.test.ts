import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import { CommitterError, commitPending } from '../../src/kafka/deferred/committer.ts';
import { createCommitterHandler } from '../../src/kafka/deferred/handler.ts';
import type { PendingBatch } from '../../src/kafka/deferred/pending.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';

const ROOT = 'bronze/web';
const LOG = `${ROOT}/_delta_log/`;
const PENDING = '_resaca/pending/bronze%2Fweb/';
const encode = (text: string) => new TextEncoder().encode(text);

function worldOf(rule: object = {}, wrap?: (store: ObjectStore) => ObjectStore): BronzeWorld {
  return createBronzeWorld({
    config: { commits: 'deferred', topics: [{ topic: '*', ...rule }] },
    ...(wrap && { wrap }),
  });
}

function json(offset: number, value: object, facts: Partial<KafkaRecord> = {}): KafkaRecord {
  return kafkaRecord(offset, { value: encode(JSON.stringify(value)), ...facts });
}

function committerOf(world: BronzeWorld) {
  return {
    store: world.store,
    reader: createCheckpointReader(),
    config: parseKafkaConfig({ bucket: 'lake', commits: 'deferred' }),
    telemetry: { log: () => undefined, metrics: () => undefined },
    now: world.now,
    random: () => 0.5,
    sleep: async (ms: number) => world.advance(ms),
  };
}

async function pending(world: BronzeWorld): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of world.store.list('_resaca/')) keys.push(key);
  return keys;
}

/** A description that waits, as it is stored. */
async function readPending(world: BronzeWorld, key: string): Promise<PendingBatch> {
  return JSON.parse(new TextDecoder().decode((await world.store.get(key)).body));
}

const putPending = (world: BronzeWorld, id: string, batch: object) =>
  world.store.put(`${PENDING}${id}.json`, encode(JSON.stringify(batch)));

const committed = (world: BronzeWorld) =>
  world.metrics.filter(({ commits, filesAppended }) => commits && filesAppended);

async function putTable(world: BronzeWorld, more: readonly Action[] = []): Promise<void> {
  const field = (name: string, type: 'long' | 'date') => ({ name, type, nullable: true, metadata: {} });
  const schema = { type: 'struct', fields: [field('offset', 'long'), field('ingest_date', 'date')] } as const;
  const id = crypto.randomUUID();
  const creation = newTableActions({
    schema,
    partitionColumns: ['ingest_date'],
    configuration: {},
    id,
    createdTime: 0,
  });
  await world.store.putIfAbsent(`${LOG}00000000000000000000.json`, serializeCommit([...creation, ...more]));
}

describe('the offsets of a batch that waits', () => {
  it('go on from those of kafka-delta-ingest', async () => {
    const world = worldOf({ continueFrom: 'ingest' });
    await putTable(world, [{ txn: { appId: 'ingest-0', version: 4 } }]);
    await world.deliver(...kafkaRecords(3, 7));
    // Another writer of theirs goes on meanwhile.
    await world.store.put(
      `${LOG}00000000000000000002.json`,
      serializeCommit([{ txn: { appId: 'ingest-0', version: 5 } }]),
    );
    await world.commitPending();
    assert.deepEqual(await world.offsets(ROOT), ['web/0/6']);
  });

  it('are those of the generation of the topic', async () => {
    const world = worldOf({ generation: 2 });
    await world.deliver(...kafkaRecords(0, 2));
    await world.commitPending();
    const { txns } = await world.snapshot(ROOT);
    const versions = ['resaca/web/0', 'resaca/web/0/2'].map((appId) => txns.get(appId)?.version);
    assert.deepEqual(versions, [undefined, 1]);
  });
});

describe('what the committer reports', () => {
  it('are files, bytes and the age of the oldest record that it wrote', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0, { timestamp: world.now() - 90_000 }));
    await world.commitPending();
    world.metrics.length = 0;
    await world.deliver(kafkaRecord(1, { timestamp: world.now() - 1_000 }));
    await world.deliver(kafkaRecord(2, { timestamp: world.now() - 2_000 }));
    const [first] = await pending(world);
    assert.ok(first !== undefined);
    const batch = await readPending(world, first);
    const known = batch.ranges.map((range) => ({ ...range, first: 0, last: 0 }));
    await putPending(world, 'known', { ...batch, ranges: known, oldest: world.now() - 90_000 });
    await world.commitPending();
    const sizes = (await world.adds(ROOT)).slice(-2).map(({ size }) => size);
    const { filesAppended, bytesAppended, skipped, freshnessLag } = committed(world)[0] ?? {};
    assert.deepEqual(
      [filesAppended, bytesAppended, skipped, freshnessLag],
      [2, sizes.reduce((sum, size) => sum + size, 0), 1, 2_000],
    );
  });

  it('counts a table that it could not commit to', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    world.metrics.length = 0;
    for await (const { key } of world.store.list(LOG)) await world.store.delete(key);
    await assert.rejects(world.commitPending(), CommitterError);
    assert.deepEqual(world.metrics, [{ table: `s3://lake/${ROOT}`, failures: 1 }]);
  });
});

describe('the committer', () => {
  it('takes rows of each topic from a file with several', async () => {
    const world = worldOf({ table: ROOT });
    await world.deliver(...kafkaRecords(0, 3, { topic: 'a' }), ...kafkaRecords(0, 3, { topic: 'b' }));
    await world.deliver(...kafkaRecords(1, 5, { topic: 'a' }), ...kafkaRecords(2, 4, { topic: 'b' }));
    await world.commitPending();
    assert.deepEqual(await world.offsets(ROOT), [
      ...['a/0/0', 'a/0/1', 'a/0/2', 'a/0/3', 'a/0/4'],
      ...['b/0/0', 'b/0/1', 'b/0/2', 'b/0/3'],
    ]);
  });

  it('takes rows from files whose columns of Kafka have a prefix', async () => {
    const world = worldOf({ metadataPrefix: 'k_' });
    await world.deliver(...kafkaRecords(0, 3));
    await world.deliver(...kafkaRecords(2, 5));
    await world.commitPending();
    assert.deepEqual((await world.rows(ROOT)).map((row) => Number(row.k_offset)).sort(), [0, 1, 2, 3, 4]);
  });

  it('moves offsets on to the last of all batches, whichever comes last', async () => {
    const world = worldOf();
    await world.deliver(...kafkaRecords(0, 10));
    await world.deliver(...kafkaRecords(5, 8));
    await world.commitPending();
    assert.equal((await world.snapshot(ROOT)).txns.get('resaca/web/0')?.version, 9);
  });

  it('writes nothing again that another committer wrote meanwhile', async () => {
    let rival: (() => Promise<void>) | undefined;
    const world = worldOf({}, (store) => ({
      ...store,
      async putIfAbsent(key, body) {
        const run = rival;
        rival = undefined;
        await run?.();
        return store.putIfAbsent(key, body);
      },
    }));
    await world.deliver(...kafkaRecords(0, 5));
    await world.deliver(...kafkaRecords(3, 8));
    rival = () => commitPending(committerOf(world), world.now() + 60_000);
    await world.commitPending();
    assert.deepEqual(
      await world.offsets(ROOT),
      Array.from({ length: 8 }, (_, offset) => `web/0/${offset}`),
    );
  });

  it('leaves out a file of which it wants no row', async () => {
    const world = worldOf({ format: 'json', partitionBy: [{ name: 'type', expression: 'type' }] });
    await world.deliver(json(0, { type: 'a' }), json(1, { type: 'b' }));
    await world.deliver(json(1, { type: 'b' }), json(2, { type: 'c' }));
    await world.commitPending();
    const types = (await world.adds(ROOT)).map(({ partitionValues }) => partitionValues.type);
    assert.deepEqual(types.sort(), ['a', 'b', 'c']);
  });

  it('loses nothing of a batch whose files come behind more than one commit takes', async () => {
    const world = worldOf();
    await world.deliver(...kafkaRecords(5, 10));
    const [later] = await pending(world);
    assert.ok(later !== undefined);
    const batch = await readPending(world, later);
    // Descriptions of one batch, as many as a commit takes, which are listed before that of the earlier offsets.
    for (let index = 0; index < 1_000; index++) await putPending(world, `a${index}`, batch);
    await world.deliver(...kafkaRecords(0, 5));
    await world.commitPending();
    assert.deepEqual(
      await world.offsets(ROOT),
      Array.from({ length: 10 }, (_, offset) => `web/0/${offset}`),
    );
    assert.deepEqual(await pending(world), []);
  });

  it('begins nothing when its time is up', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    await commitPending(committerOf(world), world.now());
    assert.equal((await pending(world)).length, 1);
  });

  it('keeps five seconds of its invocation back', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    const handler = createCommitterHandler(committerOf(world));
    await handler({}, { getRemainingTimeInMillis: () => 5_000 });
    assert.deepEqual(await world.offsets(ROOT), []);
    await handler({}, { getRemainingTimeInMillis: () => 5_001 });
    assert.deepEqual(await world.offsets(ROOT), ['web/0/0']);
  });

  it('makes no commit for what the table has, and forgets it', async () => {
    const world = worldOf();
    await world.deliver(...kafkaRecords(0, 3));
    const [key] = await pending(world);
    assert.ok(key !== undefined);
    const batch = await readPending(world, key);
    await world.commitPending();
    const { version } = await world.snapshot(ROOT);
    await putPending(world, 'again', batch);
    await world.commitPending();
    assert.deepEqual([await pending(world), (await world.snapshot(ROOT)).version], [[], version]);
  });

  it('leaves a description that it cannot read', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    const [key] = await pending(world);
    assert.ok(key !== undefined);
    await putPending(world, 'newer', { ...(await readPending(world, key)), format: 2 });
    await assert.rejects(world.commitPending(), ({ errors }: CommitterError) => {
      assert.match(String(errors[0]), /newer\.json is of format 2, expected 1/);
      return true;
    });
    assert.equal((await pending(world)).length, 2);
  });

  it('makes no table for files that wait', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    for await (const { key } of world.store.list(LOG)) await world.store.delete(key);
    await assert.rejects(world.commitPending(), ({ errors }: CommitterError) => {
      assert.equal(errors[0].code, 'TABLE_NOT_FOUND');
      return true;
    });
    assert.deepEqual(await world.tables(), []);
  });

  it('gives a table no column back that someone took from it', async () => {
    const world = worldOf();
    await world.deliver(kafkaRecord(0));
    const { metadata, schema, version } = await world.snapshot(ROOT);
    const fields = schema.fields.filter(({ name }) => name !== 'key');
    const schemaString = JSON.stringify({ type: 'struct', fields });
    const next = `${LOG}${String(version + 1).padStart(20, '0')}.json`;
    await world.store.putIfAbsent(next, serializeCommit([{ metaData: { ...metadata, schemaString } }]));
    // Whether the table takes the file without the column, or not at all.
    await world.commitPending().catch(() => undefined);
    assert.deepEqual((await world.snapshot(ROOT)).schema.fields, fields);
  });
});

describe('pollers that give a table columns at the same time', () => {
  it('give it all of them before their files wait', async () => {
    let rival: (() => Promise<unknown>) | undefined;
    const world = worldOf({ format: 'json' }, (store) => ({
      ...store,
      async putIfAbsent(key, body) {
        const run = key.startsWith(LOG) ? rival : undefined;
        if (run !== undefined) rival = undefined;
        await run?.();
        return store.putIfAbsent(key, body);
      },
    }));
    await world.deliver(json(0, {}));
    const other = world.otherEnvironment();
    rival = () => other(json(0, { x: 1 }, { partition: 1 }));
    await world.deliver(json(1, { y: 2 }));
    assert.deepEqual(
      world.metrics.slice(-2).map(({ conflicts }) => conflicts),
      [0, 1],
    );
    await world.commitPending();
    assert.deepEqual(
      (await world.rows(ROOT)).map(({ x, y }) => [x ?? null, y ?? null]),
      [
        [null, null],
        [null, 2n],
        [1n, null],
      ],
    );
  });
});
