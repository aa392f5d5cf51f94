import { SQSClient } from '@aws-sdk/client-sqs';
import type { GroupMessage } from '../group/plan.ts';
import type { GroupQueue } from '../group/send.ts';
import { serviceClientOptions } from './service-client.ts';
import { type QueueMessage, SqsQueue } from './sqs-queue.ts';

/** A request ends within 12 s, so that the function can answer for what failed. */
const PATIENCE = { connectTimeout: 1_000, responseTimeout: 5_000, maxAttempts: 2 };

/** The FIFO queue of an append function, as the group function sees it. */
export function createGroupQueue(url: string, client = new SQSClient(serviceClientOptions({}, PATIENCE))): GroupQueue {
  const queue = new SqsQueue(client, url);
  return {
    async send(messages) {
      const origins = new Map(messages.map((message) => [toQueueMessage(message), message]));
      const { sent, refusals } = await queue.send([...origins.keys()]);
      return { sent: sent.flatMap((message) => origins.get(message) ?? []), refusals };
    },
  };
}

/** `SqsQueue` takes the id of a message as its deduplication id. */
function toQueueMessage({ groupId, deduplicationId, body }: GroupMessage): QueueMessage {
  return { id: deduplicationId, groupId, body, sent: 0, attributes: {}, receipt: '' };
}
