import { type Bill, billOf, DAYS, HOURS } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The function of all webhooks. */
export interface WebhookPart {
  /** Secrets of all of them. */
  readonly secrets: number;
  /** MB. */
  readonly memory: number;
}

export interface RequestLoad {
  readonly perDay: number;
  /** Bytes of a body, with one message. */
  readonly bytes: number;
}

/** SQS bills each 64 kB of a message (SQS pricing). */
const CHUNK_BYTES = 65_536;
/** An environment reads each secret once in five minutes (docs/webhook.md); so many environments are assumed. */
const SECRET_READS = (HOURS * 60) / 5;
/** Lambda's own lines: of a request that is taken the function says nothing. An assumption. */
const LOG_BYTES = 600;
/** A test holds them. */
const ALARMS = 4;

export function webhookBill({ perDay, bytes }: RequestLoad, { secrets, memory }: WebhookPart, prices: PriceList): Bill {
  const requests = perDay * DAYS;
  const { requestMs, waitMs } = MEASURED.webhook;
  return billOf(
    'webhooks',
    [
      ...functionItems('function', { invocations: requests, cpuMs: requests * requestMs, memory, logBytes: LOG_BYTES }),
      ['function: waiting for the queue', 'lambda.gbSecond', requests * (waitMs / 1_000) * (memory / 1_024)],
      ['messages: sent to the queue, each 64 kB', 'sqs.standard', requests * Math.ceil(bytes / CHUNK_BYTES)],
      ['secrets', 'secrets.secret', secrets],
      ['secrets: read', 'secrets.call', requests > 0 ? secrets * SECRET_READS : 0],
      ...standingItems({ alarms: ALARMS }),
    ],
    prices,
    [
      `measured: ${requestMs} ms of CPU a request (npm run bench:functions)`,
      `assumed: ${waitMs} ms of waiting for SQS, one environment; rows are in the bill of the queue`,
    ],
  );
}
