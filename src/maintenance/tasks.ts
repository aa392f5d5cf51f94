import type { TableRef } from '../delta/table.ts';
import type { TableMetrics } from '../ingest/telemetry.ts';
import type { SparkJobs } from '../spark/jobs.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { MaintenanceConfig } from './config.ts';
import type { MaintenanceEngine } from './engine.ts';
import type { Task } from './messages.ts';

export type TaskState = 'done' | 'more' | 'waiting';

export interface TaskOutcome {
  /**
   * `done`: all is. `more`: the time was not enough. `waiting`: another machine works on it, and there is nothing to do
   * before it is ready.
   */
  readonly state: TaskState;
  readonly metrics: Readonly<Partial<TableMetrics>>;
  /** For the log. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Looks for what events missed; see `src/recovery`. */
export interface ReconcileTask {
  /** The roots of the tables that files below a prefix belong to by the rules, those that have no log yet included. */
  roots(store: ObjectStore, bucket: string, prefix: string): AsyncIterable<string>;
  /** `turn`: how often the work was put into the queue again before; a turn goes on where the one before it stopped. */
  run(table: TableRef, deadline: number, turn: number): Promise<TaskOutcome>;
}

/** What the maintenance function works with. */
export interface TaskEngine extends MaintenanceEngine {
  readonly config: MaintenanceConfig;
  /** Where there is one: for tables that are beyond this function. Opened when it is needed. */
  openSpark?(): Promise<SparkJobs>;
  /** Where files land whose events may get lost. Opened when it is needed. */
  openReconcile?(): Promise<ReconcileTask>;
}

/** Does one kind of work on a table until it is done or the time (ms since the epoch) is up; `turn` counts from 0. */
export type RunTask = (
  task: Task,
  engine: TaskEngine,
  table: TableRef,
  deadline: number,
  turn: number,
) => Promise<TaskOutcome>;
