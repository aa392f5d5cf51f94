import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { Deployment } from '../support/deployment.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { runCli } from '../support/run-cli.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Time in ms for functions that are started cold on a busy machine. */
const PATIENCE = 120_000;
/** Messages, of which every tenth is sent twice by its sender, under one name. */
const MESSAGES = 400;
const SECRET = 'the-secret-of-the-hooks';

const CONFIG = {
  queues: [
    {
      name: 'orders',
      table: 'bronze/orders',
      drain: true,
      schemaPolicy: 'strict',
      columns: { id: 'bigint', text: 'string', amount: 'decimal(10,2)' },
      batchSize: 50,
      batchingWindow: 1,
    },
    {
      name: 'hooks',
      table: 'bronze/hooks',
      transforms: { event: 'kafka.headers."x-github-event"' },
      batchingWindow: 1,
    },
  ],
  webhooks: [
    { path: '/github', queue: 'hooks', secretName: 'hooks', signature: 'github' },
    { path: '/rows', queue: 'hooks', secretName: 'hooks', signature: 'bearer' },
  ],
  dashboard: false,
  maintenance: false,
};

interface Message {
  readonly body: string;
  readonly key?: string;
}

function sender(server: S3Server, queueUrl: string) {
  const sqs = new SQSClient({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
  return async (messages: readonly Message[]): Promise<void> => {
    for (let first = 0; first < messages.length; first += 10) {
      const Entries = messages.slice(first, first + 10).map(({ body, key }, index) => ({
        Id: `${index}`,
        MessageBody: body,
        ...(key !== undefined && { MessageAttributes: { 'resaca-key': { DataType: 'String', StringValue: key } } }),
      }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    }
  };
}

/** Posts to a function URL; the local AWS has it under a path of its own, too. Returns the status. */
function poster(server: S3Server, functionUrl: string) {
  const [id] = new URL(functionUrl).hostname.split('.');
  return async (
    path: string,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> => {
    const url = `${server.endpoint}/_aws/lambda-url/${id}${path}`;
    const response = await fetch(url, {
      method: 'POST',
      body: typeof body === 'string' ? body : Buffer.from(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
    await response.text();
    return response.status;
  };
}

/** Queues and webhooks as they are deployed, on a local AWS. */
describe('the queues and webhooks of a deployment', { skip: found.skip ?? false }, () => {
  it('bring each message into its table once, and what does not fit to the dead letters', async () => {
    const { server, deltaRs } = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'ingest.json');
    writeFileSync(config, JSON.stringify(CONFIG));
    const secrets = new SecretsManager({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
    await secrets.createSecret({ Name: 'hooks', SecretString: JSON.stringify([SECRET, 'the-next-secret']) });
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'ingest' }, cdk);
    const { QueueordersQueueUrl = '', QueueordersBucketName = '', QueueordersDeadLetterQueueUrl = '' } = outputs;
    const { QueuehooksQueueUrl = '', WebhookUrl = '' } = outputs;
    const deployed = new Deployment(server, { ...outputs, LandingBucketName: QueueordersBucketName });
    const rowsOf = async (table: string, statement: string): Promise<Rows['rows']> => {
      if ((await deployed.snapshot(table)) === undefined) return [];
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const answer = await deltaRs.call('sql', { table: deployed.url(table), statement, storage });
      return (answer as Rows).rows;
    };
    const untilRows = async (table: string, statement: string, expected: Rows['rows']): Promise<void> => {
      await eventually(async () => String(await rowsOf(table, statement)) === String(expected));
      assert.deepEqual(await rowsOf(table, statement), expected);
    };

    // Messages, some sent twice by their sender, and what no table can take.
    const send = sender(server, QueueordersQueueUrl);
    const order = (id: number) => ({ id, text: `order ${id}`, amount: id / 4 });
    const singles = Array.from({ length: MESSAGES }, (_, id): Message => {
      return { body: JSON.stringify(order(id)), ...(id % 10 === 0 && { key: `order-${id}` }) };
    });
    const poison = ['hello', '{"id":"seven"}', '{"id":1,"unknown":true}', '[1]'].map((body) => ({ body }));
    const lines = [order(1_000), order(1_001)].map((row) => JSON.stringify(row)).join('\n');
    const several = [{ body: JSON.stringify([order(1_002), order(1_003)]) }, { body: lines }];
    const count = 'SELECT count(*), count(DISTINCT id) FROM t';
    // What is in the first batch makes the columns of the table.
    await send(singles.slice(0, 1));
    await untilRows('bronze/orders', count, [['1', '1']]);
    await send([...singles.slice(1, MESSAGES / 2), ...poison, ...several]);
    await send([...singles.slice(MESSAGES / 2), ...singles.filter(({ key }) => key !== undefined)]);

    // Requests, meanwhile.
    const post = poster(server, WebhookUrl);
    const push = '{"ref":"refs/heads/main","n":1}';
    const signature = `sha256=${createHmac('sha256', SECRET).update(push).digest('hex')}`;
    const github = { 'x-github-event': 'push', 'x-github-delivery': 'd-1', 'x-hub-signature-256': signature };
    const bearer = { authorization: 'Bearer the-next-secret' };
    const packed = gzipSync('{"n":2}\n{"n":3}\n');
    const statuses = [
      await post('/github', push, github),
      await post('/github', push, github),
      await post('/github', `${push} `, github),
      await post('/rows', packed, { ...bearer, 'content-encoding': 'gzip', 'content-type': 'application/x-ndjson' }),
      await post('/rows', 'hello', bearer),
      await post('/nowhere', push, bearer),
    ];
    assert.deepEqual(statuses, [200, 200, 401, 200, 400, 404]);

    const all = String(MESSAGES + 4);
    await untilRows('bronze/orders', count, [[all, all]]);
    const [typed] = await rowsOf('bronze/orders', 'SELECT sum(amount) FROM t WHERE id < 1000');
    assert.equal(Number(typed?.[0]), (MESSAGES * (MESSAGES - 1)) / 8);
    await untilRows('bronze/orders__dead_letters', 'SELECT error_code, count(*) FROM t GROUP BY 1 ORDER BY 1', [
      ['INVALID_JSON', '2'],
      ['TYPE_MISMATCH', '1'],
      ['UNKNOWN_COLUMN', '1'],
    ]);
    const replay = ['queue', 'replay', deployed.url('bronze/orders'), '--to', QueueordersQueueUrl, '--json'];
    const replayed = await runCli([...replay, '--code', 'TYPE_MISMATCH'], { env: server.env });
    assert.deepEqual([replayed.code, JSON.parse(replayed.stdout).sent], [0, 1], replayed.stderr);
    await untilRows(
      'bronze/orders__dead_letters',
      "SELECT count(*), count(DISTINCT message_id), count(DISTINCT body) FROM t WHERE error_code = 'TYPE_MISMATCH'",
      [['2', '2', '1']],
    );
    await untilRows('bronze/hooks', 'SELECT n, event FROM t ORDER BY n', [
      ['1', 'push'],
      ['2', null],
      ['3', null],
    ]);
    for (const queue of [QueueordersQueueUrl, QueuehooksQueueUrl]) await deployed.untilDepth(queue, 0);
    assert.equal(await deployed.depth(QueueordersDeadLetterQueueUrl), 0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=ingest'], cdk);
  });
});

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end && !(await condition()); ) await sleep(200);
}
