import { gathered } from '../batches.ts';
import { type Bill, billOf, DAYS } from '../cost-items.ts';
import { functionItems, MAX_EVENT_BYTES, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** A queue whose messages become rows (`queues`). */
export interface QueuePart {
  readonly name: string;
  readonly window: number;
  readonly batchSize: number;
  /** MB. */
  readonly memory: number;
  readonly fifo: boolean;
}

export interface MessageLoad {
  readonly perDay: number;
  /** Bytes of a message. */
  readonly bytes: number;
}

/** Beside the body: receipt, attributes, checksum. */
const ENVELOPE_BYTES = 700;
/** A test holds the alarms. */
const STANDING = { alarms: 6, metrics: 8 };

/** Invocations in a month, each with a commit. */
export function queueBatches({ perDay, bytes }: MessageLoad, part: QueuePart): number {
  const batchSize = Math.min(part.batchSize, Math.max(1, MAX_EVENT_BYTES / (bytes + ENVELOPE_BYTES)));
  return (perDay * DAYS) / gathered({ perDay, window: part.window, batchSize });
}

/** `sentPerDay` of the messages are sent by someone whose bill is not another part's. */
export function queueBill(load: MessageLoad, part: QueuePart, sentPerDay: number, prices: PriceList): Bill {
  const messages = load.perDay * DAYS;
  const batches = queueBatches(load, part);
  const { batchMs, messageMs, puts, lists, gets } = MEASURED.queueIngest;
  const price = part.fifo ? 'sqs.fifo' : 'sqs.standard';
  return billOf(
    `queue ${part.name}`,
    [
      ['messages: received and deleted by tens', price, 0.2 * messages],
      ['messages: sent one by one', price, sentPerDay * DAYS],
      ['looks at the logs: GETs and HEADs', 's3.get', gets * batches],
      ['a file and a commit for each batch, and LISTs', 's3.put', (puts + lists) * batches],
      ...functionItems('function', {
        invocations: batches,
        cpuMs: batchMs * batches + messageMs * messages,
        memory: part.memory,
      }),
      ...standingItems({ ...STANDING, ...(part.fifo ? { fifoQueues: 1 } : { queues: 1 }) }),
    ],
    prices,
    [
      `measured: ${batchMs} ms of CPU an invocation and ${messageMs} ms a message of 400 bytes (npm run bench:functions)`,
    ],
  );
}
