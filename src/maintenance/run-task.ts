import type { TableRef } from '../delta/table.ts';
import { checkpointTable } from './checkpoint/checkpoint-table.ts';
import type { MaintenanceConfig } from './config.ts';
import type { MaintenanceEngine } from './engine.ts';
import { cleanLog } from './log-cleanup/clean-log.ts';
import type { Task } from './messages.ts';
import { optimizeTable } from './optimize/optimize-table.ts';
import type { RunTask, TaskOutcome } from './tasks.ts';
import { vacuumTable } from './vacuum/vacuum.ts';

type Engine = MaintenanceEngine & { readonly config: MaintenanceConfig };

/** The work of the maintenance function. Throws what the tasks throw. */
export const runTask: RunTask = (task, engine, table, deadline) => RUNNERS[task](engine, table, deadline);

const RUNNERS: Readonly<Record<Task, (engine: Engine, table: TableRef, deadline: number) => Promise<TaskOutcome>>> = {
  async checkpoint(engine, table, deadline) {
    const result = await checkpointTable(engine, table, { deadline });
    const checkpoints = result.outcome === 'written' ? 1 : 0;
    return { isDone: !result.remaining, metrics: { checkpoints }, details: { ...result } };
  },

  async optimize(engine, table, deadline) {
    const { targetFileSize, minAge, maxBytes } = engine.config.optimize;
    const { partitions, leftAlone, remaining, ...result } = await optimizeTable(engine, table, {
      ...(targetFileSize !== undefined && { targetSize: targetFileSize }),
      minAge: minAge * MS_A_MINUTE,
      maxBytes,
      deadline,
    });
    return {
      // What the budget left over is for the next schedule.
      isDone: remaining.bins === 0 || engine.now() < deadline,
      metrics: { filesCompacted: result.filesRemoved, conflicts: result.conflicts },
      details: { ...result, partitions: partitions.length, leftAlone: leftAlone.slice(0, MAX_NAMED), remaining },
    };
  },

  async vacuum(engine, table, deadline) {
    const { sample: _, keptSample: __, ...result } = await vacuumTable(engine, table, { deadline });
    const filesDeleted = result.removed.files + result.orphans.files;
    return { isDone: !result.remaining, metrics: { filesDeleted }, details: result };
  },

  async cleanLog(engine, table, deadline) {
    const result = await cleanLog(engine, table, { deadline });
    return { isDone: !result.remaining, metrics: { filesDeleted: result.files }, details: { ...result } };
  },
};

const MS_A_MINUTE = 60_000;
/** Files that a line of the log names. */
const MAX_NAMED = 20;
