import type { CatalogMessage, SweepMessage } from '../catalog/messages.ts';
import type { DefinitionRequests } from '../delta/definition-requests.ts';
import { lazySender } from './lazy-sender.ts';

/** The queue of the catalog function. The SQS client is loaded with the first message. */
export function createCatalogQueue(url: string): (message: CatalogMessage | SweepMessage) => Promise<void> {
  const send = lazySender();
  return async (message) => {
    await send({ QueueUrl: url, MessageBody: JSON.stringify(message) });
  };
}

/** Tells the catalog function of tables that were made or changed; undefined without the queue. */
export function createDefinitionRequests(url: string | undefined): DefinitionRequests | undefined {
  if (!url) return undefined;
  const send = createCatalogQueue(url);
  return { send: (bucket, root) => send({ bucket, root }) };
}
