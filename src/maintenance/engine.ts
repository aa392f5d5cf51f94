import type { CheckpointReader } from '../delta/checkpoint.ts';

/** What the upkeep of tables needs of the world besides the store of a table; tests put in their own time and chance. */
export interface MaintenanceEngine {
  readonly reader: CheckpointReader;
  /** ms since the epoch. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number): Promise<void>;
}
