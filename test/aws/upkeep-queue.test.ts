import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { createSqsClient } from '../../src/aws/sqs-queue.ts';
import { createUpkeepQueue } from '../../src/aws/upkeep-queue.ts';
import { parseUpkeepMessage, type UpkeepMessage } from '../../src/maintenance/messages.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);
const MESSAGE: UpkeepMessage = { bucket: 'lake', root: 'raw/web', tasks: ['optimize'], turn: 2 };

describe('the queue of the maintenance function', { skip: aws.skip ?? false }, () => {
  // As in the function: the client finds them in the environment.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: available(aws).endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const client = createSqsClient();

  async function createQueue(QueueName: string): Promise<string> {
    const Attributes = QueueName.endsWith('.fifo') ? { FifoQueue: 'true' } : {};
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
    return QueueUrl;
  }

  async function bodiesIn(url: string): Promise<string[]> {
    const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
    return Messages.map(({ Body = '' }) => Body);
  }

  it('takes the work of an occasion once', async () => {
    const url = await createQueue('work.fifo');
    const queue = createUpkeepQueue(url);
    await queue.send(MESSAGE, 'schedule');
    await queue.send(MESSAGE, 'schedule');
    assert.deepEqual((await bodiesIn(url)).map(parseUpkeepMessage), [{ ...MESSAGE, isPostponed: false }]);
  });

  it('keeps work that waits back for a quarter of an hour, in a queue of its own', async () => {
    const postponed = await createQueue('postponed');
    await createUpkeepQueue(await createQueue('other.fifo'), postponed).postpone(MESSAGE);
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: postponed, AttributeNames: ['All'] }),
    );
    assert.equal(Attributes.ApproximateNumberOfMessagesDelayed, '1');
    assert.deepEqual(await bodiesIn(postponed), []);
  });

  it('marks it, so that it goes on to the queue of its table', async () => {
    const postponed = await createQueue('soon');
    await createUpkeepQueue(await createQueue('yet-another.fifo'), postponed, 0).postpone(MESSAGE);
    assert.deepEqual((await bodiesIn(postponed)).map(parseUpkeepMessage), [{ ...MESSAGE, isPostponed: true }]);
  });

  it('says so where there is no queue for work that waits', async () => {
    const queue = createUpkeepQueue(await createQueue('alone.fifo'));
    await assert.rejects(queue.postpone(MESSAGE), /RESACA_POSTPONED_QUEUE_URL is missing/);
  });
});
