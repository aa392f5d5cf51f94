import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { createdRecord, removedRecord } from '../support/landing.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

// Most of the time is waiting for messages that do not come.
describe('resaca dead-letters', { skip: aws.skip ?? false, concurrency: 4 }, () => {
  const server = available(aws);
  const client = new SQSClient({
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  let names = 0;

  async function createQueue(suffix = '', attributes: Record<string, string> = {}): Promise<string> {
    names += 1;
    const fifo = suffix === '.fifo' ? { FifoQueue: 'true', ContentBasedDeduplication: 'false' } : {};
    const { QueueUrl } = await client.send(
      new CreateQueueCommand({
        QueueName: `q${names}${suffix}`,
        Attributes: { VisibilityTimeout: '0', ...fifo, ...attributes },
      }),
    );
    return QueueUrl ?? '';
  }

  async function fill(queue: string, keys: readonly string[]): Promise<void> {
    for (let first = 0; first < keys.length; first += 10) {
      const Entries = keys.slice(first, first + 10).map((key, index) => ({ Id: `${index}`, MessageBody: about(key) }));
      await client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }));
    }
  }

  async function send(
    queue: string,
    body: string,
    more: { group?: string; attributes?: Record<string, MessageAttributeValue> } = {},
  ): Promise<void> {
    const { group, attributes } = more;
    names += 1;
    await client.send(
      new SendMessageCommand({
        QueueUrl: queue,
        MessageBody: body,
        ...(group !== undefined && { MessageGroupId: group, MessageDeduplicationId: `d${names}` }),
        ...(attributes !== undefined && { MessageAttributes: attributes }),
      }),
    );
  }

  const cli = (...args: string[]): Promise<CliResult> => runCli(['dead-letters', ...args], { env: server.env });

  /** Takes all messages out of a queue, in the order in which they come. */
  async function drain(queue: string): Promise<Message[]> {
    const drained: Message[] = [];
    for (;;) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queue,
          MaxNumberOfMessages: 10,
          VisibilityTimeout: 60,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['MessageGroupId'],
        }),
      );
      if (Messages.length === 0) return drained;
      for (const { ReceiptHandle } of Messages) {
        await client.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
      }
      drained.push(...Messages);
    }
  }

  /** Decoded keys and unreadable bodies. */
  const keysIn = async (queue: string): Promise<string[]> => (await drain(queue)).map(({ Body = '' }) => keyIn(Body));

  /** Messages that everyone can receive, and those that are hidden. */
  async function depth(queue: string): Promise<{ visible: number; hidden: number }> {
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({
        QueueUrl: queue,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return {
      visible: Number(Attributes?.ApproximateNumberOfMessages),
      hidden: Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
    };
  }

  const orders = Array.from({ length: 120 }, (_, index) => `lake/orders/ds=${index % 7}/part ${index}+é.parquet`);
  const web = Array.from({ length: 33 }, (_, index) => `web/part-${index}.parquet`);

  /** A queue with all of these and a message that cannot be read. */
  async function createLetters(): Promise<string> {
    const queue = await createQueue();
    await fill(queue, [...orders, ...web]);
    await send(queue, 'by no means JSON');
    return queue;
  }

  it('lists the messages by folder and leaves them where they are', async () => {
    const letters = await createLetters();
    const { code, stdout, stderr } = await cli('list', letters, '--json');
    assert.equal(code, 0, stderr);
    const { messages, seen, inQueue, groups, unreadable } = JSON.parse(stdout);
    assert.deepEqual([messages, seen, inQueue], [154, 154, 154]);
    assert.deepEqual(
      groups.map((group: { folder: string | null; messages: number }) => [group.folder, group.messages]),
      [
        ['s3://landing/lake/orders', 120],
        ['s3://landing/web', 33],
      ],
    );
    assert.equal(unreadable.messages, 1);
    assert.match(unreadable.first[0].reason, /the message body is not JSON/);
    assert.equal(unreadable.first[0].body, 'by no means JSON');
    assert.deepEqual(await depth(letters), { visible: 154, hidden: 0 });
    const text = await cli('list', letters, '--prefix', 'web/');
    assert.match(
      text.stdout,
      /^33 messages about web\/…, of 154 that were looked at\n +33 messages +since 20\d\d-.* s3:\/\/landing\/web +e\.g\. web\/part-/,
    );
    const some = await cli('list', letters, '--limit', '7');
    assert.match(some.stdout, /^7 messages; about 154 are in the queue\n/);
    assert.deepEqual(await depth(letters), { visible: 154, hidden: 0 });
  });

  it('sends back what is meant, and what it does not know stays', async () => {
    const [letters, queue] = [await createLetters(), await createQueue()];
    const first = orders.filter((key) => key.includes('ds=1/'));
    const dry = await cli('redrive', letters, '--to', queue, '--prefix', 'lake/orders/ds=1/', '--dry-run', '--json');
    const { dryRun, sentBack, left, groups } = JSON.parse(dry.stdout);
    assert.deepEqual([dryRun, sentBack, left], [true, first.length, 154 - first.length]);
    assert.deepEqual([groups.length, groups[0].messages], [1, first.length]);
    assert.deepEqual(await depth(letters), { visible: 154, hidden: 0 });
    assert.deepEqual(await depth(queue), { visible: 0, hidden: 0 });

    const some = await cli('redrive', letters, '--to', queue, '--prefix', 'lake/orders/ds=1/', '--json');
    assert.equal(some.code, 0, some.stderr);
    assert.equal(JSON.parse(some.stdout).sentBack, first.length);
    assert.deepEqual(await depth(letters), { visible: 154 - first.length, hidden: 0 });

    const few = await cli('redrive', letters, '--to', queue, '--prefix', 'web/', '--max', '4', '--json');
    assert.equal(JSON.parse(few.stdout).sentBack, 4);
    assert.deepEqual(await depth(letters), { visible: 150 - first.length, hidden: 0 });

    const rest = await cli('redrive', letters, '--to', queue);
    assert.match(rest.stdout, new RegExp(`^Sent back ${149 - first.length} messages to http`));
    assert.match(rest.stdout, /^1 message stays:\n +1 message +since .* no S3 notification\n.*by no means JSON/m);
    assert.deepEqual(await depth(letters), { visible: 1, hidden: 0 });
    assert.equal((await cli('redrive', letters, '--to', queue, '--all')).code, 0);
    assert.deepEqual((await keysIn(queue)).sort(), [...orders, ...web, 'by no means JSON'].sort());
    assert.deepEqual(await drain(letters), []);
  });

  it('looks at the whole queue in a dry run', async () => {
    const [from, to] = [await createQueue(), await createQueue()];
    const many = Array.from({ length: 1_200 }, (_, index) => `many/${index}.parquet`);
    await fill(from, [...many, 'last/1.parquet']);
    const all = await cli('redrive', from, '--to', to, '--dry-run');
    assert.match(all.stdout, /^Would send back 1,201 messages to http.*\n +1,200 messages .* s3:\/\/landing\/many /);
    const one = await cli('redrive', from, '--to', to, '--dry-run', '--prefix', 'last/', '--max', '5', '--json');
    assert.equal(JSON.parse(one.stdout).sentBack, 1);
    assert.deepEqual(await depth(from), { visible: 1_201, hidden: 0 });
    assert.deepEqual(await depth(to), { visible: 0, hidden: 0 });
  });

  it('keeps bodies and attributes as they are', async () => {
    const [from, to] = [await createQueue(), await createQueue()];
    const body = `  ${about('t/a b+c=d/é&(x).parquet')}\n\t`;
    const attributes = {
      text: { DataType: 'String', StringValue: 'é "quoted" <xml/>' },
      number: { DataType: 'Number', StringValue: '12345678901234567890.5' },
      own: { DataType: 'String.own', StringValue: 'x' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 255, 13, 10, 128) },
    };
    await send(from, body, { attributes });
    const { code, stderr } = await cli('redrive', from, '--to', to, '--prefix', 't/a b+c=d/é&(');
    assert.equal(code, 0, stderr);
    const [message] = await drain(to);
    assert.equal(message?.Body, body);
    const { bytes, ...texts } = message?.MessageAttributes ?? {};
    assert.deepEqual([...(bytes?.BinaryValue ?? [])], [...attributes.bytes.BinaryValue]);
    assert.deepEqual(
      Object.entries(texts)
        .map(([name, { DataType, StringValue }]) => [name, DataType, StringValue])
        .sort(),
      [
        ['number', 'Number', attributes.number.StringValue],
        ['own', 'String.own', 'x'],
        ['text', 'String', attributes.text.StringValue],
      ],
    );
  });

  it('tells what messages are about that are no usual notification', async () => {
    const queue = await createQueue();
    const time = 1_795_500_000_000;
    const two = [
      createdRecord({ key: 'a/1.parquet', time }),
      removedRecord({ key: 'b/ds=1/2.parquet', time: time - 1 }),
    ];
    await send(queue, JSON.stringify({ Event: 's3:TestEvent', Bucket: 'landing' }));
    await send(queue, JSON.stringify({ Records: two }));
    await send(queue, about('esc\u001b[31m/3.parquet'));
    await send(queue, '{"order":17}');
    const { stdout } = await cli('list', queue);
    assert.match(stdout, /^4 messages\n/);
    assert.match(stdout, /1 message +since .* about no object\n/);
    assert.match(stdout, /1 message +since .* s3:\/\/landing\/a +e\.g\. a\/1\.parquet\n/);
    assert.match(stdout, /1 message +since .* s3:\/\/landing\/b +e\.g\. b\/ds=1\/2\.parquet\n/);
    assert.match(stdout, /s3:\/\/landing\/esc\\x1b\[31m/);
    assert.match(stdout, /expected an S3 notification.*keys order: "\{\\"order\\":17\}"\n/);
    const { groups } = JSON.parse((await cli('list', queue, '--json')).stdout);
    const found = groups.find(({ folder }: { folder: string | null }) => folder === 's3://landing/b');
    assert.equal(found.oldest, new Date(time - 1).toISOString());
  });

  it('keeps the groups of a FIFO queue, in order, past messages that stay', async () => {
    const [from, to] = [await createQueue('.fifo'), await createQueue('.fifo')];
    const sent = Array.from({ length: 50 }, (_, index) => `t/${String(index).padStart(2, '0')}.parquet`);
    await send(from, 'broken', { group: 'g0' });
    for (const [index, key] of sent.entries()) await send(from, about(key), { group: `g${index % 2}` });
    const list = await cli('list', from);
    assert.match(list.stdout, /; about 51 are in the queue\n/);
    assert.deepEqual(await depth(from), { visible: 51, hidden: 0 });

    const { code, stdout, stderr } = await cli('redrive', from, '--to', to);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Sent back 50 messages.*\n1 message stays:\n/);
    assert.deepEqual(await keysIn(from), ['broken']);
    const groups: Record<string, string[]> = { g0: [], g1: [] };
    for (const { Attributes, Body = '' } of await drain(to))
      groups[Attributes?.MessageGroupId ?? '']?.push(keyIn(Body));
    assert.deepEqual(groups, {
      g0: sent.filter((_, index) => index % 2 === 0),
      g1: sent.filter((_, index) => index % 2 === 1),
    });
  });

  it('says so when messages that stay are in front of others in a FIFO queue', async () => {
    const [from, to] = [await createQueue('.fifo'), await createQueue('.fifo')];
    for (let index = 0; index < 12; index += 1) await send(from, `broken ${index}`, { group: 'stuck' });
    await send(from, about('t/behind.parquet'), { group: 'stuck' });
    await send(from, about('t/free.parquet'), { group: 'free' });
    const { code, stdout, stderr } = await cli('redrive', from, '--to', to, '--json');
    assert.equal(code, 0, stderr);
    const { sentBack, left, unseen } = JSON.parse(stdout);
    assert.deepEqual([sentBack, left, unseen], [1, 10, 3]);
    assert.match(stderr, /About 3 more messages could not be seen: .* FIFO queue/);
    assert.deepEqual(await depth(from), { visible: 13, hidden: 0 });
    assert.deepEqual(await keysIn(to), ['t/free.parquet']);
  });

  it('leaves what the other queue refuses, and says so', async () => {
    const [from, to] = [await createQueue(), await createQueue('', { MaximumMessageSize: '1024' })];
    const large = Array.from({ length: 6 }, (_, index) => `p/${'x'.repeat(900)}${index}.parquet`);
    const small = Array.from({ length: 7 }, (_, index) => `p/s${index}.parquet`);
    await fill(from, [...large, ...small]);
    const { code, stderr, stdout } = await cli('redrive', from, '--to', to, '--json');
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      /q\d+ did not accept 6 messages \(InvalidParameterValue: .*shorter than 1024 bytes\.\); nothing of them is lost/,
    );
    const { sentBack, left, refused } = JSON.parse(stdout);
    assert.deepEqual([sentBack, left, refused], [7, 6, 6]);
    assert.deepEqual(await depth(from), { visible: 6, hidden: 0 });
    assert.deepEqual((await keysIn(from)).sort(), large);
    assert.deepEqual((await keysIn(to)).sort(), small);
  });

  it('loses nothing when the queue is not there', async () => {
    const queue = await createQueue();
    await fill(queue, web);
    const { code, stderr } = await cli('redrive', queue, '--to', `${queue}-that-is-not-there`);
    assert.equal(code, 1);
    assert.match(stderr, /queue/i);
    assert.deepEqual(await depth(queue), { visible: web.length, hidden: 0 });
  });

  it('says what is wrong with the command line', async () => {
    const letters = await createQueue();
    assert.match((await cli('lst', letters)).stderr, /expected the action list or redrive, got "lst"/);
    assert.match((await cli('list', 'letters')).stderr, /QUEUE_URL: expected the URL of a queue, got "letters"/);
    assert.match((await cli('list', letters, '--to', letters)).stderr, /--to belongs to redrive, not to list/);
    assert.match((await cli('redrive', letters, '--limit', '5')).stderr, /--limit belongs to list, not to redrive/);
    assert.match((await cli('redrive', letters, '--to', 'queue')).stderr, /--to: expected the URL of a queue/);
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
