import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { webRequests } from '../../bench/kafka/web-requests.ts';
import { bootstrap, type CdkOptions, deployStack } from '../../scripts/local-aws/cdk.ts';
import { countMappings, invokeFunction } from '../support/deployment-control.ts';
import { type EventSourceMapping, startEventSourceMapping } from '../support/event-source-mapping.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { type KafkaBroker, startKafkaBroker } from '../support/kafka-broker.ts';
import { type KafkaProducer, startKafkaProducer } from '../support/kafka-producer.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => {
  const broker = await startKafkaBroker();
  return {
    broker,
    producer: await startKafkaProducer(broker.bootstrap),
    server: await startS3Server(),
    deltaRs: await startDeltaRs(),
  };
});

const CLUSTER = 'arn:aws:kafka:us-east-1:000000000000:cluster/events/751d2973-a626-431c-9d4e-d7975eb44dd7-2';
const PARTITIONS = 4;
const RECORDS = 4_000;

/**
 * The README's section on Kafka: a part of the configuration, `cdk deploy`, and rows. The local AWS does not poll, so that a
 * driver reads a real broker as the mapping does and invokes the deployed function.
 */
describe('cdk deploy with Kafka', { skip: found.skip ?? false }, () => {
  const { broker, producer, server, deltaRs } = available<{
    broker: KafkaBroker;
    producer: KafkaProducer;
    server: Awaited<ReturnType<typeof startS3Server>>;
    deltaRs: Awaited<ReturnType<typeof startDeltaRs>>;
  }>(found);
  const folder = makeTempFolder();
  const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
  let outputs: Readonly<Record<string, string>> = {};
  const mappings: EventSourceMapping[] = [];

  before(async () => {
    await bootstrap(cdk);
    const config = join(folder, 'kafka.json');
    const tables = {
      topics: [{ topic: 'web_requests', format: 'json', columns: { ts: 'timestamp' } }, { topic: '*' }],
    };
    const topics = ['web_requests', 'orders'];
    writeFileSync(config, JSON.stringify({ kafka: { clusterArn: CLUSTER, topics, tables } }));
    ({ outputs } = await deployStack({ config, stage: 'kafka' }, cdk));
    for (const topic of topics) await broker.createTopic(topic, { partitions: PARTITIONS });
  });
  after(async () => {
    for (const mapping of mappings) await mapping.stop();
    await broker.stop();
  });

  const sql = (table: string, statement: string): Promise<Rows> =>
    deltaRs.call('sql', {
      table: `s3://${outputs.BronzeBucketName}/bronze/${table}`,
      statement,
      storage: { ...server.env, AWS_ALLOW_HTTP: 'true' },
    }) as Promise<Rows>;

  const start = async (topic: string): Promise<EventSourceMapping> => {
    const invoke = (event: object) => invokeFunction(server, String(outputs.BronzeFunctionName), event);
    const pollers = [
      { partitions: [0, 1], invoke },
      { partitions: [2, 3], invoke },
    ];
    const mapping = await startEventSourceMapping({ bootstrap: broker.bootstrap, topic, pollers, batchSize: 1_000 });
    mappings.push(mapping);
    return mapping;
  };

  it('makes a mapping for each topic', async () => {
    assert.equal(await countMappings(server, CLUSTER), 2);
  });

  it('makes JSON records rows with columns, each once', async () => {
    const records = [...webRequests(RECORDS)].map((request, index) => ({
      topic: 'web_requests',
      partition: index % PARTITIONS,
      key: request.client.session,
      value: JSON.stringify(request),
    }));
    await producer.send(records);
    await producer.send([{ topic: 'web_requests', partition: 0, value: 'by no means JSON' }]);
    await (await start('web_requests')).drained();
    const counted = await sql(
      'web_requests',
      'SELECT "partition", count(*), count(DISTINCT "offset") FROM t GROUP BY 1 ORDER BY 1',
    );
    const each = String(RECORDS / PARTITIONS);
    assert.deepEqual(
      counted.rows,
      Array.from({ length: PARTITIONS }, (_, partition) => [String(partition), each, each]),
    );
    const { rows } = await sql(
      'web_requests',
      "SELECT arrow_typeof(ts), arrow_typeof(status), client['country'] IS NOT NULL FROM t LIMIT 1",
    );
    assert.deepEqual(rows, [['Timestamp(µs, "UTC")', 'Int64', 'true']]);
    const letters = await sql('web_requests__dead_letters', 'SELECT error_code, count(*) FROM t GROUP BY 1');
    assert.deepEqual(letters.rows, [['INVALID_JSON', '1']]);
  });

  it('keeps the records of other topics as bytes', async () => {
    await producer.send(
      Array.from({ length: 100 }, (_, index) => ({
        topic: 'orders',
        partition: index % PARTITIONS,
        value: `${index}`,
      })),
    );
    await (await start('orders')).drained();
    const { rows } = await sql('orders', "SELECT count(*), count(DISTINCT arrow_cast(value, 'Utf8')) FROM t");
    assert.deepEqual(rows, [['100', '100']]);
  });
});
