import { ConfigError } from '../ingest/config-reader.ts';
import { parseWebhookConfig, type WebhookConfig } from '../webhook/config.ts';
import { type FunctionEnvironment, isObject, readEnvironment } from './env.ts';

/** Where the messages of a webhook go, and its secret: an ARN, or a name. */
export interface WebhookTarget {
  readonly queueUrl: string;
  readonly secretId: string;
}

export interface WebhookEnvironment extends FunctionEnvironment<WebhookConfig> {
  /** By the paths of the webhooks. */
  readonly targets: ReadonlyMap<string, WebhookTarget>;
}

/**
 * The environment of the webhook function; see `readEnvironment`. `RESACA_TARGETS` is a JSON object with `queueUrl` and
 * `secretId` for each path, which are often known at the deployment only.
 */
export function webhookEnvironment(env: NodeJS.ProcessEnv = process.env): WebhookEnvironment {
  const { RESACA_TARGETS: text, ...rest } = env;
  const environment = readEnvironment(rest, parseWebhookConfig);
  const targets = new Map(Object.entries(parseTargets(text ?? '{}')));
  const problems = environment.config.webhooks.flatMap(({ path }) => {
    const { queueUrl, secretId } = targets.get(path) ?? {};
    return queueUrl && secretId ? [] : [`RESACA_TARGETS: expected queueUrl and secretId for "${path}"`];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...environment, targets };
}

function parseTargets(text: string): Record<string, WebhookTarget> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError([`RESACA_TARGETS: is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
  if (!isObject(value)) throw new ConfigError(['RESACA_TARGETS: expected an object']);
  return value as Record<string, WebhookTarget>;
}
