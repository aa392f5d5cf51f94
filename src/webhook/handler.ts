import type { Telemetry } from '../ingest/telemetry.ts';
import { readBody } from './body.ts';
import type { Webhook, WebhookConfig } from './config.ts';
import { messagesOf, type OutgoingMessage } from './messages.ts';
import { Refusal } from './refusal.ts';
import { type HttpEvent, type HttpResponse, parseHttpEvent, type WebhookRequest } from './request.ts';
import type { Secrets } from './secrets.ts';
import { isSigned } from './signature.ts';

export interface WebhookDeps {
  readonly config: WebhookConfig;
  /** The secrets of a webhook. */
  secretsOf(webhook: Webhook): Secrets;
  /** Puts messages into the queue of a webhook; returns why it did not take some. Throws what the service says. */
  send(webhook: Webhook, messages: readonly OutgoingMessage[]): Promise<readonly string[]>;
  readonly telemetry: Telemetry;
  /** ms since the epoch. */
  now(): number;
}

/**
 * The webhook function: JSON of a request that shows a secret goes into a queue, and is answered with 200 when the queue has
 * all of it. Nothing is read of a body before that, but for the proof.
 */
export function createWebhookHandler(deps: WebhookDeps) {
  const byPath = new Map(deps.config.webhooks.map((webhook) => [webhook.path, webhook]));

  return async function handleWebhook(event: HttpEvent): Promise<HttpResponse> {
    const request = parseHttpEvent(event);
    const { path, method } = request;
    try {
      const webhook = byPath.get(path);
      if (webhook === undefined) throw new Refusal(404, 'there is nothing here');
      return await receive(deps, webhook, request);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(503, 'not now: try again', { cause: error });
      const { status, message, cause } = refusal;
      const level = status === 503 ? 'error' : 'warn';
      deps.telemetry.log(level, 'request refused', {
        path: path.slice(0, 200),
        method,
        status,
        reason: message,
        ...(cause !== undefined && { error: cause }),
      });
      return respond(status, { error: message });
    }
  };
}

async function receive(deps: WebhookDeps, webhook: Webhook, request: WebhookRequest): Promise<HttpResponse> {
  if (request.method !== 'POST') throw new Refusal(405, `expected POST, got ${request.method.slice(0, 20)}`);
  if (request.body.length > webhook.maxBytes) {
    throw new Refusal(413, `the body has ${request.body.length} bytes, expected ${webhook.maxBytes} at most`);
  }
  if (!(await isAuthentic(deps, webhook, request))) throw new Refusal(401, 'unauthorized');
  const body = readBody(request, webhook);
  const challenge = challengeOf(webhook, body.records);
  if (challenge !== undefined) return { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: challenge };
  const messages = messagesOf(webhook, request, body);
  const refusals = await deps.send(webhook, messages);
  if (refusals.length > 0) {
    throw new Refusal(503, 'not now: try again', { cause: new Error(`the queue refused messages: ${refusals[0]}`) });
  }
  const { path } = webhook;
  deps.telemetry.log('debug', 'request taken', { path, records: body.records.length, messages: messages.length });
  return respond(200, { records: body.records.length });
}

async function isAuthentic(
  { secretsOf, now }: WebhookDeps,
  webhook: Webhook,
  request: WebhookRequest,
): Promise<boolean> {
  const secrets = secretsOf(webhook);
  if (isSigned(request, webhook.signature, await secrets.current(), now())) return true;
  const others = await secrets.reloaded();
  return others !== undefined && isSigned(request, webhook.signature, others, now());
}

/** What Slack wants back when an address is entered (Slack, "url_verification event"); it is no event of a user's. */
function challengeOf(
  { signature }: Webhook,
  records: readonly Readonly<Record<string, unknown>>[],
): string | undefined {
  const [record] = records;
  if (signature.type !== 'slack' || record?.type !== 'url_verification') return undefined;
  return typeof record.challenge === 'string' ? record.challenge : undefined;
}

function respond(statusCode: number, body: object): HttpResponse {
  return {
    statusCode,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(statusCode === 405 && { allow: 'POST' }),
      ...(statusCode === 503 && { 'retry-after': '10' }),
    },
    body: JSON.stringify(body),
  };
}
