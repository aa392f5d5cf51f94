import { type DeltaError, isDeltaError } from '../delta/errors.ts';
import type { TableRef } from '../delta/table.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import { SparkWorkError } from '../spark/errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { findTables } from './find-tables.ts';
import { parseSchedule, parseUpkeepMessage, type Task, type UpkeepMessage, type UpkeepSchedule } from './messages.ts';
import type { RunTask, TaskEngine, TaskState } from './tasks.ts';

/** Where work on tables waits: a FIFO queue with a message group for each table. */
export interface UpkeepQueue {
  /** `occasion` makes a message another than one that was sent for something else. Throws what keeps it from that. */
  send(message: UpkeepMessage, occasion: string): Promise<void>;
  /** Has the message delivered with `isPostponed` some minutes later. Throws what keeps it from that. */
  postpone(message: UpkeepMessage): Promise<void>;
}

export interface MaintenanceDeps extends TaskEngine {
  readonly telemetry: Telemetry;
  readonly queue: UpkeepQueue;
  readonly runTask: RunTask;
  storeFor(bucket: string): ObjectStore;
  urlOf(bucket: string, root: string): string;
}

interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

interface InvocationContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** Kept back of the invocation's time, to send on what is left instead of being cut off. ms. */
const TIME_RESERVE = 10_000;

/**
 * Turns after which work is given up until the next schedule: it would be a day of work, or a fault that repeats itself.
 * Waiting for others is longer than their own limit, 12 hours in turns of 15 minutes.
 */
const MAX_TURNS = 100;

/**
 * The maintenance function. A schedule makes it put the work for each table into the queue; a message makes it do that
 * work, one table at a time. What the time is not enough for is put into the queue again. A failure is thrown, so that the
 * message comes again; each task may be repeated.
 */
export function createMaintenanceHandler(deps: MaintenanceDeps) {
  return async function handleMaintenance(event: unknown, context: InvocationContext): Promise<void> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const schedule = parseSchedule(event);
    if (schedule !== undefined) return enqueueAll(deps, schedule);
    for (const { body, messageId } of (event as SqsEvent).Records) {
      const { isPostponed, ...message } = parseUpkeepMessage(body);
      if (isPostponed === true) await deps.queue.send(message, messageId);
      else await work(deps, message, deadline, context.awsRequestId);
    }
  };
}

async function enqueueAll(deps: MaintenanceDeps, { tasks, time }: UpkeepSchedule): Promise<void> {
  let count = 0;
  for (const place of deps.config.places) {
    // Where files do not land, events cannot get lost.
    const own = tasks.filter((task) => task !== 'reconcile' || place.landing === true);
    if (own.length === 0) continue;
    for (const prefix of place.prefixes) {
      for await (const root of tablesOf(deps, place.bucket, prefix, own)) {
        await deps.queue.send({ bucket: place.bucket, root, tasks: own }, time);
        count++;
      }
    }
  }
  deps.telemetry.log('info', 'upkeep scheduled', { tables: count, tasks });
}

/** The tables under a prefix; for a reconciliation also those of which no event has come yet. */
async function* tablesOf(
  deps: MaintenanceDeps,
  bucket: string,
  prefix: string,
  tasks: readonly Task[],
): AsyncGenerator<string, void, undefined> {
  const store = deps.storeFor(bucket);
  const known = new Set<string>();
  for await (const root of findTables(store, prefix)) {
    known.add(root);
    yield root;
  }
  if (!tasks.includes('reconcile') || deps.openReconcile === undefined) return;
  const { roots } = await deps.openReconcile();
  for await (const root of roots(store, bucket, prefix)) if (!known.has(root)) yield root;
}

async function work(deps: MaintenanceDeps, message: UpkeepMessage, deadline: number, occasion: string): Promise<void> {
  const { bucket, root } = message;
  const table: TableRef = { store: deps.storeFor(bucket), root, url: deps.urlOf(bucket, root) };
  const left: Task[] = [];
  const { turn: turnsBefore = 0 } = message;
  let isWaiting = false;
  for (const task of message.tasks) {
    // What follows a task takes its work into account, and waits with it.
    const isLater: boolean = isWaiting || deps.now() >= deadline;
    const state: TaskState = isLater ? 'more' : await runOne(deps, table, task, { deadline, turn: turnsBefore });
    isWaiting ||= state === 'waiting';
    if (state !== 'done') left.push(task);
  }
  if (left.length === 0) return;
  const turn = turnsBefore + 1;
  if (turn > MAX_TURNS) throw new Error(`${left.join(', ')} of ${table.url} came to no end in ${MAX_TURNS} turns`);
  // A message of its own: this one may have been delivered as often as it may already.
  const next = { bucket, root, tasks: left, turn };
  await (isWaiting ? deps.queue.postpone(next) : deps.queue.send(next, occasion));
}

async function runOne(
  deps: MaintenanceDeps,
  table: TableRef,
  task: Task,
  { deadline, turn }: { readonly deadline: number; readonly turn: number },
): Promise<TaskState> {
  const begin = deps.now();
  try {
    const { state, metrics, details } = await deps.runTask(task, deps, table, deadline, turn);
    const ms = deps.now() - begin;
    deps.telemetry.log('info', `${task} ${STATES[state]}`, { table: table.url, ms, ...details });
    deps.telemetry.metrics(table.url, metrics);
    return state;
  } catch (error) {
    if (isRefusal(error)) {
      deps.telemetry.log('warn', `${task} left out`, { table: table.url, reason: error.message, code: error.code });
      return 'done';
    }
    if (error instanceof SparkWorkError) {
      // Another job would be as dear, and may come to nothing in the same way: not before the next schedule.
      deps.telemetry.log('error', `${task} failed on Spark, nothing was committed`, { table: table.url, error });
      deps.telemetry.metrics(table.url, { sparkFailures: 1 });
      return 'done';
    }
    deps.telemetry.log('error', `${task} failed, its message will be delivered again`, { table: table.url, error });
    deps.telemetry.metrics(table.url, { failures: 1 });
    throw error;
  }
}

const STATES: Readonly<Record<TaskState, string>> = {
  done: 'done',
  more: 'goes on later',
  waiting: 'waits for Spark',
};

/** Whether the table is one for which the task is not done, or is there no more: to try again would not help. */
function isRefusal(error: unknown): error is DeltaError {
  const codes = ['UNSUPPORTED_READER', 'UNSUPPORTED_WRITER', 'TABLE_NOT_FOUND'] as const;
  return codes.some((code) => isDeltaError(error, code));
}
