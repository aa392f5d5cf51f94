import type { CheckpointRequests } from '../delta/checkpoint-interval.ts';
import type { UpkeepQueue } from '../maintenance/handler.ts';
import type { UpkeepMessage } from '../maintenance/messages.ts';
import { lazySender } from './lazy-sender.ts';

/** The longest that SQS keeps a message back (SQS API reference, SendMessage), s. */
const LONGEST_DELAY = 900;

/**
 * The FIFO queue of the maintenance function, and the standard queue of work that waits, for `delay` in s: a FIFO queue
 * keeps no single message back. The SQS client is loaded with the first message.
 */
export function createUpkeepQueue(url: string, postponedUrl?: string, delay = LONGEST_DELAY): UpkeepQueue {
  const send = lazySender();
  return {
    async send(message, occasion) {
      const { deduplicationOf, groupOf } = await import('../maintenance/messages.ts');
      await send({
        QueueUrl: url,
        MessageBody: JSON.stringify(message),
        MessageGroupId: groupOf(message),
        MessageDeduplicationId: deduplicationOf(message, occasion),
      });
    },
    async postpone(message) {
      if (!postponedUrl)
        throw new Error('there is no queue for work that waits: RESACA_POSTPONED_QUEUE_URL is missing');
      const body: UpkeepMessage = { ...message, isPostponed: true };
      await send({ QueueUrl: postponedUrl, MessageBody: JSON.stringify(body), DelaySeconds: delay });
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
