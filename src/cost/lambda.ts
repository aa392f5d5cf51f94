import type { Position } from './cost-items.ts';

/** What a function does in a month. */
export interface FunctionWork {
  readonly invocations: number;
  /** CPU of all of them, ms. */
  readonly cpuMs: number;
  /** MB. */
  readonly memory: number;
  /** Bytes of log of an invocation. @default what is assumed of one with its commit */
  readonly logBytes?: number;
}

/** MB with which a function has a whole vCPU (Lambda guide, "Configure Lambda function memory"). */
const VCPU_MEMORY = 1_769;
/** Bytes of log for an invocation with its work: an assumption, of three lines of Lambda's and three of the function's. */
const LOG_BYTES = 2_500;
/** Long polls of Lambda on an empty queue in a month (docs/operations.md, "What it costs at rest"). */
const POLLS = 650_000;
/** An event of an invocation, as bytes (Lambda guide, "Lambda quotas"). */
export const MAX_EVENT_BYTES = 6e6;

/** Milliseconds that so much CPU takes: a function has CPU in proportion to its memory, and uses one core. */
export function busyMs(cpuMs: number, memory: number): number {
  return cpuMs / Math.min(1, memory / VCPU_MEMORY);
}

/** Invocations, time and logs. */
export function functionItems(
  name: string,
  { invocations, cpuMs, memory, logBytes = LOG_BYTES }: FunctionWork,
): Position[] {
  return [
    [`${name}: invocations`, 'lambda.request', invocations],
    [`${name}: time`, 'lambda.gbSecond', (busyMs(cpuMs, memory) / 1_000) * (memory / 1_024)],
    [`${name}: logs`, 'cloudwatch.logs', (invocations * logBytes) / 1e9],
  ];
}

/** What a part has, whether there is work or not. */
export interface Standing {
  /** Queues that Lambda polls. @default 0 */
  readonly queues?: number;
  /** @default 0 */
  readonly fifoQueues?: number;
  /** Metrics that alarms look at. */
  readonly alarms: number;
  /** Metrics of the pipeline's own that it reports while there is work. @default 0 */
  readonly metrics?: number;
}

export function standingItems({ queues = 0, fifoQueues = 0, alarms, metrics = 0 }: Standing): Position[] {
  return [
    ['polls on the empty queue', 'sqs.standard', queues * POLLS],
    ['polls on the empty FIFO queue', 'sqs.fifo', fifoQueues * POLLS],
    ['metrics', 'cloudwatch.metric', metrics],
    ['alarms', 'cloudwatch.alarm', alarms],
  ];
}
