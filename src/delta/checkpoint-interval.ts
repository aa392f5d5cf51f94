import type { Snapshot } from './snapshot.ts';

/**
 * Commits after which a table gets a checkpoint that says nothing of it. Spark's default is 10, delta-rs's 100; here a
 * checkpoint is made by a function beside the writers, and readers take a hundred commits in a few parallel requests.
 */
export const DEFAULT_CHECKPOINT_INTERVAL = 100;

/** Takes requests for checkpoints from those who commit to tables. */
export interface CheckpointRequests {
  /** Repeated requests for one version may count once. Throws what keeps it from being asked for. */
  send(bucket: string, root: string, version: number): Promise<void>;
}

/** Commits between two checkpoints: the table's `delta.checkpointInterval`, where it is a number from 1. */
export function checkpointInterval({ metadata }: Pick<Snapshot, 'metadata'>): number {
  const interval = Number(metadata.configuration['delta.checkpointInterval']);
  return Number.isSafeInteger(interval) && interval > 0 ? interval : DEFAULT_CHECKPOINT_INTERVAL;
}

/** Whether there are as many commits since the checkpoint, of which the snapshot knows, as the interval says. */
export function isCheckpointDue(snapshot: Pick<Snapshot, 'version' | 'segment' | 'metadata'>): boolean {
  const since = snapshot.version - (snapshot.segment.checkpoint?.version ?? -1);
  return since >= checkpointInterval(snapshot);
}

/**
 * Whether a table reached a version between `before` (undefined: the one before `snapshot`) and `snapshot` at which a
 * checkpoint is to be asked for: once in an interval, whoever wrote the newer ones.
 */
export function reachesCheckpoint(before: number | undefined, snapshot: Snapshot): boolean {
  if (!isCheckpointDue(snapshot)) return false;
  const interval = checkpointInterval(snapshot);
  const { version } = snapshot;
  return Math.floor(version / interval) > Math.floor((before ?? version - 1) / interval);
}

export interface CheckpointQuestion {
  /** Undefined where nobody is asked. */
  readonly requests: CheckpointRequests | undefined;
  readonly bucket: string;
  /** The version that was known before; undefined for none. */
  readonly before: number | undefined;
  /** The table now; undefined where there is none. */
  readonly snapshot: Snapshot | undefined;
  /** Told what keeps it from being asked for, which is no failure of the commit: the next interval asks again. */
  warn(message: string, data: Readonly<Record<string, unknown>>): void;
}

/** Asks for a checkpoint if the table has come to where one is due. Does not throw. */
export async function askForCheckpoint({
  requests,
  bucket,
  before,
  snapshot,
  warn,
}: CheckpointQuestion): Promise<void> {
  if (requests === undefined || snapshot === undefined || !reachesCheckpoint(before, snapshot)) return;
  try {
    await requests.send(bucket, snapshot.table.root, snapshot.version);
  } catch (error) {
    warn('a checkpoint is due, and could not be asked for', { table: snapshot.table.url, error });
  }
}
