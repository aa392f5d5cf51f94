import { askForCheckpoint, type CheckpointRequests } from '../delta/checkpoint-interval.ts';
import type { TableRef } from '../delta/table.ts';
import { tableOf } from './commit/side-table.ts';
import type { StepRule, TablePlace } from './rule.ts';
import type { StepDeps, StepRun } from './step-run.ts';

export interface CheckpointAsking extends Pick<StepDeps, 'reader' | 'latestOf' | 'log'> {
  /** Undefined where nobody is asked. */
  readonly requests: CheckpointRequests | undefined;
  tableAt(place: TablePlace): TableRef;
}

/**
 * Asks for a checkpoint of a run's target, if its commits have come to where one is due. A failure is logged: what was
 * committed stays, and the next interval asks again.
 */
export async function askAfterRun(
  { requests, tableAt, log, ...reading }: CheckpointAsking,
  { name, target }: StepRule,
  { metrics }: StepRun,
): Promise<void> {
  if (requests === undefined || metrics.commits === 0) return;
  try {
    const snapshot = await tableOf({ name }, tableAt(target), reading);
    await askForCheckpoint({
      requests,
      bucket: target.bucket,
      before: snapshot.version - metrics.commits,
      snapshot,
      warn: (message, data) => log('warn', message, data),
    });
  } catch (error) {
    log('warn', 'whether a checkpoint is due could not be seen', { step: name, error });
  }
}
