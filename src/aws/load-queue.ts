import type { LoadQueue } from '../loader/handler.ts';

/** The queue of the load function. The SQS client is loaded with the first message. */
export function createLoadQueue(url: string): LoadQueue {
  let loaded: Promise<(body: string) => Promise<unknown>> | undefined;
  return {
    async send(body) {
      loaded ??= loadSender(url);
      await (await loaded)(body);
    },
  };
}

async function loadSender(url: string): Promise<(body: string) => Promise<unknown>> {
  const [{ SendMessageCommand }, { createSqsClient }] = await Promise.all([
    import('@aws-sdk/client-sqs'),
    import('./sqs-queue.ts'),
  ]);
  const client = createSqsClient();
  return (body) => client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
}
