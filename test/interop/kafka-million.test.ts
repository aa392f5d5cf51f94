import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { type RunningFunction, startFunction } from '../../bench/lambda-runtime.ts';
import { BRONZE_BUNDLE, bundleOptions, copyPackages } from '../../scripts/bundles.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createRandom } from '../../src/local/demo/random.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type EventSourceMapping, type Invoke, startEventSourceMapping } from '../support/event-source-mapping.ts';
import { type Rows, startDuckDb, startSpark } from '../support/interop/engines.ts';
import { startKafkaBroker } from '../support/kafka-broker.ts';
import { type CommittedRecords, startKafkaProducer } from '../support/kafka-producer.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const TOPIC = 'million';
const ROOT = `bronze/${TOPIC}`;
const PARTITIONS = 16;
const RECORDS = 1_000_000;
/** The most that a mapping can be set to. */
const BATCH_SIZE = 10_000;
/** Records that are delivered between two kills of a function, and two rebalances. */
const KILL_EVERY = 70_000;
const REBALANCE_EVERY = 200_000;
/** By the functions; the last one has partitions that the others have too, as long as it lasts. */
const ASSIGNMENT = [
  [0, 1, 2, 3, 4],
  [5, 6, 7, 8, 9],
  [10, 11, 12, 13, 14, 15],
  [0, 7, 15],
];

const found = await resource(async () => {
  const server = await startS3Server();
  const broker = await startKafkaBroker();
  const producer = await startKafkaProducer(broker.bootstrap);
  return { server, broker, producer, spark: await startSpark(), duckDb: await startDuckDb() };
});

/**
 * A broker, the bundle that is deployed, and everything that goes wrong: the functions and the broker are killed, and
 * records are delivered again, in batches that are cut elsewhere, and by two pollers at once. In the end other engines
 * count.
 */
describe('a million records of Kafka', { skip: found.skip ?? false }, () => {
  const { server, broker, producer, spark, duckDb } = available(found);
  const folder = makeTempFolder();
  const random = createRandom(20_261_124);
  let bucket = '';
  let slots: Slot[] = [];
  let mapping: EventSourceMapping;
  let isDelivered = false;

  before(async () => {
    await build(bundleOptions(BRONZE_BUNDLE, folder));
    copyPackages(BRONZE_BUNDLE, folder);
    bucket = await server.createBucket();
    await broker.createTopic(TOPIC, { partitions: PARTITIONS });
    const env = { ...server.env, RESACA_BUCKET: bucket, RESACA_LOG_LEVEL: 'error' };
    slots = ASSIGNMENT.map(() => createSlot(() => startFunction(join(folder, BRONZE_BUNDLE.output), { env })));
    mapping = await startEventSourceMapping({
      bootstrap: broker.bootstrap,
      topic: TOPIC,
      batchSize: BATCH_SIZE,
      pollers: ASSIGNMENT.map((partitions, index) => ({ partitions, invoke: slots[index]?.invoke ?? assert.fail() })),
      mishaps: { random, redelivery: 0.1, restart: 0.1 },
    });
  });
  after(async () => {
    await mapping?.stop();
    await Promise.all(slots.map((slot) => slot.stop()));
    await broker.stop();
  });

  /** Does something each time that so many records more were delivered. */
  async function every(records: number, act: () => unknown): Promise<void> {
    for (let next = records; !isDelivered; next += records) {
      while (!isDelivered && mapping.counts.delivered < next) await sleep(20);
      if (isDelivered) return;
      // Anywhere in an invocation.
      await sleep(random.whole(0, 300));
      await act();
    }
  }

  it('are in the table once each, and none of an aborted transaction', { timeout: 20 * 60_000 }, async (context) => {
    const begin = performance.now();
    const half = (seed: number) =>
      producer.traffic({ topic: TOPIC, partitions: PARTITIONS, records: RECORDS / 2, seed });
    const mishaps = Promise.all([
      every(KILL_EVERY, () => slots[random.whole(0, slots.length - 1)]?.kill()),
      every(REBALANCE_EVERY, () => mapping.rebalance()),
    ]);
    const first = await half(1);
    const rest = half(2);
    await sleep(1_000);
    await broker.kill();
    await broker.restart();
    const second = await rest;
    await mapping.drained();
    isDelivered = true;
    await mishaps;
    const seconds = (performance.now() - begin) / 1000;

    const { counts } = mapping;
    const kills = slots.reduce((sum, slot) => sum + slot.facts.kills, 0);
    context.diagnostic(
      `${RECORDS} records and ${first.aborted + second.aborted} aborted ones in ${seconds.toFixed(0)} s, ` +
        `${Math.round(counts.delivered / seconds)} delivered a second, ${kills} kills, ${JSON.stringify(counts)}`,
    );
    context.diagnostic(`highest memory of the functions: ${slots.map((slot) => mebibytes(slot.facts.peakRss))} MiB`);
    assert.ok(first.aborted > 0 && kills > 0 && counts.failures > 0 && counts.redeliveries > 0 && counts.restarts > 0);
    assert.ok(counts.delivered > RECORDS, 'nothing came twice');

    const expected = first.committed.map((one, partition) => expectedRow(partition, one, second.committed[partition]));
    assert.equal(sumOf(expected, 'records'), RECORDS);
    const copy = makeTempFolder();
    await copyTable(createS3Store({ client: server.client(), bucket }), ROOT, copy);
    const table = join(copy, ROOT);
    const counted = async (engine: typeof spark, statement: string): Promise<object[]> =>
      objectsOf((await engine.call('sql', { statement })) as Rows);
    assert.deepEqual(await counted(duckDb, duckDbQuery(table)), expected, 'DuckDB');
    assert.deepEqual(await counted(spark, sparkQuery(table)), expected, 'Spark');
  });
});

/** To a local folder: Spark needs twice the time to read so many small files from S3. */
async function copyTable(store: ObjectStore, root: string, folder: string): Promise<void> {
  for await (const { key } of store.list(`${root}/`)) {
    const { body } = await store.get(key);
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), body);
  }
}

/** A function that may be killed at any time, after which another process takes its place. */
type Slot = ReturnType<typeof createSlot>;

function createSlot(start: () => Promise<RunningFunction>) {
  const facts = { kills: 0, peakRss: 0 };
  let current = start();
  const invoke: Invoke = async (event) => {
    const running = await current;
    const { peakRss } = await running.invoke(event);
    facts.peakRss = Math.max(facts.peakRss, peakRss);
  };
  return {
    facts,
    invoke,
    async kill(): Promise<void> {
      const running = await current;
      current = start();
      running.stop();
      facts.kills += 1;
      await current;
    },
    stop: async (): Promise<void> => (await current).stop(),
  };
}

/** What is counted of a partition; sums, so that both engines get at them in one look. */
interface PartitionCounts extends CommittedRecords {
  readonly partition: number;
  /** Records with the name of the topic. */
  readonly ofTopic: number;
  readonly distinctOffsets: number;
}

function expectedRow(partition: number, a: CommittedRecords, b: CommittedRecords | undefined): PartitionCounts {
  assert.ok(b, `partition ${partition} got no records`);
  const records = a.records + b.records;
  return {
    partition,
    records,
    ofTopic: records,
    distinctOffsets: records,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    offsets: a.offsets + b.offsets,
    keys: a.keys + b.keys,
    values: a.values + b.values,
    headers: a.headers + b.headers,
    checksum: a.checksum + b.checksum,
  };
}

const sparkQuery = (table: string): string =>
  query(`delta.\`${table}\``, { headers: 'size(headers)', text: 'CAST(value AS STRING)' });
const duckDbQuery = (table: string): string =>
  query(`delta_scan('${table}')`, { headers: 'len(headers)', text: 'decode(value)' });

/** One row a partition. `headers` and `text` are how the engine counts the headers, and makes text of the value. */
function query(table: string, { headers, text }: { readonly headers: string; readonly text: string }): string {
  const counted = {
    partition: 'p',
    records: 'count(*)',
    ofTopic: `sum(CASE WHEN t = '${TOPIC}' THEN 1 ELSE 0 END)`,
    distinctOffsets: 'count(DISTINCT o)',
    first: 'min(o)',
    last: 'max(o)',
    offsets: 'sum(o)',
    keys: 'count(k)',
    values: 'count(v)',
    headers: 'sum(h)',
    checksum: 'sum(o * (CAST(substring(v, 1, 12) AS BIGINT) % 1009))',
  } satisfies Record<keyof PartitionCounts, string>;
  const list = Object.entries(counted).map(([name, expression]) => `CAST(${expression} AS BIGINT) AS c_${name}`);
  // Some names are reserved in one engine, and quoted differently in the other.
  const columns = `r.partition AS p, r.offset AS o, r.topic AS t, r.key AS k, ${text} AS v, ${headers} AS h`;
  return `SELECT ${list.join(', ')} FROM (SELECT ${columns} FROM ${table} AS r) AS s GROUP BY p ORDER BY p`;
}

function objectsOf({ columns, rows }: Rows): object[] {
  return rows.map((row) =>
    Object.fromEntries(row.map((value, index) => [columns[index]?.replace(/^c_/, ''), Number(value)])),
  );
}

function sumOf(rows: readonly PartitionCounts[], name: keyof PartitionCounts): number {
  return rows.reduce((sum, row) => sum + row[name], 0);
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
