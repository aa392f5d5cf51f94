import { decompress } from '../kafka/decode/compression.ts';
import type { DatumObject } from '../kafka/decode/datum.ts';
import { jsonText } from '../kafka/decode/json-text.ts';
import { PayloadError } from '../kafka/decode/payload-error.ts';
import { createMessageDecoder } from '../queue/decode-message.ts';
import type { Webhook } from './config.ts';
import { Refusal } from './refusal.ts';
import type { WebhookRequest } from './request.ts';

/** What a request brings. */
export interface WebhookBody {
  /** The bodies of messages that hold its records, in order; the same for the same request. */
  readonly texts: readonly string[];
  readonly records: readonly DatumObject[];
}

const decoder = createMessageDecoder('none');
/** RFC 8259, RFC 6839 (`+json`), and what line-wise JSON is called. */
const JSON_TYPES = /^(application|text)\/([\w.-]+\+)?(json|x-ndjson|ndjson|jsonl|x-jsonlines|jsonlines)$/;

/**
 * Reads the JSON of a request, in messages that SQS takes: as it came, or split by records where it is too long for one. Throws
 * Refusal.
 */
export function readBody({ headers, body }: WebhookRequest, { maxBytes, maxMessageBytes }: Webhook): WebhookBody {
  const type = (headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!JSON_TYPES.test(type)) {
    throw new Refusal(415, `expected JSON (application/json or application/x-ndjson), got "${type.slice(0, 100)}"`);
  }
  const bytes = unpack(body, headers['content-encoding'], maxBytes);
  const records = recordsOf(bytes);
  const text = withoutIllegal(new TextDecoder().decode(bytes));
  const texts = Buffer.byteLength(text) <= maxMessageBytes ? [text] : split(records, maxMessageBytes);
  return { texts, records };
}

function unpack(body: Uint8Array, encoding: string | undefined, maxBytes: number): Uint8Array {
  const coding = (encoding ?? 'identity').trim().toLowerCase();
  if (coding !== 'identity' && coding !== 'gzip' && coding !== 'x-gzip') {
    throw new Refusal(415, `expected the content-encoding gzip or none, got "${coding.slice(0, 100)}"`);
  }
  return refusing(() => decompress(body, { compression: coding === 'identity' ? 'none' : 'gzip', maxBytes }));
}

function recordsOf(bytes: Uint8Array): readonly DatumObject[] {
  const decoded = refusing(() => decoder.decode(bytes));
  return decoded.kind === 'json' ? decoded.rows : [];
}

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    throw new Refusal(error.code === 'TOO_LARGE' ? 413 : 400, error.message, { cause: error });
  }
}

/** An object a line, as many as a message takes. */
function split(records: readonly DatumObject[], maxBytes: number): string[] {
  const texts: string[] = [];
  let lines: string[] = [];
  let size = 0;
  for (const [index, record] of records.entries()) {
    const line = withoutIllegal(jsonText(record));
    const bytes = Buffer.byteLength(line) + 1;
    if (bytes > maxBytes) {
      throw new Refusal(413, `the record ${index} has ${bytes} bytes as JSON, expected ${maxBytes} at most`);
    }
    if (size + bytes > maxBytes) {
      texts.push(lines.join('\n'));
      lines = [];
      size = 0;
    }
    lines.push(line);
    size += bytes;
  }
  if (lines.length > 0) texts.push(lines.join('\n'));
  return texts;
}

/** The characters that JSON may have in its texts, but a message may not, escaped (SQS API reference, "SendMessage"). */
function withoutIllegal(text: string): string {
  return text.replace(/[\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`);
}
