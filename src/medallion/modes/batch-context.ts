import type { AddFile, Txn } from '../../delta/actions.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { BatchCommit } from '../commit/commit-batch.ts';
import type { TargetShape } from '../commit/target-shape.ts';
import type { EngineSession } from '../engine.ts';
import type { StepRule } from '../rule.ts';
import type { SourceBatch } from '../source/batch.ts';
import type { SourceTable } from '../source/source-table.ts';
import type { StepDeps } from '../step-run.ts';
import type { Tally } from '../tally.ts';
import type { Transformer } from './transformer.ts';

/** A batch, and what it is for. */
export interface BatchJob {
  readonly rule: StepRule;
  readonly deps: StepDeps;
  /** No try to commit starts after this time, ms since the epoch. */
  readonly deadline: number;
  readonly tally: Tally;
  /** The target, undefined where there is none yet. */
  readonly head: Snapshot | undefined;
  readonly source: SourceTable;
  readonly batch: SourceBatch;
  /** How far the batch brings the step. The first one is of the batch itself. */
  readonly txns: readonly [StepTxn, ...StepTxn[]];
  /** Versions of the step's applications when the batch began; `undefined` for one that the target does not know. */
  readonly begun: ReadonlyMap<string, number | undefined>;
}

export type StepTxn = Pick<Txn, 'appId' | 'version'>;

/** What a mode works with for one batch. */
export interface BatchContext extends BatchJob {
  readonly session: EngineSession;
  readonly transformer: Transformer;
  /** The target as the batch began. */
  readonly shape: TargetShape;
  /** `NAMES.went`, where the batch has rows that went and the mode asks for them. */
  readonly went: string | undefined;
  /** Does to rows what the quality rules ask, and gives the statement with those that stay. */
  check(from: string, columns: readonly string[]): Promise<string>;
}

/** What a mode makes of a batch: the commit, but for how far it brings the step. */
export type ModeCommit = Pick<
  BatchCommit,
  'adds' | 'cdc' | 'removesAt' | 'read' | 'operation' | 'operationParameters' | 'operationMetrics' | 'isBlindAppend'
> & {
  /** Counted once it is committed. */
  readonly rows: Readonly<Record<string, number>>;
};

/** A batch that is made ready: worked out on a target, and again on another one if that is needed. */
export type Work = (shape: TargetShape, attempt: number) => Promise<ModeCommit>;

export const NO_FILES = async (): Promise<readonly AddFile[]> => [];

/** The `txn` by which a table beside the target tells that it has what a batch brings. */
export function sideTxn({ txns, deps }: Pick<BatchJob, 'txns' | 'deps'>): Txn {
  return { ...txns[0], lastUpdated: deps.now() };
}
