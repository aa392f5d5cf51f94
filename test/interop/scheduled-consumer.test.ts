import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from '@platformatic/kafka';
import { build } from 'esbuild';
import { type RunningFunction, startFunction } from '../../bench/lambda-runtime.ts';
import { bundleOptions, CONSUMER_BUNDLE, copyPackages } from '../../scripts/bundles.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { startKafkaBroker } from '../support/kafka-broker.ts';
import { startKafkaProducer } from '../support/kafka-producer.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => {
  const [server, deltaRs, broker] = await Promise.all([startS3Server(), startDeltaRs(), startKafkaBroker()]);
  return { server, deltaRs, broker, producer: await startKafkaProducer(broker.bootstrap) };
});

const PARTITIONS = 4;

/** The bundle that a schedule calls, at a real broker and over a local S3. */
describe('the scheduled consumer, as it is deployed', { skip: found.skip ?? false }, () => {
  const { server, deltaRs, broker, producer } = available(found);
  const folder = makeTempFolder();
  const running: RunningFunction[] = [];
  let bucket = '';
  before(async () => {
    await build(bundleOptions(CONSUMER_BUNDLE, folder));
    copyPackages(CONSUMER_BUNDLE, folder);
    bucket = await server.createBucket();
  });
  afterEach(() => {
    for (const one of running.splice(0)) one.stop();
  });
  after(() => broker.stop());

  async function start(topic: string, more: object = {}, timeout?: number): Promise<RunningFunction> {
    const config = { brokers: [broker.bootstrap], topics: [topic], group: topic, ...more };
    const settings = { RESACA_BUCKET: bucket, RESACA_LOG_LEVEL: 'error', RESACA_CONFIG: JSON.stringify(config) };
    const started = await startFunction(join(folder, CONSUMER_BUNDLE.output), {
      env: { ...server.env, ...settings },
      memorySize: 1_024,
      ...(timeout !== undefined && { timeout }),
    });
    running.push(started);
    return started;
  }

  async function sql(topic: string, statement: string): Promise<Rows['rows']> {
    const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
    const table = `s3://${bucket}/bronze/${topic}`;
    return ((await deltaRs.call('sql', { table, statement, storage })) as Rows).rows;
  }

  /** Rows, and different offsets among them. */
  const countsOf = async (topic: string): Promise<number[]> => {
    const [row] = await sql(topic, 'SELECT count(*), count(DISTINCT "partition" * 100000000 + "offset") FROM t');
    return (row ?? []).map(Number);
  };

  const send = (topic: string, count: number) =>
    producer.send(
      Array.from({ length: count }, (_, index) => ({
        topic,
        partition: index % PARTITIONS,
        value: Buffer.from(JSON.stringify({ id: index, text: 'x'.repeat(200) })),
      })),
    );

  it('writes what is there in each turn, once, and nothing where nothing came', async () => {
    await broker.createTopic('turns', { partitions: PARTITIONS });
    const consumer = await start('turns');
    await send('turns', 1_000);
    await consumer.invoke({});
    assert.deepEqual(await countsOf('turns'), [1_000, 1_000]);
    const [before] = await sql('turns', 'SELECT count(*) FROM t');
    await consumer.invoke({});
    assert.deepEqual(await sql('turns', 'SELECT count(*) FROM t'), [before]);
    await send('turns', 501);
    await consumer.invoke({});
    assert.deepEqual(await countsOf('turns'), [1_501, 1_501]);
  });

  it('goes on after a turn that was killed, with one that is called beside it', async () => {
    await broker.createTopic('killed', { partitions: PARTITIONS });
    await send('killed', 40_000);
    const flush = { flush: { latency: 100, records: 2_000 } };
    for (const ms of [300, 600, 1_000, 1_500]) {
      const consumer = await start('killed', flush);
      const turn = consumer.invoke({}).catch(() => undefined);
      await sleep(ms);
      consumer.stop();
      await turn;
    }
    const both = await Promise.all([start('killed', flush), start('killed', flush)]);
    await Promise.all(both.map((one) => one.invoke({})));
    const [last] = both;
    await last?.invoke({});
    assert.deepEqual(await countsOf('killed'), [40_000, 40_000]);
  });

  it("tells the group's offsets to tools that watch its lag, and takes no member's place", async () => {
    await broker.createTopic('lag', { partitions: PARTITIONS });
    await send('lag', 400);
    const consumer = await start('lag');
    await consumer.invoke({});
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] });
    try {
      const [group] = await admin.listConsumerGroupOffsets({ groups: ['lag'] });
      const offsets = group?.topics.flatMap(({ partitions }) => partitions.map((one) => Number(one.committedOffset)));
      assert.deepEqual(offsets, [100, 100, 100, 100]);
      assert.equal((await admin.describeGroups({ groups: ['lag'] })).get('lag')?.members.size, 0);
    } finally {
      await admin.close();
    }
  });

  it('begins at the latest record where it is told to, and does not lose its place before the first commit', async () => {
    await broker.createTopic('latest', { partitions: 1 });
    const to = (id: number) => producer.send([{ topic: 'latest', value: Buffer.from(JSON.stringify({ id })) }]);
    await to(1);
    const consumer = await start('latest', { from: 'latest' });
    await consumer.invoke({});
    await to(2);
    consumer.stop();
    const next = await start('latest', { from: 'latest' });
    await next.invoke({});
    assert.deepEqual(await sql('latest', 'SELECT "offset" FROM t'), [['1']]);
  });

  it('ends a turn before its time is up, and the next one goes on', async () => {
    await broker.createTopic('short', { partitions: PARTITIONS });
    await send('short', 20_000);
    // Nothing is left of it for reading.
    const short = await start('short', {}, 40);
    await short.invoke({});
    short.stop();
    const consumer = await start('short');
    await consumer.invoke({});
    assert.deepEqual(await countsOf('short'), [20_000, 20_000]);
  });

  it('fails where there is no broker, and where a table cannot be written', async () => {
    const lost = await start('lost', { brokers: ['127.0.0.1:9'] });
    await assert.rejects(lost.invoke({}), /KAFKA_UNAVAILABLE|could not be reached|127\.0\.0\.1:9/);
  });
});
