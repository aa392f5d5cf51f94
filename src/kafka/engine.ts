import type { CheckpointReader } from '../delta/checkpoint.ts';
import type { OnDefinition } from '../delta/definition-requests.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import type { KafkaConfig } from './config.ts';

/** What writing needs of the world besides the store of a table; tests put in their own time and chance. */
export interface KafkaEngine extends RowEngine {
  readonly config: KafkaConfig;
}

/** The part of it that rows of any source need. */
export interface RowEngine {
  readonly reader: CheckpointReader;
  /** `application` is the name of the writer in commits. */
  readonly config: Pick<KafkaConfig, 'application'>;
  readonly telemetry: Telemetry;
  /** Told when a commit makes a table or changes its metadata. @default nobody */
  readonly onDefinition?: OnDefinition | undefined;
  /** ms since the epoch. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number): Promise<void>;
}
