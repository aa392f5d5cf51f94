import type { CheckpointReader } from '../delta/checkpoint.ts';
import type { Telemetry } from '../ingest/telemetry.ts';

/** What loading needs of the world besides the stores; tests put in their own time. */
export interface LoadEngine {
  readonly reader: CheckpointReader;
  readonly telemetry: Telemetry;
  /** ms since the epoch. */
  now(): number;
  sleep(ms: number): Promise<void>;
}
