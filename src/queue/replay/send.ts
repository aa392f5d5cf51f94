import { mapConcurrently } from '../../ingest/concurrently.ts';
import { KEY_ATTRIBUTE } from '../identity.ts';
import type { StoredLetter } from './read-letters.ts';

/** A message as it is sent back. */
export interface ReplayMessage {
  /** Of the message that was rejected. */
  readonly letterId: string;
  /** Error code of the letter. */
  readonly code: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, { readonly DataType: 'String'; readonly StringValue: string }>>;
  /** In a FIFO queue. */
  readonly groupId?: string;
}

/** The queue that messages are sent back to. */
export interface ReplayQueue {
  readonly url: string;
  /** Sends up to ten messages. Tells which of them the queue has, and why not the others; throws where that is not known. */
  send(messages: readonly ReplayMessage[]): Promise<{
    readonly sent: readonly ReplayMessage[];
    readonly refusals: readonly string[];
  }>;
}

/** Attributes that a message has at most (SQS developer guide, "Message quotas"). */
const MAX_ATTRIBUTES = 10;
/** Messages of a request (SQS API reference, SendMessageBatch), and requests at the same time. */
const MAX_ENTRIES = 10;
const CONCURRENT_REQUESTS = 4;

/**
 * The message of a letter, as it was, but for its name: by the one that it had, if any, it would be known as the one that was
 * rejected. It is named after the letter, so that it becomes rows once, however often it is sent. Undefined for a row without the
 * id or the body of a message. Attributes come back as texts. One that has ten of them already stays without a name.
 */
export function toMessage({
  id,
  body,
  attributes,
  groupId,
  code = 'UNKNOWN',
}: StoredLetter): ReplayMessage | undefined {
  if (id === undefined || id === '' || body === undefined || body === '') return undefined;
  const texts = Object.entries(attributes).filter(([name, text]) => name !== KEY_ATTRIBUTE && text !== '');
  const named = texts.length < MAX_ATTRIBUTES ? [...texts, [KEY_ATTRIBUTE, replayKey(id)] as const] : texts;
  const own = named.map(([name, StringValue]) => [name, { DataType: 'String' as const, StringValue }] as const);
  const group = groupId === undefined ? {} : { groupId };
  return { letterId: id, code, body, attributes: Object.fromEntries(own), ...group };
}

/** By what the repeats of a message that is sent back are known. */
export function replayKey(letterId: string): string {
  return `replay ${letterId}`;
}

export interface Sent {
  readonly sent: readonly ReplayMessage[];
  /** Messages of requests that failed: the queue may have them. */
  readonly unknown: readonly ReplayMessage[];
  /** Why the queue did not take the others. */
  readonly reasons: readonly string[];
  /** Of the first request that failed. */
  readonly error: unknown;
}

/** Sends messages. A request that fails does not keep the others from being sent. */
export async function sendMessages(queue: ReplayQueue, messages: readonly ReplayMessage[]): Promise<Sent> {
  const requests = Array.from({ length: Math.ceil(messages.length / MAX_ENTRIES) }, (_, index) =>
    messages.slice(index * MAX_ENTRIES, (index + 1) * MAX_ENTRIES),
  );
  const unknown: ReplayMessage[] = [];
  const reasons: string[] = [];
  let failure: unknown;
  const answers = await mapConcurrently(requests, CONCURRENT_REQUESTS, async (request) => {
    try {
      const { sent, refusals } = await queue.send(request);
      reasons.push(...refusals);
      return sent;
    } catch (error) {
      failure ??= error;
      unknown.push(...request);
      reasons.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
      return [];
    }
  });
  return { sent: answers.flat(), unknown, reasons, error: failure };
}
