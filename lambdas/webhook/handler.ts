import { createTelemetry } from '../../src/aws/telemetry.ts';
import { webhookEnvironment } from '../../src/aws/webhook-env.ts';
import { createSecretSource, createSender } from '../../src/aws/webhook-services.ts';
import { createWebhookHandler } from '../../src/webhook/handler.ts';
import { createSecrets } from '../../src/webhook/secrets.ts';

const { config, targets, ...options } = webhookEnvironment();
const telemetry = createTelemetry({ service: 'webhook', ...options });

const secrets = new Map(
  config.webhooks.map(({ path }) => {
    const secretId = targets.get(path)?.secretId ?? '';
    const warn = (error: unknown): void => telemetry.log('warn', 'the secret could not be read', { secretId, error });
    return [path, createSecrets(createSecretSource(secretId), { now: Date.now, warn })] as const;
  }),
);

/** HTTP requests with JSON in, the answers out, once the queue has what they brought. */
export const handler = createWebhookHandler({
  config,
  secretsOf({ path }) {
    const own = secrets.get(path);
    if (own === undefined) throw new Error(`there is no secret for "${path}"`);
    return own;
  },
  send: createSender(targets),
  telemetry,
  now: Date.now,
});
