import { randomUUID } from 'node:crypto';

/** A message that was received: invisible to others until it is deleted or its visibility time-out ends. */
export interface QueueMessage {
  readonly id: string;
  /** Names this very receipt; a later receipt of the same message has another one. */
  readonly receiptHandle: string;
  readonly body: string;
  /** How often the message was received, this time included. */
  readonly receiveCount: number;
  /** ms since the epoch. */
  readonly sentAt: number;
  /** ms since the epoch. */
  readonly firstReceivedAt: number;
}

/** A message that was received `maxReceiveCount` times and never deleted. */
export interface DeadLetter {
  readonly id: string;
  readonly body: string;
  readonly receiveCount: number;
  /** ms since the epoch. */
  readonly sentAt: number;
  /** ms since the epoch. */
  readonly deadAt: number;
}

export interface QueueOptions {
  /** For how long a received message is invisible, ms. */
  readonly visibilityTimeout: number;
  /** A message that was received this often goes to `onDeadLetter` instead of being received again. */
  readonly maxReceiveCount: number;
  readonly now: () => number;
  /** Called before the message leaves the queue. */
  readonly onDeadLetter: (letter: DeadLetter) => void;
}

export interface QueueCounts {
  readonly visible: number;
  readonly inFlight: number;
  readonly dead: number;
}

/**
 * A standard SQS queue with a redrive policy, in memory: at-least-once, a visibility time-out, a receive count, dead
 * letters (Amazon SQS developer guide, "Visibility timeout" and "Dead-letter queues").
 * Nothing of it has to survive the process: at the next start the landing folder is compared with its tables, and all
 * that is not in them yet is announced again.
 */
export interface LocalQueue {
  /** Returns the message's id. */
  send(body: string): string;
  /** Up to `max` visible messages; none when there are none. */
  receive(max: number): readonly QueueMessage[];
  /** False when the receipt is no longer the latest one of its message (time-out, deleted before). */
  delete(receiptHandle: string): boolean;
  counts(): QueueCounts;
  /** Resolves when a message may be visible or the signal is aborted. */
  untilVisible(signal: AbortSignal): Promise<void>;
  /** Resolves when the queue holds fewer than `limit` messages, in flight included, or the signal is aborted. */
  untilBelow(limit: number, signal: AbortSignal): Promise<void>;
}

interface Entry {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  firstReceivedAt?: number;
  receiveCount: number;
  /** ms since the epoch; meaningful in flight only. */
  visibleAt: number;
}

export function createQueue(options: QueueOptions): LocalQueue {
  const { visibilityTimeout, maxReceiveCount, now, onDeadLetter } = options;
  const visible = createFifo<Entry>();
  /** By receipt. The time-out is the same for all, so the order of insertion is the order of expiry. */
  const inFlight = new Map<string, Entry>();
  const listeners = new Set<() => void>();
  let dead = 0;

  function changed(): void {
    for (const listener of [...listeners]) listener();
  }

  function returnExpired(): void {
    const time = now();
    for (const [receipt, entry] of inFlight) {
      if (entry.visibleAt > time) break;
      inFlight.delete(receipt);
      if (entry.receiveCount >= maxReceiveCount) bury(entry, time);
      else visible.push(entry);
    }
  }

  function bury(entry: Entry, deadAt: number): void {
    onDeadLetter({ id: entry.id, body: entry.body, receiveCount: entry.receiveCount, sentAt: entry.sentAt, deadAt });
    dead += 1;
    changed();
  }

  function take(entry: Entry): QueueMessage {
    const time = now();
    const receiptHandle = randomUUID();
    entry.receiveCount += 1;
    entry.firstReceivedAt ??= time;
    entry.visibleAt = time + visibilityTimeout;
    inFlight.set(receiptHandle, entry);
    const { id, body, receiveCount, sentAt, firstReceivedAt } = entry;
    return { id, receiptHandle, body, receiveCount, sentAt, firstReceivedAt };
  }

  function msUntilExpiry(): number | undefined {
    for (const entry of inFlight.values()) return Math.max(0, entry.visibleAt - now());
    return undefined;
  }

  function until(done: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (): void => {
        clearTimeout(timer);
        listeners.delete(check);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const check = (): void => {
        returnExpired();
        if (done() || signal.aborted) {
          finish();
          return;
        }
        clearTimeout(timer);
        const delay = msUntilExpiry();
        if (delay !== undefined) timer = setTimeout(check, delay + 1);
      };
      listeners.add(check);
      signal.addEventListener('abort', finish, { once: true });
      check();
    });
  }

  return {
    send(body) {
      const entry: Entry = { id: randomUUID(), body, sentAt: now(), receiveCount: 0, visibleAt: 0 };
      visible.push(entry);
      changed();
      return entry.id;
    },
    receive(max) {
      returnExpired();
      const messages: QueueMessage[] = [];
      while (messages.length < max) {
        const entry = visible.shift();
        if (entry === undefined) break;
        messages.push(take(entry));
      }
      return messages;
    },
    delete(receiptHandle) {
      returnExpired();
      const deleted = inFlight.delete(receiptHandle);
      if (deleted) changed();
      return deleted;
    },
    counts() {
      returnExpired();
      return { visible: visible.length(), inFlight: inFlight.size, dead };
    },
    untilVisible: (signal) => until(() => visible.length() > 0, signal),
    untilBelow: (limit, signal) => until(() => visible.length() + inFlight.size < limit, signal),
  };
}

/** A list with cheap removal at the front. */
function createFifo<T>() {
  /** Removed items at the front are cut off once they are this many and half of the list. */
  const slack = 1024;
  let items: T[] = [];
  let head = 0;
  return {
    push(item: T): void {
      items.push(item);
    },
    shift(): T | undefined {
      const item = items[head];
      if (item === undefined) return undefined;
      head += 1;
      if (head > slack && head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
    length: (): number => items.length - head,
  };
}
