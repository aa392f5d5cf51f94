import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { createSqsClient } from '../../src/aws/sqs-queue.ts';
import { createUpkeepQueue } from '../../src/aws/upkeep-queue.ts';
import { parseMaintenanceConfig } from '../../src/maintenance/config.ts';
import { createMaintenanceHandler } from '../../src/maintenance/handler.ts';
import { parseUpkeepMessage, type UpkeepMessage } from '../../src/maintenance/messages.ts';
import { runTask } from '../../src/maintenance/run-task.ts';
import { createReconcileTask } from '../../src/recovery/reconcile-task.ts';
import { createRecoveryWorld, HOUR } from '../support/recovery-world.ts';
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

  it('brings a reconciliation to its end that takes several turns', async () => {
    const world = createRecoveryWorld();
    await world.deliver([await world.drop('web/ds=1/0.parquet')]);
    const names = Array.from({ length: 20 }, (_, index) => `ds=1/${index}.parquet`).sort();
    for (const name of names.slice(1)) await world.drop(`web/${name}`);
    world.advance(2 * HOUR);
    const config = parseMaintenanceConfig({ places: [{ bucket: 'lake', landing: true }], reconcile: {} });
    const url = await createQueue('turns.fifo');
    const queue = createUpkeepQueue(url);
    const handle = createMaintenanceHandler({
      ...world.engine,
      config,
      queue,
      runTask,
      openReconcile: async () => createReconcileTask({ ...world.engine, settings: config.reconcile }),
      storeFor: () => ({
        ...world.store,
        async *list(prefix, options) {
          for await (const object of world.store.list(prefix, options)) {
            // A minute each: thirteen of them fit into a turn.
            if (prefix === 'web/') world.advance(60_000);
            yield object;
          }
        },
      }),
      urlOf: (bucket, root) => `s3://${bucket}/${root}`,
    });
    await queue.send({ bucket: 'lake', root: 'web', tasks: ['reconcile'] }, 'schedule');
    const turns: (number | undefined)[] = [];
    for (;;) {
      const { Messages: [message] = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl: url }));
      if (message?.Body === undefined) break;
      turns.push(parseUpkeepMessage(message.Body).turn);
      const event = { Records: [{ messageId: message.MessageId, body: message.Body }] };
      await handle(event, { awsRequestId: `request ${turns.length}`, getRemainingTimeInMillis: () => 900_000 });
      await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle }));
    }
    assert.deepEqual(turns, [0, 1]);
    assert.deepEqual(await world.active('web'), names);
    assert.deepEqual(new Set(Object.values(await world.adds('web'))), new Set([1]));
  });

  it('says so where there is no queue for work that waits', async () => {
    const queue = createUpkeepQueue(await createQueue('alone.fifo'));
    await assert.rejects(queue.postpone(MESSAGE), /RESACA_POSTPONED_QUEUE_URL is missing/);
  });
});
