import type { CheckpointReader } from '../delta/checkpoint.ts';
import type { AppendConfig } from './config.ts';
import type { Telemetry } from './telemetry.ts';

/** What the ingest needs of the world besides the store of a table; tests put in their own time and chance. */
export interface TableEngine {
  readonly reader: CheckpointReader;
  readonly config: AppendConfig;
  readonly telemetry: Telemetry;
  /** ms since the epoch. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number): Promise<void>;
}
