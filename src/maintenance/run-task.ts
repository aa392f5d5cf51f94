import type { TableRef } from '../delta/table.ts';
import { checkpointTable } from './checkpoint/checkpoint-table.ts';
import { cleanLog } from './log-cleanup/clean-log.ts';
import type { Task } from './messages.ts';
import { optimizeTable } from './optimize/optimize-table.ts';
import { optimizeOnSpark } from './spark/optimize-on-spark.ts';
import { findOptimizeRun } from './spark/run-folder.ts';
import type { RunTask, TaskEngine, TaskOutcome } from './tasks.ts';
import { vacuumTable } from './vacuum/vacuum.ts';

/** The work of the maintenance function. Throws what the tasks throw. */
export const runTask: RunTask = (task, engine, table, deadline, turn) => RUNNERS[task](engine, table, deadline, turn);

type Runner = (engine: TaskEngine, table: TableRef, deadline: number, turn: number) => Promise<TaskOutcome>;

const RUNNERS: Readonly<Record<Task, Runner>> = {
  async reconcile({ openReconcile }, table, deadline, turn) {
    if (openReconcile === undefined) {
      return { state: 'done', metrics: {}, details: { leftOut: 'the configuration has no part reconcile' } };
    }
    return (await openReconcile()).run(table, deadline, turn);
  },

  async checkpoint(engine, table, deadline) {
    const result = await checkpointTable(engine, table, { deadline });
    const checkpoints = result.outcome === 'written' ? 1 : 0;
    return { state: result.remaining ? 'more' : 'done', metrics: { checkpoints }, details: { ...result } };
  },

  async optimize(engine, table, deadline) {
    const { openSpark } = engine;
    if (openSpark === undefined) return (await optimizeHere(engine, table, deadline)).outcome;
    const isRunning = (await findOptimizeRun(table)) !== undefined;
    if (!isRunning) {
      const { maxBacklog } = engine.config.optimize;
      const { outcome, isBeyond } = await optimizeHere(engine, table, deadline, maxBacklog);
      if (!isBeyond) return outcome;
    }
    return optimizeThere(engine, openSpark, table, deadline);
  },

  async vacuum(engine, table, deadline) {
    const { sample: _, keptSample: __, ...result } = await vacuumTable(engine, table, { deadline });
    const filesDeleted = result.removed.files + result.orphans.files;
    return { state: result.remaining ? 'more' : 'done', metrics: { filesDeleted }, details: result };
  },

  async cleanLog(engine, table, deadline) {
    const result = await cleanLog(engine, table, { deadline });
    return {
      state: result.remaining ? 'more' : 'done',
      metrics: { filesDeleted: result.files },
      details: { ...result },
    };
  },
};

/** Compacts in this function; not at all where there is more to do than `maxBacklog`. */
async function optimizeHere(
  engine: TaskEngine,
  table: TableRef,
  deadline: number,
  maxBacklog?: number,
): Promise<{ readonly outcome: TaskOutcome; readonly isBeyond: boolean }> {
  const { targetFileSize, minAge, maxBytes } = engine.config.optimize;
  const { partitions, leftAlone, remaining, isBeyond, ...result } = await optimizeTable(engine, table, {
    ...(targetFileSize !== undefined && { targetSize: targetFileSize }),
    ...(maxBacklog !== undefined && { maxBacklog }),
    minAge: minAge * MS_A_MINUTE,
    maxBytes,
    deadline,
  });
  const outcome: TaskOutcome = {
    // What the budget left over is for the next schedule.
    state: remaining.bins === 0 || engine.now() < deadline ? 'done' : 'more',
    metrics: { filesCompacted: result.filesRemoved, conflicts: result.conflicts },
    details: { ...result, partitions: partitions.length, leftAlone: leftAlone.slice(0, MAX_NAMED), remaining },
  };
  return { outcome, isBeyond };
}

/** Begins a run on Spark, or goes on with the one that there is, without waiting for its job. */
async function optimizeThere(
  engine: TaskEngine,
  openSpark: NonNullable<TaskEngine['openSpark']>,
  table: TableRef,
  deadline: number,
): Promise<TaskOutcome> {
  const { targetFileSize, minAge } = engine.config.optimize;
  const options = {
    ...(targetFileSize !== undefined && { targetFileSize }),
    before: engine.now() - minAge * MS_A_MINUTE,
    deadline,
  };
  const jobs = await openSpark();
  const result = await optimizeOnSpark(engine, table, options, { ...jobs, wait: (id) => jobs.wait(id, 0) });
  const states = { nothing: 'done', running: 'waiting', committing: 'more', done: 'done' } as const;
  return {
    state: states[result.state],
    metrics: { filesCompacted: result.filesRemoved, conflicts: result.conflicts },
    details: { ...result, engine: 'spark' },
  };
}

const MS_A_MINUTE = 60_000;
/** Files that a line of the log names. */
const MAX_NAMED = 20;
