/** The webhook function over a queue in memory, secrets, and a clock. */
import { createHmac } from 'node:crypto';
import { parseWebhookConfig, type WebhookInput } from '../../src/webhook/config.ts';
import { createWebhookHandler } from '../../src/webhook/handler.ts';
import type { OutgoingMessage } from '../../src/webhook/messages.ts';
import type { HttpEvent, HttpResponse } from '../../src/webhook/request.ts';
import { createSecrets } from '../../src/webhook/secrets.ts';

export const SECRET = 'a-secret-of-the-tests';

export interface WebhookWorldOptions {
  readonly webhooks?: readonly WebhookInput[];
  /** Time, ms since the epoch. */
  readonly time?: number;
}

export interface Answer {
  readonly status: number;
  readonly error: string | undefined;
  readonly response: HttpResponse;
}

export function createWebhookWorld(options: WebhookWorldOptions = {}) {
  const { webhooks = [{ path: '/in', signature: 'bearer' }] } = options;
  let time = options.time ?? Date.parse('2026-11-24T06:00:00Z');
  const state = {
    secret: SECRET,
    loads: 0,
    isSecretGone: false,
    refusals: [] as string[],
    failure: undefined as Error | undefined,
  };
  const sent: OutgoingMessage[] = [];
  const logs: Readonly<Record<string, unknown>>[] = [];
  const secrets = createSecrets(
    {
      async load() {
        state.loads++;
        if (state.isSecretGone) throw new Error('no secrets now');
        return state.secret;
      },
    },
    { now: () => time, warn: (error) => void logs.push({ level: 'warn', error }) },
  );
  const handler = createWebhookHandler({
    config: parseWebhookConfig({ webhooks }),
    secretsOf: () => secrets,
    async send(_, messages) {
      if (state.failure !== undefined) throw state.failure;
      sent.push(...messages);
      return state.refusals;
    },
    telemetry: {
      log: (level, message, data) => void logs.push({ level, message, ...data }),
      metrics: () => undefined,
    },
    now: () => time,
  });

  async function answer(event: HttpEvent): Promise<Answer> {
    const response = await handler(event);
    const isJson = response.headers['content-type'] === 'application/json';
    return { status: response.statusCode, error: isJson ? JSON.parse(response.body).error : undefined, response };
  }

  return {
    state,
    sent,
    logs,
    now: () => time,
    advance(ms: number): void {
      time += ms;
    },
    answer,
    post: (body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}, path = '/in') =>
      answer(httpEvent(body, { authorization: `Bearer ${SECRET}`, ...headers }, path)),
  };
}

/** A request as Lambda gives it to the function of a URL. */
export function httpEvent(
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  path = '/in',
  method = 'POST',
): HttpEvent {
  const isText = typeof body === 'string';
  return {
    version: '2.0',
    rawPath: path,
    headers: { 'content-type': 'application/json', ...headers },
    body: isText ? body : Buffer.from(body).toString('base64'),
    isBase64Encoded: !isText,
    requestContext: { stage: '$default', http: { method } },
  };
}

/** An HMAC of a text as hex. */
export function hmacOf(text: string, secret = SECRET, algorithm = 'sha256'): string {
  return createHmac(algorithm, secret).update(text).digest('hex');
}
