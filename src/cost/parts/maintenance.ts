import { type Bill, billOf, DAYS, HOURS, type Position } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The maintenance function: hours between two runs of what is on; checkpoints are always. */
export interface MaintenancePart {
  /** MB. */
  readonly memory: number;
  readonly optimizeEvery?: number;
  readonly vacuumEvery?: number;
  readonly cleanLogEvery?: number;
  readonly reconcileEvery?: number;
}

/** The tables that are kept up. */
export interface TableLoad {
  readonly tables: number;
  /** Active files of a table. */
  readonly tableFiles: number;
  /** Of all tables, in a month. */
  readonly commits: number;
  /** Files that come into tables in a day, and bytes of all of them together. */
  readonly newFilesPerDay: number;
  readonly newBytesPerDay: number;
}

/** Commits from one checkpoint to the next, unless the table says otherwise. */
const CHECKPOINT_INTERVAL = 100;
/** Keys of an answer to a LIST (S3 API reference, ListObjectsV2). */
const KEYS = 1_000;
/** Bytes from which on a file is large enough to be left alone: half of the size that is aimed at. */
const LARGE_FILE = 64 * 2 ** 20;
/** Bytes of a part of an upload, each of which is a request (docs/optimize.md). */
const UPLOAD_PART = 8 * 2 ** 20;
const MB = 1e6;

export function maintenanceBill(load: TableLoad, part: MaintenancePart, prices: PriceList): Bill {
  const hasSchedules = [part.optimizeEvery, part.vacuumEvery, part.cleanLogEvery, part.reconcileEvery].some(
    (every) => every !== undefined,
  );
  const { checkpoint } = MEASURED;
  return billOf(
    'maintenance',
    [
      ...checkpointItems(load, part),
      ...optimizeItems(load, part),
      ...vacuumItems(load, part),
      ...cleanLogItems(load, part),
      ...reconcileItems(load, part),
      ...standingItems({ fifoQueues: 1, alarms: hasSchedules ? 2 : 1, metrics: hasSchedules ? 4 : 1 }),
    ],
    prices,
    [
      `measured: a checkpoint of a million files ${checkpoint.millionMs} ms (docs/checkpoints.md)` +
        (hasSchedules ? '; the other tasks as their pages say, and npm run bench:functions' : ''),
      'assumed: a checkpoint each 100 commits',
      ...(part.optimizeEvery === undefined ? [] : ['assumed: each new file below 64 MiB is put together once']),
    ],
  );
}

function checkpointItems({ commits, tableFiles }: TableLoad, { memory }: MaintenancePart): Position[] {
  const count = commits / CHECKPOINT_INTERVAL;
  const millions = tableFiles / 1e6;
  const { baseMs, millionMs, gets, millionGets, puts, millionPuts } = MEASURED.checkpoint;
  return [
    ['checkpoints: GETs', 's3.get', count * (gets + millionGets * millions)],
    ['checkpoints: PUTs and LISTs', 's3.put', count * (puts + millionPuts * millions)],
    ['checkpoints: messages', 'sqs.fifo', 3 * count],
    ...functionItems('checkpoints', { invocations: count, cpuMs: count * (baseMs + millionMs * millions), memory }),
  ];
}

function optimizeItems(load: TableLoad, { optimizeEvery, memory }: MaintenancePart): Position[] {
  if (optimizeEvery === undefined) return [];
  const runs = (HOURS / optimizeEvery) * load.tables;
  const size = load.newBytesPerDay / Math.max(1, load.newFilesPerDay);
  const isSmall = size < LARGE_FILE;
  const files = isSmall ? load.newFilesPerDay * DAYS : 0;
  const bytes = isSmall ? load.newBytesPerDay * DAYS : 0;
  const { fileMs, mbMs, fileGets } = MEASURED.optimize;
  const commits = Math.min(runs, files);
  return [
    ['optimize: GETs', 's3.get', fileGets * files + bytes / LARGE_FILE],
    ['optimize: PUTs and LISTs', 's3.put', 3 * runs + bytes / UPLOAD_PART + 3 * commits],
    ['optimize: messages', 'sqs.fifo', 3 * runs],
    ...functionItems('optimize', {
      invocations: runs,
      cpuMs: MEASURED.task.runMs * runs + fileMs * files + (mbMs * bytes) / MB,
      memory,
    }),
  ];
}

function vacuumItems({ tables, tableFiles }: TableLoad, { vacuumEvery, memory }: MaintenancePart): Position[] {
  if (vacuumEvery === undefined) return [];
  const runs = (HOURS / vacuumEvery) * tables;
  const millions = tableFiles / 1e6;
  return [
    ['vacuum: GETs', 's3.get', runs * (5 + MEASURED.checkpoint.millionGets * millions)],
    ['vacuum: LISTs', 's3.put', runs * (3 + tableFiles / KEYS)],
    ['vacuum: messages', 'sqs.fifo', 3 * runs],
    ...functionItems('vacuum', {
      invocations: runs,
      cpuMs: runs * (MEASURED.task.runMs + MEASURED.vacuum.millionMs * millions),
      memory,
    }),
  ];
}

function cleanLogItems({ tables }: TableLoad, { cleanLogEvery, memory }: MaintenancePart): Position[] {
  if (cleanLogEvery === undefined) return [];
  const runs = (HOURS / cleanLogEvery) * tables;
  return [
    ['clean-up of logs: GETs', 's3.get', 3 * runs],
    ['clean-up of logs: LISTs', 's3.put', 4 * runs],
    ['clean-up of logs: messages', 'sqs.fifo', 3 * runs],
    ...functionItems('clean-up of logs', { invocations: runs, cpuMs: runs * MEASURED.task.runMs, memory }),
  ];
}

function reconcileItems({ tables, tableFiles }: TableLoad, { reconcileEvery, memory }: MaintenancePart): Position[] {
  if (reconcileEvery === undefined) return [];
  const runs = (HOURS / reconcileEvery) * tables;
  const millions = tableFiles / 1e6;
  return [
    ['reconcile: GETs', 's3.get', runs * (5 + MEASURED.reconcile.millionGets * millions)],
    ['reconcile: LISTs', 's3.put', runs * (3 + tableFiles / KEYS)],
    ['reconcile: messages', 'sqs.fifo', 3 * runs],
    ...functionItems('reconcile', {
      invocations: runs,
      cpuMs: runs * (MEASURED.task.runMs + MEASURED.reconcile.millionMs * millions),
      memory,
    }),
  ];
}
