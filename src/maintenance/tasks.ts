import type { TableRef } from '../delta/table.ts';
import type { TableMetrics } from '../ingest/telemetry.ts';
import type { MaintenanceConfig } from './config.ts';
import type { MaintenanceEngine } from './engine.ts';
import type { Task } from './messages.ts';

export interface TaskOutcome {
  /** Whether all is done, and not only what there was time for. */
  readonly isDone: boolean;
  readonly metrics: Readonly<Partial<TableMetrics>>;
  /** For the log. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Does one kind of work on a table until it is done or the time (ms since the epoch) is up. */
export type RunTask = (
  task: Task,
  engine: MaintenanceEngine & { readonly config: MaintenanceConfig },
  table: TableRef,
  deadline: number,
) => Promise<TaskOutcome>;
