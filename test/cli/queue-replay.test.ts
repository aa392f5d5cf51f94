import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { parseQueueConfig, type QueueConfigInput } from '../../src/queue/config.ts';
import { createQueueHandler } from '../../src/queue/handler.ts';
import type { SqsRecord } from '../../src/queue/message.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

/** The command against a real S3 and SQS, with the queue ingest between them. */
describe('resaca queue replay', { skip: aws.skip ?? false }, () => {
  const server = available(aws);
  const sqs = new SQSClient({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
  let names = 0;

  async function createQueue(suffix = ''): Promise<string> {
    names += 1;
    const Attributes = suffix === '.fifo' ? { FifoQueue: 'true' } : {};
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `replay${names}${suffix}`, Attributes }));
    return QueueUrl ?? '';
  }

  /** All messages of a queue, as an event has them. */
  async function receiveAll(url: string): Promise<SqsRecord[]> {
    const records: SqsRecord[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId'],
        }),
      );
      if (Messages.length === 0) return records;
      for (const { MessageId = '', Body = '', Attributes = {}, MessageAttributes = {}, ReceiptHandle } of Messages) {
        const attributes = Object.entries(MessageAttributes).map(
          ([name, { DataType = '', StringValue = '' }]) =>
            [name, { dataType: DataType, stringValue: StringValue }] as const,
        );
        records.push({
          messageId: MessageId,
          body: Body,
          attributes: Attributes,
          messageAttributes: Object.fromEntries(attributes),
        });
        await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
      }
    }
  }

  async function createWorld(suffix = '') {
    const bucket = await server.createBucket();
    const queue = await createQueue(suffix);
    const ingest = async (config: Partial<QueueConfigInput> = {}): Promise<readonly SqsRecord[]> => {
      const records = await receiveAll(queue);
      const handler = createQueueHandler({
        store: createS3Store({ client: server.client(), bucket }),
        reader: createCheckpointReader(),
        config: parseQueueConfig({ name: 'orders', bucket, table: 'bronze/orders', ...config }),
        telemetry: { log: () => undefined, metrics: () => undefined },
        now: Date.now,
        random: Math.random,
        sleep: async () => undefined,
      });
      const answer = await handler({ Records: records }, { getRemainingTimeInMillis: () => 60_000 });
      assert.deepEqual(answer, { batchItemFailures: [] });
      return records;
    };
    const table = `s3://${bucket}/bronze/orders`;
    const replay = (...args: string[]) =>
      runCli(['queue', 'replay', table, '--to', queue, ...args], { env: server.env });
    const inspect = async (root: string) =>
      JSON.parse((await runCli(['inspect', root, '--json'], { env: server.env })).stdout);
    return { queue, table, ingest, replay, inspect };
  }

  const strict = { schemaPolicy: 'strict', columns: { id: 'bigint' } } as const;

  it('brings back what fits now, each message once', async () => {
    const { queue, table, ingest, replay, inspect } = await createWorld();
    const send = (body: string) => sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body }));
    // What is in the first batch makes the columns of the table.
    await send('{"id":0}');
    await ingest(strict);
    for (let id = 1; id < 23; id++) await send(JSON.stringify({ id, city: 'Porto' }));
    await send('hello');
    await ingest(strict);
    assert.equal((await inspect(table)).rows, 1);

    const dry = JSON.parse((await replay('--dry-run', '--json', '--code', 'UNKNOWN_COLUMN')).stdout);
    assert.deepEqual([dry.dryRun, dry.sent, dry.codes], [true, 22, { UNKNOWN_COLUMN: 22 }]);
    assert.deepEqual(await receiveAll(queue), []);

    const part = await replay('--max', '5', '--code', 'UNKNOWN_COLUMN');
    assert.equal(part.code, 3, part.stderr);
    assert.match(part.stdout, /^Sent back 5 messages of s3:.*orders__dead_letters to http/);
    assert.match(part.stderr, /More letters are left; the same command goes on/);
    const rest = await replay('--json', '--messages-per-second', '1000');
    assert.equal(rest.code, 0, rest.stderr);
    const { sent, before, codes } = JSON.parse(rest.stdout);
    assert.deepEqual([sent, before, codes], [18, 5, { UNKNOWN_COLUMN: 17, INVALID_JSON: 1 }]);
    const none = await replay();
    assert.match(none.stdout, /Sent back 0 messages .*\n {2}sent by earlier runs +23\n/);

    await ingest();
    assert.equal((await inspect(table)).rows, 23);
    assert.equal((await inspect(`${table}__dead_letters`)).rows, 24);
  });

  it('keeps the groups of a FIFO queue', async () => {
    const { queue, ingest, replay } = await createWorld('.fifo');
    for (const group of ['a', 'b']) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queue,
          MessageBody: `no JSON of ${group}`,
          MessageGroupId: group,
          MessageDeduplicationId: group,
        }),
      );
    }
    const original = await ingest({ fifo: true });
    assert.equal((await replay()).code, 0);
    const again = await receiveAll(queue);
    assert.deepEqual(again.map(({ body, attributes }) => [body, attributes.MessageGroupId]).sort(), [
      ['no JSON of a', 'a'],
      ['no JSON of b', 'b'],
    ]);
    const keys = again.map(({ messageAttributes }) => messageAttributes?.['resaca-key']?.stringValue).sort();
    assert.deepEqual(keys, original.map(({ messageId }) => `replay ${messageId}`).sort());
  });

  it('says what is wrong', async () => {
    const { table, replay } = await createWorld();
    const noTable = await replay();
    assert.equal(noTable.code, 1);
    assert.match(noTable.stderr, /no Delta log under .*bronze\/orders__dead_letters/);
    for (const [args, message] of [
      [[table], /--to is missing/],
      [[table, '--to', 'orders'], /--to expects the URL of a queue, got "orders"/],
      [[table, '--to', 'https://sqs/q', '--uncertain', 'drop'], /--uncertain expects leave or send, got "drop"/],
      [[table, '--to', 'https://sqs/q', '--from', 'yesterday'], /--from expects/],
    ] as const) {
      const { code, stderr } = await runCli(['queue', 'replay', ...args], { env: server.env });
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  });
});
