import type { TableRef } from '../delta/table.ts';
import { AdoptionPausedError } from '../ingest/adopt.ts';
import type { TableEngine } from '../ingest/engine.ts';
import type { ReconcileSettings } from '../maintenance/reconcile-config.ts';
import type { ReconcileTask, TaskOutcome } from '../maintenance/tasks.ts';
import { landingRoots } from './landing-roots.ts';
import { readState, writeState } from './reconcile-state.ts';
import { type ReconcileResult, reconcileTable, suffixFilter } from './reconcile-table.ts';
import { StreamTableError } from './stream-table.ts';

export interface ReconcileTaskDeps extends Omit<TableEngine, 'config'> {
  readonly settings: ReconcileSettings | undefined;
}

const MS_A_MINUTE = 60_000;
/** Files that a line of the log names. */
const MAX_NAMED = 20;

/** Reconciling as a task of the maintenance function, by the rules of the append function. */
export function createReconcileTask({ settings, ...world }: ReconcileTaskDeps): ReconcileTask {
  if (settings === undefined) throw new Error('the configuration has no part reconcile');
  const { minAge, deletes, suffixes, append } = settings;
  const engine: TableEngine = { ...world, config: append };
  return {
    roots: (store, bucket, prefix) => landingRoots(store, bucket, prefix, append, suffixFilter(suffixes)),
    async run(table, deadline, turn) {
      const state = await readState(table, engine.now());
      // By a message that was delivered again two messages may be on their way: they share the turns that are left.
      if (turn > 0 && state?.isDone === true) return { state: 'done', metrics: {}, details: { leftOut: 'it is done' } };
      const after = state?.isDone === false ? state.after : undefined;
      try {
        const result = await reconcileTable(engine, table, {
          minAge: minAge * MS_A_MINUTE,
          suffixes,
          deadline,
          ...(after !== undefined && { after }),
          ...(deletes !== undefined && { deletes }),
        });
        report(engine, result);
        await keepPosition(engine, table, result, after);
        return outcomeOf(result);
      } catch (error) {
        if (error instanceof AdoptionPausedError) return { state: 'more', metrics: {}, details: { ...error.progress } };
        if (!(error instanceof StreamTableError)) throw error;
        return leftOut(engine, table, error);
      }
    },
  };
}

/** Before the message for the next turn is sent: a crash in between repeats nothing. One turn that is enough leaves no trace. */
async function keepPosition(
  { now }: TableEngine,
  table: TableRef,
  { remaining, position }: ReconcileResult,
  after: string | undefined,
): Promise<void> {
  const updatedAt = new Date(now()).toISOString();
  if (position !== undefined) await writeState(table, { after: position, isDone: false, updatedAt });
  else if (!remaining && after !== undefined) await writeState(table, { after, isDone: true, updatedAt });
}

function outcomeOf({ samples: _, ...result }: ReconcileResult): TaskOutcome {
  return {
    state: isStuck(result) || !result.remaining ? 'done' : 'more',
    metrics: { filesMissed: foundBy(result), filesUnknown: result.unknown },
    details: result,
  };
}

/** The next turn would come no further than this one. */
function isStuck({
  remaining,
  position,
  commits,
}: Pick<ReconcileResult, 'remaining' | 'position' | 'commits'>): boolean {
  return remaining && position === undefined && commits === 0;
}

/** Files that no event has told of: what was committed by somebody else meanwhile is none. */
function foundBy({
  missed,
  skipped,
  removedFiles,
}: Pick<ReconcileResult, 'missed' | 'skipped' | 'removedFiles'>): number {
  return Math.max(missed - skipped, 0) + removedFiles;
}

function report({ telemetry }: TableEngine, result: ReconcileResult): void {
  const { table, samples } = result;
  const log = (message: string, count: number, paths: readonly string[]) => {
    if (count > 0) telemetry.log('warn', message, { table, count, paths: paths.slice(0, MAX_NAMED) });
  };
  log('events missed files', foundBy(result), [...samples.missed, ...samples.gone]);
  log('files left alone: the log does not tell whether they were in the table once', result.unknown, samples.unknown);
  log('active files are gone that no event is about: the table cannot be read', result.lost, samples.lost);
  if (isStuck(result)) {
    const message = 'the time was not enough to read the log: reconcile this table by the command';
    telemetry.log('error', message, { table, listed: result.listed });
  }
}

function leftOut({ telemetry }: TableEngine, { url }: TableRef, error: StreamTableError): TaskOutcome {
  telemetry.log('warn', 'reconcile left out', { table: url, reason: error.message, code: error.code });
  return { state: 'done', metrics: {}, details: { leftOut: error.code } };
}
