import type { QueueMessage, SqsQueue } from '../../aws/sqs-queue.ts';

export interface PassOptions {
  /**
   * How long a message is hidden from others at most, s. One whose time is up comes again and is hidden again, until
   * the pass ends; after a kill it is what others have to wait.
   */
  readonly hidden: number;
  /** Messages that may be held at once. @default 100,000 */
  readonly maxHeld?: number;
  readonly signal?: AbortSignal;
}

/** What a visit did with the messages. */
export interface Visit {
  /** Those that are no longer in the queue. */
  readonly gone: ReadonlySet<QueueMessage>;
  /** Whether the pass can end. */
  readonly isEnough: boolean;
}

/**
 * `empty`: the queue shows no more; `enough`: the visitor said so; `full`: too many messages are held to go on;
 * `stopped`: by the signal.
 */
export type PassEnd = 'empty' | 'enough' | 'full' | 'stopped';

/**
 * Below the 120,000 messages that may be in flight, beyond which SQS answers a long poll with nothing instead of an
 * error (developer guide, "Amazon SQS standard queue quotas" and "FIFO queue quotas").
 */
const MAX_HELD = 100_000;
/** How long to wait for messages, s. Any wait makes SQS ask all of its servers (developer guide, "Long polling"). */
const WAIT = 2;

/**
 * Shows each message of a queue to `visit` once, up to ten at a time. What the visit leaves is held, so that others
 * come, and given back at the end, whatever happens.
 *
 * In a FIFO queue a message that is held holds up its group. There, what a visit leaves is given back at once if it
 * took others, which come in its place then; a visit that takes none has its groups held until the rest is done.
 */
export async function passThrough(
  queue: SqsQueue,
  options: PassOptions,
  visit: (messages: readonly QueueMessage[]) => Promise<Visit>,
): Promise<PassEnd> {
  const held = new Map<string, QueueMessage>();
  let end: PassEnd;
  try {
    end = await passHolding(queue, options, held, visit);
  } catch (error) {
    // The first error tells more than one about giving back; what is not given back shows up when its time is up.
    await queue.giveBack([...held.values()]).catch(() => undefined);
    throw error;
  }
  await queue.giveBack([...held.values()]);
  return end;
}

async function passHolding(
  queue: SqsQueue,
  { hidden, maxHeld = MAX_HELD, signal }: PassOptions,
  held: Map<string, QueueMessage>,
  visit: (messages: readonly QueueMessage[]) => Promise<Visit>,
): Promise<PassEnd> {
  const isFifo = queue.url.endsWith('.fifo');
  /** Ids of all that were visited and are still in the queue. */
  const staying = new Set<string>();
  /** Messages since the last one that was new. When all that stay came round, there is nothing new. */
  let repeated = 0;
  let tookAny = false;
  while (signal?.aborted !== true) {
    const messages = await queue.receive({ hidden, wait: WAIT });
    if (messages.length === 0) {
      if (!isFifo || !tookAny) return 'empty';
      tookAny = false;
      await giveBackAll(queue, held);
      continue;
    }
    for (const message of messages) held.set(message.id, message);
    const fresh = messages.filter(({ id }) => !staying.has(id));
    repeated = fresh.length > 0 ? 0 : repeated + messages.length;
    if (repeated > staying.size) return 'empty';
    if (fresh.length === 0) continue;
    const { gone, isEnough } = await visit(fresh);
    for (const message of fresh) {
      if (gone.has(message)) held.delete(message.id);
      else staying.add(message.id);
    }
    if (isEnough) return 'enough';
    if (staying.size >= maxHeld) return 'full';
    if (gone.size > 0) {
      tookAny = true;
      if (isFifo) await giveBackAll(queue, held, messages);
    }
  }
  return 'stopped';
}

/** Gives back those of the messages that are held. */
async function giveBackAll(
  queue: SqsQueue,
  held: Map<string, QueueMessage>,
  messages: Iterable<QueueMessage> = [...held.values()],
): Promise<void> {
  const back = [...messages].filter(({ id }) => held.has(id));
  await queue.giveBack(back);
  for (const { id } of back) held.delete(id);
}
