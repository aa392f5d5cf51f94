import type { CheckpointRequests } from '../delta/checkpoint-interval.ts';
import type { UpkeepQueue } from '../maintenance/handler.ts';

/** The FIFO queue of the maintenance function. The SQS client is loaded with the first message. */
export function createUpkeepQueue(url: string): UpkeepQueue {
  let loaded: Promise<(input: FifoMessage) => Promise<unknown>> | undefined;
  return {
    async send(message, occasion) {
      const { deduplicationOf, groupOf } = await import('../maintenance/messages.ts');
      loaded ??= loadSender();
      const send = await loaded;
      await send({
        QueueUrl: url,
        MessageBody: JSON.stringify(message),
        MessageGroupId: groupOf(message),
        MessageDeduplicationId: deduplicationOf(message, occasion),
      });
    },
  };
}

/** Asks the maintenance function for checkpoints; undefined without the queue. */
export function createCheckpointRequests(url: string | undefined): CheckpointRequests | undefined {
  if (!url) return undefined;
  const queue = createUpkeepQueue(url);
  return {
    send: (bucket, root, version) => queue.send({ bucket, root, tasks: ['checkpoint'] }, `version ${version}`),
  };
}

interface FifoMessage {
  readonly QueueUrl: string;
  readonly MessageBody: string;
  readonly MessageGroupId: string;
  readonly MessageDeduplicationId: string;
}

async function loadSender() {
  const [{ SendMessageCommand }, { createSqsClient }] = await Promise.all([
    import('@aws-sdk/client-sqs'),
    import('./sqs-queue.ts'),
  ]);
  const client = createSqsClient();
  return (input: FifoMessage) => client.send(new SendMessageCommand(input));
}
