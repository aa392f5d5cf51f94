import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CreateQueueCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { createSqsClient, type QueueMessage, SqsQueue } from '../../src/aws/sqs-queue.ts';
import { passThrough } from '../../src/cli/dead-letters/pass.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);
const HIDDEN = 600;

describe('a pass through a queue', { skip: aws.skip ?? false }, () => {
  const server = available(aws);
  const client: SQSClient = createSqsClient({
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  let names = 0;

  /** A queue with the bodies `0`, `1`, ... */
  async function queueOf(count: number): Promise<SqsQueue> {
    names += 1;
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `p${names}` }));
    for (let index = 0; index < count; index += 1) {
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody: String(index) }));
    }
    return new SqsQueue(client, QueueUrl);
  }

  const bodies = (count: number) => Array.from({ length: count }, (_, index) => String(index));

  it('goes on when messages come again whose time was up', async () => {
    const queue = await queueOf(80);
    const seen: QueueMessage[] = [];
    await passThrough(queue, { hidden: HIDDEN }, async (messages) => {
      seen.push(...messages);
      // As if the time of all that are held were up: they come again before the others.
      if (seen.length === 40) await queue.giveBack(seen);
      return { gone: new Set(), isEnough: false };
    });
    assert.deepEqual(
      seen.map(({ body }) => body),
      bodies(80),
    );
    // All of them were given back, with the receipts that hold now.
    assert.equal((await queue.receive({ hidden: 0, wait: 0 })).length, 10);
    const again: string[] = [];
    await passThrough(queue, { hidden: HIDDEN }, async (messages) => {
      again.push(...messages.map(({ body }) => body));
      return { gone: new Set(), isEnough: false };
    });
    assert.deepEqual(again.sort(), bodies(80).sort());
  });

  it('does not wait for nothing after each batch of a FIFO queue in front of which a message stays', async () => {
    class Counting extends SqsQueue {
      empty = 0;
      override async receive(options: { hidden: number; wait?: number }): Promise<QueueMessage[]> {
        const messages = await super.receive({ ...options, wait: 0 });
        if (messages.length === 0) this.empty += 1;
        return messages;
      }
    }
    const { QueueUrl = '' } = await client.send(
      new CreateQueueCommand({ QueueName: 'front.fifo', Attributes: { FifoQueue: 'true' } }),
    );
    for (const body of ['stays', ...bodies(60)]) {
      const fifo = { MessageGroupId: 'g', MessageDeduplicationId: body };
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody: body, ...fifo }));
    }
    const queue = new Counting(client, QueueUrl);
    const taken: string[] = [];
    const end = await passThrough(queue, { hidden: HIDDEN }, async (messages) => {
      const gone = new Set(await queue.delete(messages.filter(({ body }) => body !== 'stays')));
      taken.push(...[...gone].map(({ body }) => body));
      return { gone, isEnough: false };
    });
    assert.deepEqual([end, taken], ['empty', bodies(60)]);
    assert.equal(queue.empty, 1);
  });

  it('ends when what stays comes round and nothing is new', async () => {
    const queue = await queueOf(10);
    let visits = 0;
    const end = await passThrough(queue, { hidden: 0 }, async () => {
      visits += 1;
      return { gone: new Set(), isEnough: false };
    });
    assert.deepEqual([end, visits], ['empty', 1]);
  });

  it('ends before more messages are held than SQS lets be in flight', async () => {
    const queue = await queueOf(40);
    let seen = 0;
    const end = await passThrough(queue, { hidden: HIDDEN, maxHeld: 20 }, async (messages) => {
      seen += messages.length;
      return { gone: new Set(), isEnough: false };
    });
    assert.deepEqual([end, seen], ['full', 20]);
    assert.equal(await queue.depth(), 40);
    assert.equal((await queue.receive({ hidden: 0, wait: 0 }))[0]?.body, '0');
  });

  it('gives back what it holds when the visit fails', async () => {
    const queue = await queueOf(15);
    const pass = passThrough(queue, { hidden: HIDDEN }, async (messages) => {
      if (messages.length < 10) throw new Error('the second visit');
      return { gone: new Set(), isEnough: false };
    });
    await assert.rejects(pass, /the second visit/);
    const left = [
      ...(await queue.receive({ hidden: HIDDEN, wait: 20 })),
      ...(await queue.receive({ hidden: HIDDEN, wait: 20 })),
    ];
    assert.deepEqual(
      left.map(({ body }) => body),
      bodies(15),
    );
  });
});
