import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { CREDENTIALS, REGION } from '../../../scripts/local-aws/ministack.ts';
import type { Rows } from '../../support/interop/engines.ts';
import { runCli } from '../../support/run-cli.ts';
import type { S3Server } from '../../support/s3-server.ts';
import type { Suite, SuitePart } from './suite.ts';

/** Messages, of which every tenth is sent twice by its sender, under one name. */
const MESSAGES = 400;
const SECRET = 'the-secret-of-the-hooks';
const POISON = ['hello', '{"id":"seven"}', '{"id":1,"unknown":true}', '[1]'];
const PUSH = '{"ref":"refs/heads/main","n":1}';
const COUNT = 'SELECT count(*), count(DISTINCT id) FROM t';

/** Messages of queues that become rows, and requests that become messages. */
export const ingest: SuitePart = {
  name: 'queues and webhooks',
  async config(server) {
    const secrets = new SecretsManager({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
    await secrets.createSecret({ Name: 'hooks', SecretString: JSON.stringify([SECRET, 'the-next-secret']) });
    return {
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
    };
  },

  beside(suite) {
    it('bring each message into its table once, and what does not fit to the dead letters', async () => {
      const { server, output, sql, handled } = suite();
      const { tables, untilRows } = rowsIn(suite());
      const send = sender(server, output('QueueordersQueueUrl'));
      const order = (id: number) => ({ id, text: `order ${id}`, amount: id / 4 });
      const singles = Array.from({ length: MESSAGES }, (_, id): Message => {
        return { body: JSON.stringify(order(id)), ...(id % 10 === 0 && { key: `order-${id}` }) };
      });
      const lines = [order(1_000), order(1_001)].map((row) => JSON.stringify(row)).join('\n');
      const several = [{ body: JSON.stringify([order(1_002), order(1_003)]) }, { body: lines }];
      // What is in the first batch makes the columns of the table.
      await send(singles.slice(0, 1));
      await untilRows('bronze/orders', COUNT, [['1', '1']]);
      await send([...singles.slice(1, MESSAGES / 2), ...POISON.map((body) => ({ body })), ...several]);
      await send([...singles.slice(MESSAGES / 2), ...singles.filter(({ key }) => key !== undefined)]);

      const all = String(MESSAGES + 4);
      await untilRows('bronze/orders', COUNT, [[all, all]]);
      const [typed] = await sql('bronze/orders', 'SELECT sum(amount) FROM t WHERE id < 1000', tables);
      assert.equal(Number(typed?.[0]), (MESSAGES * (MESSAGES - 1)) / 8);
      await untilRows('bronze/orders__dead_letters', 'SELECT error_code, count(*) FROM t GROUP BY 1 ORDER BY 1', [
        ['INVALID_JSON', '2'],
        ['TYPE_MISMATCH', '1'],
        ['UNKNOWN_COLUMN', '1'],
      ]);
      const letters = `s3://${output('QueueordersBucketName')}/bronze/orders`;
      const replay = ['queue', 'replay', letters, '--to', output('QueueordersQueueUrl'), '--json'];
      const replayed = await runCli([...replay, '--code', 'TYPE_MISMATCH'], { env: server.env });
      assert.deepEqual([replayed.code, JSON.parse(replayed.stdout).sent], [0, 1], replayed.stderr);
      await untilRows(
        'bronze/orders__dead_letters',
        "SELECT count(*), count(DISTINCT message_id), count(DISTINCT body) FROM t WHERE error_code = 'TYPE_MISMATCH'",
        [['2', '2', '1']],
      );
      await handled('QueueordersQueueUrl');
    });

    it('answer requests by what they show and bring, and make rows of them', async () => {
      const { server, output, handled } = suite();
      const post = poster(server, output('WebhookUrl'));
      const signature = `sha256=${createHmac('sha256', SECRET).update(PUSH).digest('hex')}`;
      const github = { 'x-github-event': 'push', 'x-github-delivery': 'd-1', 'x-hub-signature-256': signature };
      const bearer = { authorization: 'Bearer the-next-secret' };
      const packed = gzipSync('{"n":2}\n{"n":3}\n');
      const statuses = [
        await post('/github', PUSH, github),
        await post('/github', PUSH, github),
        await post('/github', `${PUSH} `, github),
        await post('/rows', packed, { ...bearer, 'content-encoding': 'gzip', 'content-type': 'application/x-ndjson' }),
        await post('/rows', 'hello', bearer),
        await post('/nowhere', PUSH, bearer),
      ];
      assert.deepEqual(statuses, [200, 200, 401, 200, 400, 404]);
      await rowsIn(suite()).untilRows('bronze/hooks', 'SELECT n, event FROM t ORDER BY n', [
        ['1', 'push'],
        ['2', null],
        ['3', null],
      ]);
      await handled('QueuehooksQueueUrl');
    });
  },
};

/** The tables of the queues, which have a bucket of their own. */
function rowsIn({ output, tablesIn, untilRows }: Suite) {
  const tables = tablesIn(output('QueueordersBucketName'));
  return {
    tables,
    untilRows: (table: string, statement: string, expected: Rows['rows']) =>
      untilRows(table, statement, expected, tables),
  };
}

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
export function poster(server: S3Server, functionUrl: string) {
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
