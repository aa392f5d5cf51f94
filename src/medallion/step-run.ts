import type { CheckpointReader } from '../delta/checkpoint.ts';
import type { OnDefinition } from '../delta/definition-requests.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import type { LogLevel } from '../ingest/telemetry.ts';
import type { EngineSession } from './engine.ts';
import type { Position } from './position.ts';
import type { TablePlace } from './rule.ts';
import type { Backfill } from './source/backfill-batch.ts';
import type { SourceTable } from './source/source-table.ts';
import type { StepSpark } from './spark/step-spark.ts';

/** What a step needs of the world; tests put in their own time and chance. */
export interface StepDeps {
  readonly reader: CheckpointReader;
  /** The table at a place, be there one or not. */
  tableAt(place: TablePlace): TableRef;
  /** A new session of the engine, of which one batch makes use; it is closed afterwards. */
  openSession(): Promise<EngineSession>;
  /** For batches that are beyond the session. Opened when it is needed. @default there is no Spark */
  openSpark?(): Promise<StepSpark>;
  /** The latest version of a table, undefined where there is none. @default it is loaded */
  latestOf?(table: TableRef): Promise<Snapshot | undefined>;
  /** What a source had at a version. @default it is opened */
  backfillOf?(source: SourceTable, version: number): Promise<Backfill>;
  /** A table as a batch has to see it; undefined where there is none. @default the latest */
  snapshotAt?(table: TableRef): Promise<Snapshot | undefined>;
  /** Absolute path or URL of the module of a function transform. @default as the rule has it */
  modulePath?(module: string): string;
  log(level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>): void;
  /** Who is told of tables of a bucket that are made or get other columns. @default nobody */
  definitionsOf?(bucket: string): OnDefinition | undefined;
  /** ms since the epoch. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number): Promise<void>;
}

export interface RunOptions {
  /** No batch and no try to commit starts after this time, ms since the epoch. */
  readonly deadline: number;
  /** Batches after which the run ends, though there is time and work left. @default no limit */
  readonly maxBatches?: number;
}

/** What a run of a step did: of all its batches together. */
export interface StepRun {
  readonly step: string;
  /**
   * `done`: all of the source, as it was when last looked at, is in the target. `more`: time or batches were used up before.
   * `waiting`: a Spark job works on the next batch, and there is nothing to do before it is done.
   */
  readonly state: 'done' | 'more' | 'waiting';
  /** How far the source is read; undefined while its first content still is. */
  readonly position: Position | undefined;
  /** Of the source's first content, what is read; undefined when all of it is, or none was to be read. */
  readonly backfill: Position | undefined;
  /** The source's latest version that was seen. */
  readonly sourceVersion: number;
  /** Versions of the source that are not read to their end. */
  readonly versionsBehind: number;
  readonly metrics: StepMetrics;
}

export interface StepMetrics {
  readonly batches: number;
  /** Commits to the target. */
  readonly commits: number;
  /** Lost races. */
  readonly conflicts: number;
  /** Of the source's files that were read. */
  readonly filesRead: number;
  readonly bytesRead: number;
  readonly filesAdded: number;
  readonly bytesAdded: number;
  readonly filesRemoved: number;
  /** Of the target. */
  readonly rowsInserted: number;
  readonly rowsUpdated: number;
  readonly rowsDeleted: number;
  /** Rows that stayed as they were and were written again, beside others of their files. */
  readonly rowsCopied: number;
  readonly rowsQuarantined: number;
  /** Records that came too late: older than their row, or than the removal of their key. */
  readonly rowsLate: number;
  /** Rows that broke a quality rule, by its name. */
  readonly violations: Readonly<Record<string, number>>;
}
