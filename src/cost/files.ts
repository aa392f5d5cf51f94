import { gathered, groupsMet } from './batches.ts';
import { type Bill, billOf, DAYS, type Position } from './cost-items.ts';
import { busyMs, functionItems, standingItems } from './lambda.ts';
import { MEASURED } from './measured.ts';
import type { PriceList } from './prices.ts';

/** Parquet files that land in S3, evenly over the day. */
export interface FileLoad {
  readonly filesPerDay: number;
  /** Tables that the files are for, each as often as another. */
  readonly tables: number;
  /** Active files of a table; what an append costs does not depend on it here, and does for others. */
  readonly tableFiles: number;
}

/** The append function as it is deployed. */
export interface AppendPart {
  /** Seconds that a batch is gathered (`append.batchingWindow`). */
  readonly window: number;
  /** Files of a batch at most (`append.batchSize`). */
  readonly batchSize: number;
  /** MB (`append.memorySize`). */
  readonly memory: number;
  readonly queue: 'standard' | 'fifo' | 'grouped';
  /** Through EventBridge instead of S3's own notifications. */
  readonly eventBridge: boolean;
}

/** What the load is in a month. */
export interface FileWork {
  readonly files: number;
  readonly batches: number;
  readonly filesPerBatch: number;
  readonly commits: number;
}

/** Lambda looks at each file again when the commit came more than a second later (docs/sizing.md). */
const SECOND_LOOK_MS = 1_000;
/** Files of a message that the group function makes, and messages of a batch (docs/group-events.md). */
const GROUP = { batch: 1_000, files: 100, messages: 10, window: 30, memory: 256 };
/** Of the pipeline as it is deployed (docs/operations.md); a test holds the alarms. EventBridge has one more. */
const ALARMS = 9;
const METRICS = 9;
const GROUP_ALARMS = 3;

export function fileWork({ filesPerDay, tables }: FileLoad, { window, batchSize }: AppendPart): FileWork {
  const files = filesPerDay * DAYS;
  const filesPerBatch = gathered({ perDay: filesPerDay, window, batchSize });
  const batches = files / filesPerBatch;
  return { files, batches, filesPerBatch, commits: batches * groupsMet(filesPerBatch, tables) };
}

/** What the append function works on, behind the group function where there is one. */
export function appendWork(load: FileLoad, part: AppendPart): FileWork {
  if (part.queue !== 'grouped') return fileWork(load, part);
  const { commits, files } = fileWork(load, { ...part, window: GROUP.window, batchSize: GROUP.batch });
  const messages = Math.max(commits, files / GROUP.files);
  const batches = messages / GROUP.messages;
  return { files, batches, filesPerBatch: files / batches, commits };
}

/** Milliseconds of an invocation with so many files. */
export function batchMs(filesPerBatch: number, memory: number): number {
  const { batchMs: fixed, fileMs } = MEASURED.append;
  return busyMs(fixed + fileMs * filesPerBatch, memory);
}

/** What the append function and its queue cost in a month. */
export function appendBill(load: FileLoad, part: AppendPart, prices: PriceList): Bill {
  const work = appendWork(load, part);
  const { files, batches, filesPerBatch, commits } = work;
  const ms = batchMs(filesPerBatch, part.memory);
  const { batchMs: fixed, fileMs } = MEASURED.append;
  const isFifo = part.queue !== 'standard';
  const events = part.queue === 'fifo' ? 'sqs.fifo' : 'sqs.standard';
  const items: Position[] = [
    ['footers: a GET for each file', 's3.get', files],
    ['second look: a HEAD for each file of a long batch', 's3.get', ms > SECOND_LOOK_MS ? files : 0],
    ['looks at tables: two HEADs for each commit', 's3.get', 2 * commits],
    ['commits: a PUT each', 's3.put', commits],
    ['events: sent one by one, received and deleted by tens', events, 1.2 * files],
    ['events through EventBridge', 'eventbridge.event', part.eventBridge ? files : 0],
    ...functionItems('function', {
      invocations: batches,
      cpuMs: fixed * batches + fileMs * files,
      memory: part.memory,
    }),
    ...standingItems({
      metrics: METRICS,
      alarms: ALARMS + (part.eventBridge ? 1 : 0),
      ...(isFifo ? { fifoQueues: 1 } : { queues: 1 }),
    }),
    ...(part.queue === 'grouped' ? groupItems(load, part, work) : []),
  ];
  return billOf('append', items, prices, [
    `measured: ${fixed} ms of CPU an invocation and ${fileMs} ms a file (docs/sizing.md)`,
    'assumed: files come evenly, one batch is gathered at a time, 2.5 kB of log an invocation',
  ]);
}

/** The group function sorts the events of a batch into messages, of one table each. */
function groupItems(load: FileLoad, part: AppendPart, { files, commits }: FileWork): Position[] {
  const { batches } = fileWork(load, { ...part, window: GROUP.window, batchSize: GROUP.batch });
  const messages = Math.max(commits, files / GROUP.files);
  const { batchMs: fixed, fileMs } = MEASURED.group;
  return [
    ['messages of a table: sent, received and deleted by tens', 'sqs.fifo', 0.4 * messages],
    ...functionItems('group function', {
      invocations: batches,
      cpuMs: fixed * batches + fileMs * files,
      memory: GROUP.memory,
    }),
    ...standingItems({ queues: 1, alarms: GROUP_ALARMS }),
  ];
}
