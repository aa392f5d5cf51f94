import type { CheckpointReader } from '../delta/checkpoint.ts';
import { askForCheckpoint, type CheckpointRequests } from '../delta/checkpoint-interval.ts';
import { loadSnapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import type { StepRule, TablePlace } from './rule.ts';
import type { StepDeps, StepRun } from './step-run.ts';

export interface CheckpointAsking {
  /** Undefined where nobody is asked. */
  readonly requests: CheckpointRequests | undefined;
  readonly reader: CheckpointReader;
  tableAt(place: TablePlace): TableRef;
  readonly log: StepDeps['log'];
}

/**
 * Asks for a checkpoint of a run's target, if its commits have come to where one is due. A failure is logged: what was
 * committed stays, and the next interval asks again.
 */
export async function askAfterRun(
  { requests, reader, tableAt, log }: CheckpointAsking,
  { name, target }: StepRule,
  { metrics }: StepRun,
): Promise<void> {
  if (requests === undefined || metrics.commits === 0) return;
  try {
    const snapshot = await loadSnapshot(tableAt(target), reader);
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
