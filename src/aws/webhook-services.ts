import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import type { Webhook } from '../webhook/config.ts';
import type { OutgoingMessage } from '../webhook/messages.ts';
import type { SecretSource } from '../webhook/secrets.ts';
import { serviceClientOptions } from './service-client.ts';
import { createSqsClient, SqsQueue } from './sqs-queue.ts';
import type { WebhookTarget } from './webhook-env.ts';

/** A sender waits for the answer. */
const PATIENCE = { connectTimeout: 1_000, responseTimeout: 3_000, maxAttempts: 2 };

/** A secret of Secrets Manager, its current version. */
export function createSecretSource(secretId: string): SecretSource {
  const client = sharedClient();
  return {
    async load() {
      const { SecretString: text } = await client.getSecretValue({ SecretId: secretId });
      if (text) return text;
      throw new Error(`the secret ${secretId} holds no text`);
    },
  };
}

let secretsManager: SecretsManager | undefined;

function sharedClient(): SecretsManager {
  secretsManager ??= new SecretsManager(serviceClientOptions({}, PATIENCE));
  return secretsManager;
}

/** Sends the messages of webhooks to their queues; returns why a queue did not take some. */
export function createSender(targets: ReadonlyMap<string, WebhookTarget>) {
  const client = createSqsClient();
  return async ({ path }: Webhook, messages: readonly OutgoingMessage[]): Promise<readonly string[]> => {
    const url = targets.get(path)?.queueUrl;
    if (url === undefined) throw new Error(`there is no queue for "${path}"`);
    const queue = new SqsQueue(client, url);
    const { refusals } = await queue.send(messages.map((message) => ({ ...message, sent: 0, receipt: '' })));
    return refusals;
  };
}
