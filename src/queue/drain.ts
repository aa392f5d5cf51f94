import { mapConcurrently } from '../ingest/concurrently.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import type { DrainConfig } from './config.ts';
import type { QueueMessage } from './message.ts';

/** A message that the function has received itself, and has to delete itself. */
export interface ReceivedMessage extends QueueMessage {
  readonly receipt: string;
}

/** The queue that the function is called for. All methods throw what the service says. */
export interface MessageQueue<M extends ReceivedMessage = ReceivedMessage> {
  /** Up to ten messages, which are hidden for `hidden` s; none when none came within `wait` s. */
  receive(options: { readonly hidden: number; readonly wait: number }): Promise<M[]>;
  /** Deletes messages; returns those that are gone. */
  delete(messages: readonly M[]): Promise<M[]>;
}

/** Receivers, and deleters, that work at the same time. */
const CONCURRENCY = 8;
/** Messages of one request (SQS API reference, "ReceiveMessage"). */
const REQUEST = 10;
/** s that messages stay hidden beyond the invocation: what it leaves behind comes again after that. */
const HIDDEN_BEYOND = 30;

export interface DrainOptions {
  readonly limits: DrainConfig;
  readonly telemetry: Telemetry;
  now(): number;
  /** No request starts after this, ms since the epoch. */
  readonly until: number;
  /** When the invocation ends, ms since the epoch. */
  readonly end: number;
}

/**
 * Receives messages beside those that an invocation was given, until the queue shows none, or there is enough, or the time for
 * it is over. What one request brings may go beyond the limits. They are hidden from others until the invocation has
 * ended. A queue that cannot be asked has none.
 */
export async function drainQueue<M extends ReceivedMessage>(
  queue: MessageQueue<M>,
  given: readonly QueueMessage[],
  { limits, telemetry, now, until, end }: DrainOptions,
): Promise<M[]> {
  const drained: M[] = [];
  let count = given.length;
  let bytes = given.reduce((sum, { body }) => sum + body.length, 0);
  let isOver = false;
  const receive = async (): Promise<void> => {
    while (!isOver && count < limits.maxMessages && bytes < limits.maxBytes && now() < until) {
      const hidden = Math.ceil(Math.max(end - now(), 0) / 1_000) + HIDDEN_BEYOND;
      count += REQUEST;
      const messages = await queue.receive({ hidden, wait: 0 });
      count += messages.length - REQUEST;
      drained.push(...messages);
      for (const { body } of messages) bytes += body.length;
      if (messages.length === 0) isOver = true;
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, receive));
  } catch (error) {
    telemetry.log('warn', 'the queue could not be asked for more messages', { error });
    isOver = true;
  }
  return drained;
}

/**
 * Deletes messages that are done. What cannot be deleted comes again, and is known then. No request starts after `until`, ms
 * since the epoch.
 */
export async function deleteDone<M extends ReceivedMessage>(
  queue: MessageQueue<M>,
  messages: readonly M[],
  { telemetry, now, until }: Pick<DrainOptions, 'telemetry' | 'now' | 'until'>,
): Promise<void> {
  const batches = Array.from({ length: Math.ceil(messages.length / REQUEST) }, (_, index) =>
    messages.slice(index * REQUEST, (index + 1) * REQUEST),
  );
  let kept = 0;
  let reason: unknown;
  await mapConcurrently(batches, CONCURRENCY, async (batch) => {
    try {
      if (now() < until) kept += batch.length - (await queue.delete(batch)).length;
      else kept += batch.length;
    } catch (error) {
      kept += batch.length;
      reason = error;
    }
  });
  if (kept === 0) return;
  telemetry.log('warn', 'messages that are in the table could not be deleted, and come again', {
    messages: kept,
    ...(reason !== undefined && { error: reason }),
  });
}
