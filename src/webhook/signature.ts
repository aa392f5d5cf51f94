import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Signature } from './config.ts';
import type { WebhookRequest } from './request.ts';

/** Signatures of one request that are looked at, and secrets: more are nobody's. */
const MAX_SIGNATURES = 8;

/**
 * Whether a request was made by someone who knows one of the secrets. Takes the same time for every wrong secret or signature
 * of a length. `now` in ms since the epoch.
 */
export function isSigned(
  request: WebhookRequest,
  signature: Signature,
  secrets: readonly string[],
  now: number,
): boolean {
  const shown = shownBy(request, signature, now);
  if (shown === undefined) return false;
  const { signatures, expect } = shown;
  let isKnown = false;
  for (const secret of secrets) {
    const expected = expect(secret);
    for (const one of signatures.slice(0, MAX_SIGNATURES)) isKnown = isEqual(one, expected) || isKnown;
  }
  return isKnown;
}

interface Shown {
  readonly signatures: readonly string[];
  /** What has to be among them. */
  expect(secret: string): string;
}

/** What a request shows; undefined where that is nothing, or too old. */
function shownBy({ headers, body }: WebhookRequest, signature: Signature, now: number): Shown | undefined {
  switch (signature.type) {
    case 'bearer':
      return shownSecret(/^bearer +(\S+)$/i.exec(headers.authorization?.trim() ?? '')?.[1]);
    case 'header':
      return shownSecret(headers[signature.header]);
    case 'github':
      return shownHmac(headers['x-hub-signature-256'], 'sha256=', (secret) =>
        hmac('sha256', secret, body).toString('hex'),
      );
    case 'hmac': {
      const { algorithm, encoding, prefix } = signature;
      return shownHmac(
        headers[signature.header],
        prefix,
        (secret) => hmac(algorithm, secret, body).toString(encoding),
        encoding === 'hex',
      );
    }
    case 'slack': {
      const time = headers['x-slack-request-timestamp'] ?? '';
      if (!isRecent(time, signature.tolerance, now)) return undefined;
      return shownHmac(headers['x-slack-signature'], 'v0=', (secret) =>
        hmac('sha256', secret, Buffer.from(`v0:${time}:`), body).toString('hex'),
      );
    }
    case 'stripe': {
      const parts = (headers['stripe-signature'] ?? '').split(',').map((part) => part.trim());
      const time = valuesOf(parts, 't=')[0] ?? '';
      if (!isRecent(time, signature.tolerance, now)) return undefined;
      return {
        signatures: valuesOf(parts, 'v1='),
        expect: (secret) => hmac('sha256', secret, Buffer.from(`${time}.`), body).toString('hex'),
      };
    }
  }
}

function shownSecret(value: string | undefined): Shown | undefined {
  return value === undefined || value === '' ? undefined : { signatures: [value], expect: (secret) => secret };
}

function shownHmac(
  value: string | undefined,
  prefix: string,
  expect: Shown['expect'],
  isHex = true,
): Shown | undefined {
  if (value === undefined || !value.startsWith(prefix)) return undefined;
  const rest = value.slice(prefix.length);
  return { signatures: [isHex ? rest.toLowerCase() : rest], expect };
}

function valuesOf(parts: readonly string[], name: string): string[] {
  return parts.filter((part) => part.startsWith(name)).map((part) => part.slice(name.length));
}

/** Whether a time, in s since the epoch, is as near as `tolerance`, s. */
function isRecent(time: string, tolerance: number, now: number): boolean {
  return /^\d{1,12}$/.test(time) && Math.abs(now / 1_000 - Number(time)) <= tolerance;
}

function hmac(algorithm: string, secret: string, ...parts: readonly Uint8Array[]): Buffer {
  const sum = createHmac(algorithm, secret);
  for (const part of parts) sum.update(part);
  return sum.digest();
}

/** Compares digests, which have one length whatever is compared. */
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
