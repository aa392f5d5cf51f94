import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import { parseWebhookConfig, type WebhookInput } from '../../src/webhook/config.ts';

/** An address at which JSON is taken, and becomes rows. */
export interface WebhookDeploymentConfig extends WebhookInput {
  /** Name of one of `queues`, which has the table and its settings. */
  readonly queue?: string;
  /** Root of a table, for which a queue with the defaults is made. One of the two is required. */
  readonly table?: string;
  /** Name of a secret of Secrets Manager. */
  readonly secretName?: string;
  /** Its whole ARN. One of the two is required. */
  readonly secretArn?: string;
}

/** The function for all webhooks. */
export interface WebhookFunctionConfig {
  /** Whether it has a URL of its own; false where an HTTP API is put before it. @default true */
  readonly url?: boolean;
  /** Requests at the same time at most, which are taken from those that the account has: 1-1000. @default what is left */
  readonly reservedConcurrency?: number;
  /** MB: 256-10240. @default 512 */
  readonly memorySize?: number;
  /** Requests refused with 4xx in five minutes before the alarm. @default 100 */
  readonly maxRefused?: number;
}

export interface WebhookDeployment {
  readonly webhook: WebhookInput;
  /** Name of the queue. */
  readonly queue: string;
  readonly secretName?: string;
  readonly secretArn?: string;
}

export type WebhookFunction = Required<Omit<WebhookFunctionConfig, 'reservedConcurrency'>> &
  Pick<WebhookFunctionConfig, 'reservedConcurrency'>;

const SECRET_ARN = /^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/;
const OWN_SETTINGS = ['queue', 'table', 'secretName', 'secretArn'];

/** Reads the webhooks; the queues that they name are checked by `checkTargets`. */
export function readWebhooks(readers: readonly ConfigReader[]): WebhookDeployment[] {
  const webhooks = readers.map(readWebhook);
  for (const [index, { webhook }] of webhooks.entries()) {
    const isTwice = webhooks.slice(0, index).some((other) => other.webhook.path === webhook.path);
    if (isTwice) readers[index]?.problem('path', `"${webhook.path}" is there twice`);
  }
  return webhooks;
}

function readWebhook(reader: ConfigReader): WebhookDeployment {
  const all = reader.pick(reader.names());
  const webhook = Object.fromEntries(
    Object.entries(all).filter(([name]) => !OWN_SETTINGS.includes(name)),
  ) as unknown as WebhookInput;
  try {
    parseWebhookConfig({ webhooks: [webhook] });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) {
      const [, setting = '', text = problem] = /^webhooks\[0\]\.?([^:]*): (.*)$/s.exec(problem) ?? [];
      reader.problem(setting, text);
    }
  }
  if (reader.has('queue') === reader.has('table')) {
    reader.problem('queue', 'expected the name of one of queues, or table for a queue with the defaults, and not both');
  }
  if (reader.has('secretName') === reader.has('secretArn')) {
    reader.problem('secretName', 'expected it or secretArn: a webhook without a secret takes what anybody sends');
  }
  const secretName = reader.has('secretName')
    ? reader.matching('secretName', /^[\w/+=.@-]{1,512}$/, 'the name of a secret', '')
    : undefined;
  const secretArn = reader.has('secretArn')
    ? reader.matching('secretArn', SECRET_ARN, 'the whole ARN of a secret, with its six characters', '')
    : undefined;
  return {
    webhook,
    queue: reader.optionalText('queue') ?? queueNameOf(webhook.path),
    ...(secretName !== undefined && { secretName }),
    ...(secretArn !== undefined && { secretArn }),
  };
}

/** The queues that webhooks with a table ask for, as they would be written. */
export function impliedQueues(readers: readonly ConfigReader[]): ConfigReader[] {
  return readers.flatMap((reader) => {
    const { path, table } = reader.pick(['path', 'table']);
    if (typeof path !== 'string' || table === undefined) return [];
    return [reader.replace({ name: queueNameOf(path), table })];
  });
}

/** A queue that a webhook names has to be there. */
export function checkTargets(
  readers: readonly ConfigReader[],
  webhooks: readonly WebhookDeployment[],
  queues: readonly string[],
): void {
  for (const [index, { queue }] of webhooks.entries()) {
    if (!queues.includes(queue)) readers[index]?.problem('queue', `"${queue}" is none of queues`);
  }
}

export function readWebhookFunction(reader: ConfigReader): WebhookFunction {
  reader.onlyKnows(['url', 'reservedConcurrency', 'memorySize', 'maxRefused']);
  return {
    url: reader.boolean('url', true),
    memorySize: reader.integer('memorySize', 256, 10_240, 512),
    maxRefused: reader.integer('maxRefused', 0, 1_000_000, 100),
    ...(reader.has('reservedConcurrency') && {
      reservedConcurrency: reader.integer('reservedConcurrency', 1, 1_000, 100),
    }),
  };
}

function queueNameOf(path: unknown): string {
  return `webhook${String(path).replaceAll(/[^A-Za-z0-9_-]/g, '-')}`.slice(0, 75);
}
