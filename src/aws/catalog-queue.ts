import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { CatalogMessage, SweepMessage } from '../catalog/messages.ts';
import type { DefinitionRequests } from '../delta/definition-requests.ts';
import { loadSender } from './upkeep-queue.ts';

/** The queue of the catalog function. The SQS client is loaded with the first message. */
export function createCatalogQueue(url: string): (message: CatalogMessage | SweepMessage) => Promise<void> {
  let loaded: Promise<(input: SendMessageCommandInput) => Promise<unknown>> | undefined;
  return async (message) => {
    loaded ??= loadSender();
    await (await loaded)({ QueueUrl: url, MessageBody: JSON.stringify(message) });
  };
}

/** Tells the catalog function of tables that were made or changed; undefined without the queue. */
export function createDefinitionRequests(url: string | undefined): DefinitionRequests | undefined {
  if (!url) return undefined;
  const send = createCatalogQueue(url);
  return { send: (bucket, root) => send({ bucket, root }) };
}
