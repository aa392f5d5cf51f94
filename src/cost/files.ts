import { type Bill, billOf, DAYS, type Position } from './cost-items.ts';
import type { PriceList } from './prices.ts';

/** Parquet files that land in S3, evenly over the day. */
export interface FileLoad {
  readonly filesPerDay: number;
  /** Tables that the files are for, each as often as another. */
  readonly tables: number;
  /** Active files of a table; what an append costs does not depend on it here, and does for others. */
  readonly tableFiles: number;
  /** Seconds that a batch is gathered (`append.batchingWindow`). */
  readonly window: number;
  /** Files of a batch at most (`append.batchSize`). */
  readonly batchSize: number;
  /** MB (`append.memorySize`). */
  readonly memory: number;
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

/** MB with which a function has a whole vCPU (Lambda guide, "Configure Lambda function memory"). */
const VCPU_MEMORY = 1_769;
/** CPU of an invocation and of a file, ms; docs/sizing.md, "What a million files cost". */
const BATCH_MS = 28;
const FILE_MS = 3.73;
/** Lambda looks at each file again when the commit came more than a second later (docs/sizing.md). */
const SECOND_LOOK_MS = 1_000;
/** Commits from one checkpoint to the next, unless the table says otherwise. */
const CHECKPOINT_INTERVAL = 100;
/** A checkpoint of a million files with 2,048 MB: ms, GETs and parts (docs/checkpoints.md). */
const CHECKPOINT = { ms: 9_900, memory: 2_048, gets: 94, parts: 6 };
/** Bytes of log for an invocation with its commit: an assumption, of three lines of Lambda's and three of the function's. */
const LOG_BYTES = 2_500;
/** Long polls of Lambda on an empty queue in a month (docs/operations.md, "What it costs at rest"). */
const POLLS = 650_000;
/** Of the stack as it is deployed by default (docs/operations.md). */
const ALARMS = 10;
const METRICS = 9;

export function fileWork({ filesPerDay, tables, window, batchSize }: FileLoad): FileWork {
  const files = filesPerDay * DAYS;
  const filesPerBatch = Math.min(batchSize, Math.max(1, (filesPerDay / 86_400) * window));
  const batches = files / filesPerBatch;
  // Of so many files, each for one of the tables by chance, so many different tables are met.
  const commits = batches * tables * (1 - (1 - 1 / tables) ** filesPerBatch);
  return { files, batches, filesPerBatch, commits };
}

/** Milliseconds of an invocation with so many files. */
export function batchMs(filesPerBatch: number, memory: number): number {
  const share = Math.min(1, memory / VCPU_MEMORY);
  return (BATCH_MS + FILE_MS * filesPerBatch) / share;
}

/** What the append function, its queue and its checkpoints cost in a month. */
export function resacaFiles(load: FileLoad, prices: PriceList): Bill {
  const { files, batches, filesPerBatch, commits } = fileWork(load);
  const ms = batchMs(filesPerBatch, load.memory);
  const checkpoints = commits / CHECKPOINT_INTERVAL;
  const millions = load.tableFiles / 1e6;
  const items: Position[] = [
    ['footers: a GET for each file', 's3.get', files],
    ['second look: a HEAD for each file of a long batch', 's3.get', ms > SECOND_LOOK_MS ? files : 0],
    ['commits: a PUT and a LIST each', 's3.put', 2 * commits],
    ['events: sent one by one, received and deleted by tens', 'sqs.standard', 1.2 * files],
    ['events through EventBridge', 'eventbridge.event', load.eventBridge ? files : 0],
    ['append function: invocations', 'lambda.request', batches],
    ['append function: time', 'lambda.gbSecond', batches * (ms / 1_000) * (load.memory / 1_024)],
    ['checkpoints: GETs', 's3.get', checkpoints * (2 + CHECKPOINT.gets * millions)],
    ['checkpoints: PUTs and LISTs', 's3.put', checkpoints * (4 + CHECKPOINT.parts * millions)],
    ['checkpoints: function', 'lambda.gbSecond', checkpoints * checkpointGbSeconds(millions)],
    ['checkpoints: messages', 'sqs.fifo', 3 * checkpoints],
    ['polls on the empty queues', 'sqs.standard', POLLS],
    ['polls on the empty FIFO queue', 'sqs.fifo', POLLS],
    ['logs', 'cloudwatch.logs', (batches * LOG_BYTES) / 1e9],
    ['metrics', 'cloudwatch.metric', METRICS],
    ['alarms', 'cloudwatch.alarm', ALARMS],
    ['dashboard', 'cloudwatch.dashboard', 1],
  ];
  return billOf('resaca', items, prices, [
    `measured: ${BATCH_MS} ms of CPU an invocation and ${FILE_MS} ms a file (docs/sizing.md), checkpoints (docs/checkpoints.md)`,
    'assumed: files come evenly, one batch is gathered at a time, 2.5 kB of log an invocation',
  ]);
}

/** At least half a second, to start and to look. */
function checkpointGbSeconds(millions: number): number {
  return ((500 + CHECKPOINT.ms * millions) / 1_000) * (CHECKPOINT.memory / 1_024);
}

/** Milliseconds of a warm invocation of oxbow with 10 new files, and its memory, by active files (docs/performance.md). */
const OXBOW = [
  { files: 10, ms: 617, memory: 128 },
  { files: 1_000, ms: 610, memory: 128 },
  { files: 100_000, ms: 1_152, memory: 512 },
  { files: 1_000_000, ms: 5_452, memory: 1_792 },
] as const;

/** What oxbow's function costs with the same files, by tens, which is Lambda's default, and a checkpoint before each. */
export function oxbowFiles(load: FileLoad, prices: PriceList): Bill {
  const { files, filesPerBatch } = fileWork({ ...load, batchSize: Math.min(10, load.batchSize) });
  const batches = files / filesPerBatch;
  const { commits } = fileWork({ ...load, batchSize: filesPerBatch });
  const { ms, memory } = oxbowAt(load.tableFiles);
  const items: Position[] = [
    ['GETs: 21 for each commit, the footers of 10 files among them', 's3.get', 21 * commits],
    ['commits: a PUT and three LISTs each', 's3.put', 4 * commits],
    ['events: sent one by one, received and deleted by tens', 'sqs.standard', 1.2 * files],
    ['function: invocations', 'lambda.request', batches],
    ['function: time', 'lambda.gbSecond', commits * (ms / 1_000) * (memory / 1_024)],
    ['polls on the empty queue', 'sqs.standard', POLLS],
  ];
  return billOf('oxbow', items, prices, [
    `measured: ${Math.round(ms)} ms a commit of a table of ${load.tableFiles.toLocaleString('en')} files with 20 ms a request (docs/performance.md)`,
    'assumed: batches of 10 files; no alarms, metrics, checkpoints and lock table counted',
  ]);
}

/** Between two measurements by the logarithm of the files, beyond the last in proportion. */
function oxbowAt(files: number): { readonly ms: number; readonly memory: number } {
  const next = OXBOW.findIndex((one) => one.files >= files);
  const last = OXBOW[OXBOW.length - 1];
  if (next === -1 && last !== undefined) return { ms: (last.ms * files) / last.files, memory: last.memory };
  const to = OXBOW[next] ?? OXBOW[0];
  const from = OXBOW[Math.max(0, next - 1)] ?? to;
  if (to === from) return to;
  const share = (files - from.files) / (to.files - from.files);
  return { ms: from.ms + share * (to.ms - from.ms), memory: to.memory };
}
