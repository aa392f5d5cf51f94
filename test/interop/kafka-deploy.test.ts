import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { webRequests } from '../../bench/kafka/web-requests.ts';
import { bootstrap, type CdkOptions, deployStack } from '../../scripts/local-aws/cdk.ts';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { countMappings, invokeFunction } from '../support/deployment-control.ts';
import { type EventSourceMapping, startEventSourceMapping } from '../support/event-source-mapping.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { type KafkaBroker, startKafkaBroker } from '../support/kafka-broker.ts';
import { type KafkaProducer, startKafkaProducer } from '../support/kafka-producer.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';
import { waitFor } from '../support/wait-for.ts';

const found = await resource(async () => {
  const broker = await startKafkaBroker({ security: 'sasl_plaintext' });
  return {
    broker,
    producer: await startKafkaProducer(broker.plaintext),
    server: await startS3Server(),
    deltaRs: await startDeltaRs(),
  };
});

const CLUSTER = 'arn:aws:kafka:us-east-1:000000000000:cluster/events/751d2973-a626-431c-9d4e-d7975eb44dd7-2';
const PARTITIONS = 4;
const RECORDS = 4_000;
/** For a turn, which comes once a minute, ms. */
const SCHEDULE_LIMIT = 180_000;

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
  let theirs: Readonly<Record<string, string>> = {};
  const mappings: EventSourceMapping[] = [];

  before(async () => {
    await bootstrap(cdk);
    const config = join(folder, 'kafka.json');
    const tables = {
      topics: [{ topic: 'web_requests', format: 'json', columns: { ts: 'timestamp' } }, { topic: '*' }],
    };
    const topics = ['web_requests', 'orders'];
    writeFileSync(config, JSON.stringify({ kafka: { clusterArn: CLUSTER, topics, tables } }));
    for (const topic of [...topics, 'web-1']) await broker.createTopic(topic, { partitions: PARTITIONS });
    await sendIds(1, 2, 3, 4, 5);
    ({ outputs } = await deployStack({ config, stage: 'kafka' }, cdk));
    theirs = await deployTheirs();
  });
  after(async () => {
    for (const mapping of mappings) await mapping.stop();
    await broker.stop();
  });

  /** Its function is called by a schedule, which the local AWS keeps. */
  async function deployTheirs(): Promise<Readonly<Record<string, string>>> {
    const secrets = new SecretsManager({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
    const user = JSON.stringify(broker.user);
    const { ARN: secret = '' } = await secrets.createSecret({ Name: 'AmazonMSK_theirs', SecretString: user });
    const app = `node ${join(import.meta.dirname, '../support/scheduled-app.ts')}`;
    const context = { broker: broker.bootstrap, secret };
    return (await deployStack(context, { ...cdk, output: join(folder, 'theirs'), app })).outputs;
  }

  const sendIds = (...ids: readonly number[]) =>
    producer.send(ids.map((id) => ({ topic: 'web-1', partition: id % PARTITIONS, value: JSON.stringify({ id }) })));

  const sql = (table: string, statement: string, bucket = outputs.BronzeBucketName): Promise<Rows> =>
    deltaRs.call('sql', {
      table: `s3://${bucket}/bronze/${table}`,
      statement,
      storage: { ...server.env, AWS_ALLOW_HTTP: 'true' },
    }) as Promise<Rows>;

  const start = async (topic: string): Promise<EventSourceMapping> => {
    const invoke = (event: object) => invokeFunction(server, String(outputs.BronzeFunctionName), event);
    const pollers = [
      { partitions: [0, 1], invoke },
      { partitions: [2, 3], invoke },
    ];
    const mapping = await startEventSourceMapping({ bootstrap: broker.plaintext, topic, pollers, batchSize: 1_000 });
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

  it('has a schedule read brokers that ask for a password, in an app of someone else', async () => {
    const { BucketName: bucket, FunctionName: name } = theirs;
    const ids = async () => (await sql('web-1', 'SELECT id FROM t ORDER BY id', bucket)).rows.join();
    await waitFor(async () => (await ids().catch(() => '')) !== '', 'a turn of the schedule', SCHEDULE_LIMIT);
    assert.equal(await ids(), '1,2,3,4,5');
    await sendIds(6);
    await invokeFunction(server, String(name), {});
    assert.equal(await ids(), '1,2,3,4,5,6');
  });
});
