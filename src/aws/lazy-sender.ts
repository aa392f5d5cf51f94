import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';

export type SendMessage = (input: SendMessageCommandInput) => Promise<unknown>;

/** Sends messages. The SQS client is loaded and made with the first: most invocations send none. */
export function lazySender(): SendMessage {
  let loaded: Promise<SendMessage> | undefined;
  return async (input) => {
    loaded ??= loadSender();
    return (await loaded)(input);
  };
}

async function loadSender(): Promise<SendMessage> {
  const [{ SendMessageCommand }, { createSqsClient }] = await Promise.all([
    import('@aws-sdk/client-sqs'),
    import('./sqs-queue.ts'),
  ]);
  const client = createSqsClient();
  return (input) => client.send(new SendMessageCommand(input));
}
