import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { createdRecord } from '../support/landing.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

describe('resaca dead-letters', { skip: aws.skip ?? false }, () => {
  const server = available(aws);
  const client = new SQSClient({
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  let names = 0;

  async function createQueue(suffix = ''): Promise<string> {
    names += 1;
    const fifo = suffix === '.fifo' ? { FifoQueue: 'true', ContentBasedDeduplication: 'false' } : {};
    const { QueueUrl } = await client.send(
      new CreateQueueCommand({ QueueName: `q${names}${suffix}`, Attributes: { VisibilityTimeout: '0', ...fifo } }),
    );
    return QueueUrl ?? '';
  }

  async function fill(queue: string, keys: readonly string[]): Promise<void> {
    for (let first = 0; first < keys.length; first += 10) {
      const Entries = keys.slice(first, first + 10).map((key, index) => ({ Id: `${index}`, MessageBody: about(key) }));
      await client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }));
    }
  }

  const cli = (...args: string[]): Promise<CliResult> => runCli(['dead-letters', ...args], { env: server.env });

  /** Decoded keys and unreadable bodies in a queue, sorted. */
  async function contents(queue: string): Promise<string[]> {
    const seen = new Map<string, string>();
    for (let polls = 0; polls < 100; polls += 1) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, VisibilityTimeout: 60 }),
      );
      if (Messages.length === 0) break;
      for (const { MessageId = '', Body = '' } of Messages) seen.set(MessageId, keyIn(Body));
    }
    return [...seen.values()].sort();
  }

  async function depth(queue: string): Promise<number> {
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    return Number(Attributes?.ApproximateNumberOfMessages);
  }

  const orders = Array.from({ length: 120 }, (_, index) => `lake/orders/ds=${index % 7}/part ${index}+é.parquet`);
  const web = Array.from({ length: 33 }, (_, index) => `web/part-${index}.parquet`);
  let letters = '';

  before(async () => {
    letters = await createQueue();
    await fill(letters, [...orders, ...web]);
    await client.send(new SendMessageCommand({ QueueUrl: letters, MessageBody: 'by no means JSON' }));
  });

  it('lists the messages by folder and leaves them where they are', async () => {
    const { code, stdout, stderr } = await cli('list', letters, '--json');
    assert.equal(code, 0, stderr);
    const { messages, groups } = JSON.parse(stdout);
    assert.equal(messages, 154);
    assert.deepEqual(
      groups.map((group: { folder: string | null; messages: number }) => [group.folder, group.messages]),
      [
        ['s3://landing/lake/orders', 120],
        ['s3://landing/web', 33],
        [null, 1],
      ],
    );
    assert.match(groups[2].example, /the message body is not JSON.*by no means JSON/);
    assert.equal(await depth(letters), 154);
    const text = await cli('list', letters, '--prefix', 'web/');
    assert.match(text.stdout, /^33 messages\n +33 messages +since 20\d\d-.* s3:\/\/landing\/web +e\.g\. web\/part-/);
  });

  it('sends back what is meant, and what it does not know stays', async () => {
    const queue = await createQueue();
    const dry = await cli('redrive', letters, '--to', queue, '--prefix', 'lake/orders/ds=1/', '--dry-run', '--json');
    assert.equal(JSON.parse(dry.stdout).messages, orders.filter((key) => key.includes('ds=1/')).length);
    assert.deepEqual([await depth(letters), await depth(queue)], [154, 0]);

    const some = await cli('redrive', letters, '--to', queue, '--prefix', 'lake/orders/ds=1/', '--json');
    assert.equal(some.code, 0, some.stderr);
    const first = orders.filter((key) => key.includes('ds=1/'));
    assert.equal(JSON.parse(some.stdout).sentBack, first.length);
    assert.equal(await depth(letters), 154 - first.length);

    const rest = await cli('redrive', letters, '--to', queue);
    assert.match(rest.stdout, new RegExp(`^Sent back ${153 - first.length} messages to http`));
    assert.match(rest.stdout, /^1 message stays:\n +1 message +since .* no S3 notification/m);
    assert.deepEqual(await contents(queue), [...orders, ...web].sort());
    assert.deepEqual(await contents(letters), ['by no means JSON']);
  });

  it('keeps the groups of a FIFO queue, in order', async () => {
    const [from, to] = [await createQueue('.fifo'), await createQueue('.fifo')];
    for (let index = 0; index < 25; index += 1) {
      const message = { QueueUrl: from, MessageBody: about(`t/${String(index).padStart(2, '0')}.parquet`) };
      const fifo = { MessageGroupId: `g${index % 2}`, MessageDeduplicationId: `d${index}` };
      await client.send(
        new SendMessageCommand({
          ...message,
          ...fifo,
          MessageAttributes: { origin: { DataType: 'String', StringValue: `é${index}` } },
        }),
      );
    }
    const { code, stderr } = await cli('redrive', from, '--to', to);
    assert.equal(code, 0, stderr);
    const groups: Record<string, string[]> = { g0: [], g1: [] };
    for (let polls = 0; polls < 40; polls += 1) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: to,
          MaxNumberOfMessages: 10,
          VisibilityTimeout: 60,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['MessageGroupId'],
        }),
      );
      for (const { Attributes, Body = '', MessageAttributes, ReceiptHandle } of Messages) {
        await client.send(new DeleteMessageCommand({ QueueUrl: to, ReceiptHandle }));
        groups[Attributes?.MessageGroupId ?? '']?.push(keyIn(Body));
        assert.match(MessageAttributes?.origin?.StringValue ?? '', /^é\d+$/);
      }
      if (Messages.length === 0) break;
    }
    const sent = Array.from({ length: 25 }, (_, index) => `t/${String(index).padStart(2, '0')}.parquet`);
    for (const group of [0, 1]) {
      assert.deepEqual(
        groups[`g${group}`],
        sent.filter((_, index) => index % 2 === group),
      );
    }
    assert.equal(await depth(from), 0);
  });

  it('loses nothing when the queue does not take the messages', async () => {
    const queue = await createQueue();
    await fill(queue, web);
    const { code, stderr } = await cli('redrive', queue, '--to', `${queue}-that-is-not-there`);
    assert.equal(code, 1);
    assert.match(stderr, /queue/i);
    assert.equal(await depth(queue), web.length);
  });

  it('says what is wrong with the command line', async () => {
    assert.match((await cli('lst', letters)).stderr, /expected the action list or redrive, got "lst"/);
    assert.match((await cli('list', 'letters')).stderr, /expected the URL of a queue, got "letters"/);
    assert.match((await cli('redrive', letters, '--to', letters)).stderr, /--to is the dead-letter queue itself/);
    // The local SQS does not say where dead letters come from.
    const unknown = await cli('redrive', letters);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /the queue that they come from is not known.*name the one to send to: --to URL/);
  });
});

function about(key: string): string {
  return JSON.stringify({ Records: [createdRecord({ key, size: 1, etag: 'e', time: 1_795_500_000_000 })] });
}

/** The decoded key of a message body, or the body where it is none. */
function keyIn(body: string): string {
  if (!body.startsWith('{')) return body;
  return decodeURIComponent(JSON.parse(body).Records[0].s3.object.key.replaceAll('+', ' '));
}
