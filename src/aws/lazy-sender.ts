import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';

export type SendMessage = (input: SendMessageCommandInput) => Promise<unknown>;

/** The SQS client with its commands, loaded and made with the first call: most invocations need neither. */
export function lazySqs(): () => ReturnType<typeof loadSqs> {
  let loaded: ReturnType<typeof loadSqs> | undefined;
  return () => {
    loaded ??= loadSqs();
    return loaded;
  };
}

/** Sends messages, by a client that is loaded with the first. */
export function lazySender(sqs = lazySqs()): SendMessage {
  return async (input) => {
    const { client, commands } = await sqs();
    return client.send(new commands.SendMessageCommand(input));
  };
}

async function loadSqs() {
  const [commands, { createSqsClient }] = await Promise.all([import('@aws-sdk/client-sqs'), import('./sqs-queue.ts')]);
  return { commands, client: createSqsClient() };
}
