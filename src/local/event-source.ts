import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalQueue, QueueMessage } from './queue.ts';

/** The record of a queue message, as Lambda's SQS event source hands it to the function. */
export interface SqsRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, never>>;
  readonly md5OfBody: string;
  readonly eventSource: 'aws:sqs';
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** A deployed function: one call of it is one invocation. */
export type BatchHandler = (
  event: { readonly Records: SqsRecord[] },
  context: { getRemainingTimeInMillis(): number },
) => Promise<BatchResponse>;

export interface EventSourceOptions {
  readonly queue: LocalQueue;
  /** One concurrent invocation each, as one execution environment each. */
  readonly handlers: readonly BatchHandler[];
  /** Most messages of one invocation. */
  readonly batchSize: number;
  /** For how long a batch that is not full waits for more messages, ms. */
  readonly batchWindow: number;
  /** The function's time-out, ms. */
  readonly functionTimeout: number;
  readonly now: () => number;
  /** Called after every invocation. */
  readonly onBatch: (report: BatchReport) => void;
}

export interface BatchReport {
  readonly messages: number;
  readonly failed: number;
  /** What the function threw; then the whole batch has failed. */
  readonly error?: unknown;
}

export interface EventSource {
  /** No further batch is started; resolves when the invocations in flight have ended. */
  stop(): Promise<void>;
}

/**
 * Polls the queue and invokes the function, as Lambda's SQS event source mapping with `ReportBatchItemFailures` does
 * (Lambda developer guide, "Handling errors for an SQS event source"): what succeeded is deleted, what failed becomes
 * visible again after its time-out; a function that throws fails its whole batch.
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const stopping = new AbortController();
  const workers = options.handlers.map((handler) => poll(options, handler, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(workers);
    },
  };
}

async function poll(options: EventSourceOptions, handler: BatchHandler, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await options.queue.untilVisible(signal);
    if (signal.aborted) return;
    const messages = await receiveBatch(options, signal);
    if (messages.length > 0) options.onBatch(await invoke(options, handler, messages));
  }
}

/** Receives what is visible, then waits out the window unless the batch is full. A batch that has begun is handled. */
async function receiveBatch(options: EventSourceOptions, signal: AbortSignal): Promise<readonly QueueMessage[]> {
  const { queue, batchSize, batchWindow, now } = options;
  const messages = [...queue.receive(batchSize)];
  const end = now() + batchWindow;
  while (messages.length > 0 && messages.length < batchSize && !signal.aborted) {
    const left = end - now();
    if (left <= 0) break;
    await sleep(Math.min(left, WINDOW_STEP), undefined, { signal }).catch(() => undefined);
    messages.push(...queue.receive(batchSize - messages.length));
  }
  return messages;
}

/** How often a batch that waits looks for more messages, ms. */
const WINDOW_STEP = 25;

async function invoke(
  options: EventSourceOptions,
  handler: BatchHandler,
  messages: readonly QueueMessage[],
): Promise<BatchReport> {
  const deadline = options.now() + options.functionTimeout;
  const context = { getRemainingTimeInMillis: () => Math.max(0, deadline - options.now()) };
  try {
    const response = await handler({ Records: messages.map(sqsRecord) }, context);
    const failed = failedIds(response, messages);
    for (const message of messages) if (!failed.has(message.id)) options.queue.delete(message.receiptHandle);
    return { messages: messages.length, failed: failed.size };
  } catch (error) {
    return { messages: messages.length, failed: messages.length, error };
  }
}

/** Throws when the response names a message that was not in the batch: the event source takes that as a failed batch. */
function failedIds(response: BatchResponse, messages: readonly QueueMessage[]): ReadonlySet<string> {
  const known = new Set(messages.map((message) => message.id));
  const failed = new Set(response.batchItemFailures.map((failure) => failure.itemIdentifier));
  for (const id of failed) {
    if (!known.has(id)) throw new Error(`the function reported "${id}" as failed, which is no message of its batch`);
  }
  return failed;
}

function sqsRecord(message: QueueMessage): SqsRecord {
  return {
    messageId: message.id,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      SentTimestamp: String(message.sentAt),
      SenderId: 'resaca-start',
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:local:000000000000:resaca-start',
    awsRegion: 'local',
  };
}
