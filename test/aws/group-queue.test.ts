import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { groupEnvironment } from '../../src/aws/group-env.ts';
import { createGroupQueue } from '../../src/aws/group-queue.ts';
import { createSqsClient, SqsQueue } from '../../src/aws/sqs-queue.ts';
import type { GroupMessage } from '../../src/group/plan.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

describe('the FIFO queue of the group function', { skip: aws.skip ?? false }, () => {
  const client = createSqsClient({
    region: 'us-east-1',
    endpoint: available(aws).endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

  async function createQueue(QueueName: string, attributes: Record<string, string> = {}): Promise<string> {
    const Attributes = { FifoQueue: 'true', ContentBasedDeduplication: 'true', ...attributes };
    return (await client.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
  }

  function message(table: string, id: string, body = `${table} ${id}`): GroupMessage {
    return { groupId: table, deduplicationId: id.padStart(64, '0'), body };
  }

  it('gets messages with group and deduplication id', async () => {
    const url = await createQueue('grouped.fifo');
    const queue = createGroupQueue(url, client);
    const first = [message('a', '1'), message('b', '2')];
    assert.deepEqual(await queue.send(first), { sent: first, refusals: [] });
    // The same, and another one with the body of the first.
    await queue.send([message('a', '1')]);
    await queue.send([message('a', '3', 'a 1')]);
    const received = await new SqsQueue(client, url).receive({ hidden: 600, wait: 5 });
    assert.deepEqual(received.map(({ groupId, body }) => `${groupId}: ${body}`).sort(), ['a: a 1', 'a: a 1', 'b: b 2']);
  });

  it('tells which it has not got', async () => {
    const queue = createGroupQueue(await createQueue('small.fifo', { MaximumMessageSize: '1024' }), client);
    const messages = [message('a', '1'), message('b', '2', 'x'.repeat(2_000))];
    const { sent, refusals } = await queue.send(messages);
    assert.deepEqual(sent, messages.slice(0, 1));
    assert.equal(refusals.length, 1);
  });
});

describe('the environment of the group function', () => {
  const url = 'https://sqs.eu-west-1.amazonaws.com/1/q.fifo';

  it('has the queue and the configuration', () => {
    const { targetQueueUrl, config } = groupEnvironment({
      RESACA_TARGET_QUEUE_URL: url,
      RESACA_CONFIG: '{"groups":3}',
    });
    assert.deepEqual([targetQueueUrl, config.groups], [url, 3]);
  });

  it('needs a FIFO queue', () => {
    assert.throws(() => groupEnvironment({}), ConfigError);
    assert.throws(
      () => groupEnvironment({ RESACA_TARGET_QUEUE_URL: url.replace('.fifo', '') }),
      /FIFO queue, got "https/,
    );
  });
});
