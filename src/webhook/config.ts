import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';

/** How a request shows that it comes from the one who knows the secret. */
export type Signature =
  /** `Authorization: Bearer SECRET`. */
  | { readonly type: 'bearer' }
  /** The secret in a header of this name. */
  | { readonly type: 'header'; readonly header: string }
  /** `X-Hub-Signature-256: sha256=HEX` (GitHub, "Validating webhook deliveries"). */
  | { readonly type: 'github' }
  /** `Stripe-Signature: t=TIME,v1=HEX` (Stripe, "Verify webhook signatures manually"). `tolerance` in s. */
  | { readonly type: 'stripe'; readonly tolerance: number }
  /** `X-Slack-Signature: v0=HEX` with `X-Slack-Request-Timestamp` (Slack, "Verifying requests from Slack"). `tolerance` in s. */
  | { readonly type: 'slack'; readonly tolerance: number }
  /** An HMAC of the body, as it was sent, in a header. */
  | {
      readonly type: 'hmac';
      readonly header: string;
      readonly algorithm: 'sha1' | 'sha256' | 'sha512';
      readonly encoding: 'hex' | 'base64';
      /** What stands before it in the header, such as `sha256=`. */
      readonly prefix: string;
    };

/** What names a delivery, so that a repeat of it is known. */
export type Idempotency =
  | { readonly from: 'none' }
  | { readonly from: 'header'; readonly name: string }
  /** A member of the body's object, a text. */
  | { readonly from: 'field'; readonly name: string };

/** An address at which JSON is taken. */
export interface Webhook {
  /** As `/github`. */
  readonly path: string;
  readonly signature: Signature;
  /** @default that of GitHub, Stripe and Slack; none for others */
  readonly idempotency: Idempotency;
  /** Names of headers, in lower case, that go with the messages as attributes. @default x-github-event for GitHub */
  readonly headers: readonly string[];
  /** Largest body, as it is sent as well as unpacked, bytes. @default 4 MiB */
  readonly maxBytes: number;
  /** Largest message that is sent to the queue, bytes; what does not fit one is split by records. @default 256 KiB */
  readonly maxMessageBytes: number;
}

export interface WebhookConfig {
  readonly webhooks: readonly Webhook[];
}

type Named = 'bearer' | 'github' | 'stripe' | 'slack';

/** As a user writes it: what is left out has its default. */
export interface WebhookInput extends Partial<Omit<Webhook, 'path' | 'signature' | 'idempotency'>> {
  readonly path: string;
  /** One of the names, or with its settings. */
  readonly signature:
    | Named
    | { readonly type: Named; readonly tolerance?: number }
    | { readonly type: 'header'; readonly header: string }
    | (Pick<Signature & { type: 'hmac' }, 'type' | 'header'> & Partial<Signature & { type: 'hmac' }>);
  readonly idempotency?: 'none' | { readonly header: string } | { readonly field: string };
}

/** The settings of a webhook that its function reads. */
export const WEBHOOK_SETTINGS = [
  'path',
  'signature',
  'idempotency',
  'headers',
  'maxBytes',
  'maxMessageBytes',
] as const satisfies readonly (keyof Webhook)[];

const HEADER = /^[A-Za-z0-9-]{1,100}$/;
/** What an invocation is given at most is 6 MB, and binary bodies are a third longer then (Lambda quotas). */
const MAX_BODY = 6 * 2 ** 20;
/** What a message of SQS may have, and may have had for long, less some for its attributes (SQS quotas). */
const MAX_MESSAGE = 2 ** 20 - 8_192;
const DEFAULT_MESSAGE = 2 ** 18 - 8_192;
/** Attributes of a message are ten at most (SQS, "Message metadata"); one is the name of the delivery. */
const MAX_HEADERS = 9;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseWebhookConfig(value: unknown): WebhookConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(['webhooks']);
  const webhooks = root.children('webhooks').map(readWebhook);
  const paths = new Set(webhooks.map(({ path }) => path));
  if (paths.size < webhooks.length) root.problem('webhooks', 'has a path twice');
  if (webhooks.length === 0) root.problem('webhooks', 'has none');
  if (problems.length > 0) throw new ConfigError(problems);
  return { webhooks };
}

/** Reads one webhook; mistakes are collected by the reader. */
export function readWebhook(reader: ConfigReader): Webhook {
  reader.onlyKnows(WEBHOOK_SETTINGS);
  for (const name of ['path', 'signature'] as const) if (!reader.has(name)) reader.problem(name, 'is required');
  const signature = readSignature(reader);
  const headers = reader.has('headers')
    ? reader.texts('headers').map((name) => name.toLowerCase())
    : signature.type === 'github'
      ? ['x-github-event']
      : [];
  if (headers.some((name) => !HEADER.test(name)) || headers.length > MAX_HEADERS) {
    reader.problem('headers', `expected up to ${MAX_HEADERS} names of headers, got ${JSON.stringify(headers)}`);
  }
  return {
    path: reader.matching('path', /^(\/[\w.~-]{1,100}){1,8}$/, 'a path such as /github', '/'),
    signature,
    idempotency: readIdempotency(reader, signature),
    headers,
    maxBytes: reader.integer('maxBytes', 1_024, MAX_BODY, 4 * 2 ** 20),
    maxMessageBytes: reader.integer('maxMessageBytes', 1_024, MAX_MESSAGE, DEFAULT_MESSAGE),
  };
}

const NAMES = ['bearer', 'header', 'github', 'stripe', 'slack', 'hmac'] as const;
/** What Stripe's libraries and Slack's documentation have. s. */
const TOLERANCE = 300;

function readSignature(parent: ConfigReader): Signature {
  const isText = parent.isText('signature');
  const reader = isText
    ? new ConfigReader({ type: parent.pick(['signature']).signature }, '', [])
    : parent.child('signature');
  const type = isText ? parent.choice('signature', NAMES, 'bearer') : reader.choice('type', NAMES, 'bearer');
  if (isText && (type === 'header' || type === 'hmac')) {
    parent.problem('signature', `expected an object with the type "${type}" and the name of the header`);
  }
  const header = (): string => {
    if (!isText && !reader.has('header')) reader.problem('header', `is required for "${type}"`);
    return reader.matching('header', HEADER, 'the name of a header', 'authorization').toLowerCase();
  };
  switch (type) {
    case 'bearer':
    case 'github':
      reader.onlyKnows(['type']);
      return { type };
    case 'stripe':
    case 'slack':
      reader.onlyKnows(['type', 'tolerance']);
      return { type, tolerance: reader.integer('tolerance', 1, 86_400, TOLERANCE) };
    case 'header':
      reader.onlyKnows(['type', 'header']);
      return { type, header: header() };
    case 'hmac':
      reader.onlyKnows(['type', 'header', 'algorithm', 'encoding', 'prefix']);
      return {
        type,
        header: header(),
        algorithm: reader.choice('algorithm', ['sha1', 'sha256', 'sha512'], 'sha256'),
        encoding: reader.choice('encoding', ['hex', 'base64'], 'hex'),
        prefix: reader.optionalText('prefix') ?? '',
      };
  }
}

/** GitHub names a delivery in a header, Stripe and Slack an event in the body; all keep the name when they repeat it. */
const BY_SENDER: Readonly<Partial<Record<Signature['type'], Idempotency>>> = {
  github: { from: 'header', name: 'x-github-delivery' },
  stripe: { from: 'field', name: 'id' },
  slack: { from: 'field', name: 'event_id' },
};

function readIdempotency(parent: ConfigReader, { type }: Signature): Idempotency {
  if (!parent.has('idempotency')) return BY_SENDER[type] ?? { from: 'none' };
  if (parent.isText('idempotency')) {
    parent.choice('idempotency', ['none'], 'none');
    return { from: 'none' };
  }
  const reader = parent.child('idempotency');
  reader.onlyKnows(['header', 'field']);
  if (reader.has('header') === reader.has('field')) reader.problem('', 'expected header or field, one of them');
  const field = reader.optionalText('field');
  if (field !== undefined) return { from: 'field', name: field };
  return { from: 'header', name: reader.matching('header', HEADER, 'the name of a header', 'x').toLowerCase() };
}
