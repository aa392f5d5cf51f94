import type { MessageQueue } from '../queue/drain.ts';
import type { QueueMessage, SqsQueue } from './sqs-queue.ts';

/** The queue that a function takes messages from; undefined without a URL. The SQS client is loaded with the first call. */
export function openQueue(url: string | undefined): MessageQueue<QueueMessage> | undefined {
  if (!url) return undefined;
  let loading: Promise<SqsQueue> | undefined;
  const load = (): Promise<SqsQueue> => {
    loading ??= import('./sqs-queue.ts').then(({ createSqsClient, SqsQueue }) => new SqsQueue(createSqsClient(), url));
    return loading;
  };
  return {
    receive: async (options) => (await load()).receive(options),
    delete: async (messages) => (await load()).delete(messages),
  };
}
