import { createHash, randomUUID } from 'node:crypto';
import { KEY_ATTRIBUTE } from '../queue/identity.ts';
import type { WebhookBody } from './body.ts';
import type { Idempotency, Webhook } from './config.ts';
import type { WebhookRequest } from './request.ts';

/** A message to be sent. */
export interface OutgoingMessage {
  /** Unique. */
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, { readonly DataType: string; readonly StringValue: string }>>;
  /** In a FIFO queue: what a webhook brings stays in order. */
  readonly groupId: string;
}

/** The messages of a request. Those of a repeated delivery have the names that they had the first time. */
export function messagesOf(
  webhook: Webhook,
  request: WebhookRequest,
  { texts, records }: WebhookBody,
): OutgoingMessage[] {
  const delivery = deliveryOf(webhook.idempotency, request, records);
  const headers = webhook.headers.flatMap((name) => {
    const value = request.headers[name];
    return value === undefined || !isLegal(value) ? [] : [[name, textAttribute(value)] as const];
  });
  return texts.map((body, part) => {
    const key = delivery === undefined ? undefined : nameOf(webhook.path, delivery, part, texts.length);
    return {
      id: key === undefined ? randomUUID() : createHash('sha256').update(key).digest('hex'),
      body,
      attributes: Object.fromEntries([
        ...headers,
        ...(key === undefined ? [] : [[KEY_ATTRIBUTE, textAttribute(key)] as const]),
      ]),
      groupId: webhook.path.replaceAll('/', '-').slice(0, 128),
    };
  });
}

function textAttribute(StringValue: string) {
  return { DataType: 'String', StringValue };
}

function deliveryOf(
  idempotency: Idempotency,
  { headers }: WebhookRequest,
  records: WebhookBody['records'],
): string | undefined {
  if (idempotency.from === 'none') return undefined;
  const [first] = records;
  // Several records have names of their own, which say nothing of the delivery.
  const value =
    idempotency.from === 'header' ? headers[idempotency.name] : records.length === 1 ? first?.[idempotency.name] : '';
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function nameOf(path: string, delivery: string, part: number, parts: number): string {
  const name = isLegal(delivery) ? delivery : createHash('sha256').update(delivery).digest('hex');
  return parts === 1 ? `${path} ${name}` : `${path} ${name} ${part + 1}/${parts}`;
}

/** Whether an attribute can have the value, which then takes little of the message. */
function isLegal(value: string): boolean {
  return /^[\x20-\x7e]{1,256}$/.test(value);
}
