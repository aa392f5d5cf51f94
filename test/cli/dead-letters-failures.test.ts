import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { createdRecord } from '../support/landing.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

interface Reply {
  readonly status: number;
  readonly body: string;
}

/** Gives the reply to one request; `forward` asks the local AWS. */
type Intercept = (action: string, input: string, forward: () => Promise<Reply>) => Promise<Reply>;

/** A promise that never comes: a reply that is not given. */
const silence = (): Promise<Reply> => new Promise(() => undefined);

// Most of the time is waiting for messages that do not come.
describe('resaca dead-letters, when something breaks', { skip: aws.skip ?? false, concurrency: 4 }, () => {
  const server = available(aws);
  const client = new SQSClient({
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  let names = 0;

  async function createQueue(suffix = ''): Promise<string> {
    names += 1;
    const { QueueUrl = '' } = await client.send(
      new CreateQueueCommand({
        QueueName: `f${names}${suffix}`,
        Attributes: { VisibilityTimeout: '0', ...(suffix === '.fifo' && { FifoQueue: 'true' }) },
      }),
    );
    return QueueUrl;
  }

  /** Keys of messages that were put into a queue. */
  async function fill(queue: string, count: number): Promise<string[]> {
    const keys = Array.from({ length: count }, (_, index) => `t/${String(index).padStart(3, '0')}.parquet`);
    for (const key of keys) {
      const record = createdRecord({ key, size: 1, etag: 'e', time: 1_795_500_000_000 });
      const fifo = queue.endsWith('.fifo') && { MessageGroupId: 'g', MessageDeduplicationId: key.slice(2, 5) };
      const body = JSON.stringify({ Records: [record] });
      await client.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body, ...fifo }));
    }
    return keys;
  }

  /** Takes all messages out of a queue and gives the keys. */
  async function keysIn(queue: string): Promise<string[]> {
    const keys: string[] = [];
    for (;;) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, VisibilityTimeout: 60 }),
      );
      if (Messages.length === 0) return keys;
      for (const { Body = '', ReceiptHandle } of Messages) {
        await client.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle }));
        keys.push(JSON.parse(Body).Records[0].s3.object.key);
      }
    }
  }

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

  /** Stands between the command and the local AWS: gives the URL under which a queue is reached through it. */
  async function between(intercept: Intercept): Promise<(queue: string) => string> {
    const proxy = createServer(async (request, response) => {
      const input = await text(request);
      const action = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
      const { status, body } = await intercept(action, input, () => forward(request, input));
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
    });
    proxy.on('connection', (socket) => socket.unref());
    proxy.listen(0, '127.0.0.1').unref();
    await once(proxy, 'listening');
    const address = proxy.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return (queue) => `http://127.0.0.1:${address.port}${new URL(queue).pathname}`;
  }

  async function forward(request: IncomingMessage, input: string): Promise<Reply> {
    const { 'x-amz-target': target = '', 'content-type': type = '' } = request.headers;
    const response = await fetch(server.endpoint, {
      method: 'POST',
      headers: {
        'x-amz-target': String(target),
        'content-type': type,
        authorization: `${request.headers.authorization}`,
      },
      body: input,
    });
    return { status: response.status, body: await response.text() };
  }

  const redrive = (from: string, ...more: string[]) => ['dead-letters', 'redrive', from, ...more];

  /** Whether the killed step had been done, and what it was. */
  const kills = [
    { when: 'before the queue has the messages', action: 'SendMessageBatch', isDone: false },
    { when: 'when the queue has the messages and did not say so', action: 'SendMessageBatch', isDone: true },
    { when: 'before they are deleted', action: 'DeleteMessageBatch', isDone: false },
    { when: 'when they are deleted', action: 'DeleteMessageBatch', isDone: true },
  ];
  for (const { when, action, isDone } of kills) {
    for (const suffix of ['', '.fifo']) {
      it(`loses nothing when it is killed ${when}${suffix === '' ? '' : ', in a FIFO queue'}`, async () => {
        const [from, to] = [await createQueue(suffix), await createQueue(suffix)];
        const keys = await fill(from, 25);
        const receipts: string[] = [];
        const reached = Promise.withResolvers<void>();
        let steps = 0;
        let hidden = 0;
        const via = await between(async (called, input, ask) => {
          if (called === 'ReceiveMessage') hidden = JSON.parse(input).VisibilityTimeout;
          if (called === action) steps += 1;
          // The second of three batches.
          if (called === action && steps === 2) {
            if (isDone) await ask();
            reached.resolve();
            return silence();
          }
          const reply = await ask();
          if (called === 'ReceiveMessage') {
            const { Messages = [] } = JSON.parse(reply.body);
            receipts.push(...Messages.map(({ ReceiptHandle }: { ReceiptHandle: string }) => ReceiptHandle));
          }
          return reply;
        });
        const running = startCli(redrive(via(from), '--to', via(to)), { env: server.env });
        await reached.promise;
        running.child.kill('SIGKILL');
        assert.equal((await running.result).code, null);
        const [there, here] = [await depth(from), await depth(to)];
        assert.equal(there.visible + there.hidden + here.visible >= keys.length, true, JSON.stringify([there, here]));

        // What was being held shows up when its time is up; here at once. In a FIFO queue this must be within the five
        // minutes in which SQS recognises a message that is sent again.
        if (suffix === '.fifo') assert.equal(hidden > 0 && hidden < 300, true, `hidden for ${hidden} s`);
        for (const ReceiptHandle of receipts) {
          const change = { QueueUrl: from, ReceiptHandle, VisibilityTimeout: 0 };
          // Those that were deleted cannot be shown.
          await client.send(new ChangeMessageVisibilityCommand(change)).catch(() => undefined);
        }
        const again = await runCli(redrive(from, '--to', to), { env: server.env });
        assert.equal(again.code, 0, again.stderr);
        assert.deepEqual(await depth(from), { visible: 0, hidden: 0 });
        const arrived = await keysIn(to);
        assert.deepEqual([...new Set(arrived)].sort(), keys);
        const isTwice = suffix === '' && (action === 'SendMessageBatch' ? isDone : !isDone);
        assert.equal(arrived.length, keys.length + (isTwice ? 10 : 0));
      });
    }
  }

  it('ends at an interrupt after the batch that is under way, and gives back the rest', async () => {
    const [from, to] = [await createQueue(), await createQueue()];
    await fill(from, 100);
    let interrupt = () => {};
    const via = await between(async (action, _, ask) => {
      if (action === 'DeleteMessageBatch') interrupt();
      return ask();
    });
    // Ten stay from the beginning, which are to be given back too.
    const running = startCli(redrive(via(from), '--to', to, '--prefix', 't/0'), { env: server.env });
    interrupt = () => void running.child.kill('SIGINT');
    const { code, stderr } = await running.result;
    assert.equal(code, 1);
    const [, sent] =
      /stopped after sending back (\d+) messages; the same command sends back the rest/.exec(stderr) ?? [];
    assert.equal(Number(sent) >= 10, true, stderr);
    assert.deepEqual(await depth(to), { visible: Number(sent), hidden: 0 });
    assert.deepEqual(await depth(from), { visible: 100 - Number(sent), hidden: 0 });
  });

  it('loses nothing when the queue breaks half-way', async () => {
    const [from, to] = [await createQueue(), await createQueue()];
    await fill(from, 25);
    let sends = 0;
    const via = await between(async (action, _, ask) => {
      if (action === 'SendMessageBatch') sends += 1;
      return action === 'SendMessageBatch' && sends > 1
        ? { status: 500, body: '{"__type":"InternalError","message":"out of order"}' }
        : ask();
    });
    const { code, stderr } = await runCli(redrive(from, '--to', via(to)), { env: server.env });
    assert.equal(code, 1);
    assert.match(stderr, /out of order/);
    assert.deepEqual(await depth(to), { visible: 10, hidden: 0 });
    assert.deepEqual(await depth(from), { visible: 15, hidden: 0 });
  });

  it('tells the error that ended it when giving back fails too', async () => {
    const [from, to] = [await createQueue(), await createQueue()];
    await fill(from, 3);
    const via = await between(async (action, _, ask) => {
      if (action === 'SendMessageBatch') return { status: 400, body: '{"__type":"AccessDenied","message":"not you"}' };
      if (action === 'ChangeMessageVisibilityBatch') return { status: 400, body: '{"__type":"X","message":"second"}' };
      return ask();
    });
    const { code, stderr } = await runCli(redrive(via(from), '--to', via(to)), { env: server.env });
    assert.equal(code, 1);
    assert.match(stderr, /not you/);
    assert.deepEqual(await depth(from), { visible: 0, hidden: 3 });
  });

  const failed = (input: string): Reply => {
    const { Entries } = JSON.parse(input);
    const Failed = Entries.map(({ Id }: { Id: string }) => ({ Id, Code: 'InternalError', SenderFault: false }));
    return { status: 200, body: JSON.stringify({ Successful: [], Failed }) };
  };

  it('deletes again what could not be deleted', async () => {
    const [from, to] = [await createQueue(), await createQueue()];
    await fill(from, 5);
    let deletes = 0;
    const via = await between(async (action, input, ask) => {
      if (action === 'DeleteMessageBatch') deletes += 1;
      return action === 'DeleteMessageBatch' && deletes === 1 ? failed(input) : ask();
    });
    const { code, stderr } = await runCli(redrive(via(from), '--to', to), { env: server.env });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await depth(from), { visible: 0, hidden: 0 });
    assert.equal((await keysIn(to)).length, 5);
  });

  it('says what is in both queues because it cannot be deleted', async () => {
    const [from, to] = [await createQueue(), await createQueue()];
    await fill(from, 5);
    const via = await between(async (action, input, ask) => (action === 'DeleteMessageBatch' ? failed(input) : ask()));
    const { code, stdout, stderr } = await runCli(redrive(via(from), '--to', to, '--json'), { env: server.env });
    assert.equal(code, 3);
    assert.equal(JSON.parse(stdout).inBoth, 5);
    assert.match(stderr, /5 messages could not be deleted after they were sent: they are in both queues/);
    assert.deepEqual(await depth(from), { visible: 5, hidden: 0 });
    assert.deepEqual(await depth(to), { visible: 5, hidden: 0 });
  });

  it('finds the queue by itself where there is one only', async () => {
    const [from, to, other] = [await createQueue(), await createQueue(), await createQueue()];
    await fill(from, 12);
    let sources: string[] = [];
    const via = await between(async (action, _, ask) =>
      action === 'ListDeadLetterSourceQueues' ? { status: 200, body: JSON.stringify({ queueUrls: sources }) } : ask(),
    );
    const none = await runCli(redrive(via(from)), { env: server.env });
    assert.equal(none.code, 2);
    assert.match(none.stderr, /is not known: no queue has this one for its dead letters; name the one.*--to URL/);
    sources = [to, other];
    const two = await runCli(redrive(via(from)), { env: server.env });
    assert.equal(two.code, 2);
    assert.equal(two.stderr.includes(`2 queues send their dead letters here (${to}, ${other}); name the one`), true);
    sources = [to];
    const one = await runCli(redrive(via(from)), { env: server.env });
    assert.equal(one.code, 0, one.stderr);
    assert.deepEqual(
      [await depth(from), await depth(to)],
      [
        { visible: 0, hidden: 0 },
        { visible: 12, hidden: 0 },
      ],
    );
  });
});
