import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { createSqsClient, type QueueMessage, SqsQueue } from '../../src/aws/sqs-queue.ts';
import { startS3Server } from '../support/s3-server.ts';
import { respond, startScriptedServer } from '../support/scripted-http.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

describe('SqsQueue', { skip: aws.skip ?? false }, () => {
  const server = available(aws);
  const client = createSqsClient({
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  let names = 0;

  async function createQueue(attributes: Record<string, string> = {}): Promise<SqsQueue> {
    names += 1;
    const QueueName = `a${names}${attributes.FifoQueue === undefined ? '' : '.fifo'}`;
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName, Attributes: attributes }));
    return new SqsQueue(client, QueueUrl);
  }

  function messagesOf(bodies: readonly string[]): QueueMessage[] {
    return bodies.map((body, index) => ({ id: `m${index}`, body, sent: 0, attributes: {}, receipt: '' }));
  }

  async function receiveAll(queue: SqsQueue): Promise<QueueMessage[]> {
    const all: QueueMessage[] = [];
    for (;;) {
      const messages = await queue.receive({ hidden: 600, wait: 0 });
      if (messages.length === 0) return all;
      all.push(...messages);
    }
  }

  /** A request takes ten messages and 1 MiB here; more of either fails as a whole. */
  const loads = [
    { name: 'more messages than a request takes', bodies: Array.from({ length: 37 }, (_, index) => `body ${index}`) },
    { name: 'more bytes than a request takes', bodies: Array.from({ length: 10 }, () => 'x'.repeat(150_000)) },
    { name: 'more bytes in UTF-8 than characters', bodies: Array.from({ length: 10 }, () => 'é'.repeat(75_000)) },
    {
      name: 'messages that are as large as a request can be, among small ones',
      bodies: ['first', 'x'.repeat(1_048_576), 'second', 'y'.repeat(1_048_576), 'third'],
    },
  ];
  for (const { name, bodies } of loads) {
    it(`sends and deletes ${name}`, async () => {
      const queue = await createQueue();
      const messages = messagesOf(bodies);
      assert.deepEqual((await queue.send(messages)).sent.map(idOf), messages.map(idOf));
      const received = await receiveAll(queue);
      assert.deepEqual(
        received.map(({ body }) => digest(body)),
        bodies.map(digest),
      );
      assert.equal(await queue.depth(), bodies.length);
      assert.equal((await queue.delete(received)).length, bodies.length);
      assert.equal(await queue.depth(), 0);
    });
  }

  it('counts the attributes among the bytes', async () => {
    // The local SQS counts the bodies only, so the requests are counted.
    const md5 = digest('a');
    const Successful = ['0', '1'].map((Id) => ({ Id, MessageId: Id, MD5OfMessageBody: md5 }));
    const scripted = await startScriptedServer([respond(200, {}, JSON.stringify({ Successful }))]);
    const options = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
    const queue = new SqsQueue(
      createSqsClient({ ...options, endpoint: scripted.endpoint }),
      `${scripted.endpoint}/0/q`,
    );
    const big = { DataType: 'Binary', BinaryValue: new Uint8Array(100_000).fill(7) };
    const messages = messagesOf(['a', 'a', 'a', 'a']).map((message) => ({ ...message, attributes: { big } }));
    assert.equal((await queue.send(messages)).sent.length, messages.length);
    assert.equal(scripted.requests.length, 2);
  });

  it('tells which messages were accepted', async () => {
    const queue = await createQueue({ MaximumMessageSize: '1024' });
    const messages = messagesOf(['small', 'x'.repeat(2_000), 'also small']);
    const { sent, refusals } = await queue.send(messages);
    assert.deepEqual(sent.map(idOf), ['m0', 'm2']);
    assert.match(refusals.join(), /^InvalidParameterValue: .*shorter than 1024 bytes/);
    assert.equal(await queue.depth(), 2);
  });

  it('tells which messages were deleted', async () => {
    const queue = await createQueue();
    await queue.send(messagesOf(['a', 'b']));
    const [a, b] = await queue.receive({ hidden: 600, wait: 20 });
    assert.ok(a !== undefined && b !== undefined);
    assert.deepEqual(await queue.delete([a, { ...b, receipt: 'of another time' }]), [a]);
    assert.equal(await queue.depth(), 1);
  });

  it('shows messages again that were given back', async () => {
    const queue = await createQueue();
    await queue.send(messagesOf(['a', 'b', 'c']));
    const received = await queue.receive({ hidden: 600, wait: 20 });
    assert.deepEqual(await queue.receive({ hidden: 600, wait: 0 }), []);
    await queue.giveBack(received.slice(1));
    assert.deepEqual(
      (await queue.receive({ hidden: 600, wait: 0 })).map(({ body }) => body),
      ['b', 'c'],
    );
  });

  it('sends a message to a FIFO queue once, with its group', async () => {
    const queue = await createQueue({ FifoQueue: 'true' });
    const messages = messagesOf(['a', 'b']).map((message) => ({ ...message, groupId: 'table' }));
    await queue.send(messages);
    await queue.send(messages);
    const received = await queue.receive({ hidden: 600, wait: 20 });
    assert.deepEqual(
      received.map(({ body, groupId }) => [body, groupId]),
      [
        ['a', 'table'],
        ['b', 'table'],
      ],
    );
    assert.equal(await queue.depth(), 2);
  });
});

const idOf = ({ id }: QueueMessage): string => id;

/** Compared in the place of large bodies, of which a difference could not be shown. */
function digest(body: string): string {
  return createHash('md5').update(body).digest('hex');
}
