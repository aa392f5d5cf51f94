import type { Action, AddFile, Txn } from '../../delta/actions.ts';
import type { OnDefinition } from '../../delta/definition-requests.ts';
import { toRemove } from '../../delta/remove-file.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { type CommitOptions, commit, type Decision } from '../../delta/transaction.ts';
import type { WrittenFile } from '../engine.ts';
import type { StepDeps } from '../step-run.ts';
import { toAdd } from './file-actions.ts';
import type { TargetShape } from './target-shape.ts';
import { type ReadSet, TargetWinners } from './winners.ts';

export interface BatchCommit {
  readonly shape: TargetShape;
  /** How far the batch brings the step. */
  readonly txns: readonly Txn[];
  /** Versions of the step's applications when the batch began; `undefined` for one that the target does not know. */
  readonly begun: ReadonlyMap<string, number | undefined>;
  readonly adds: readonly WrittenFile[];
  readonly cdc: readonly WrittenFile[];
  /** Files of the target that go; called for each try with the target as it is then. */
  removesAt(head: Snapshot | undefined): Promise<readonly AddFile[]>;
  /** What was read of the target; undefined where nothing was. */
  readonly read: ReadSet | undefined;
  readonly operation: string;
  readonly operationParameters: Readonly<Record<string, unknown>>;
  readonly operationMetrics: Readonly<Record<string, number>>;
  readonly isBlindAppend: boolean;
}

export type BatchOutcome =
  | {
      readonly kind: 'committed';
      readonly head: Snapshot;
      readonly version: number;
      readonly removed: readonly AddFile[];
      readonly conflicts: number;
    }
  /** Another run of the step has gone on from where the batch began. */
  | { readonly kind: 'superseded'; readonly head: Snapshot | undefined; readonly conflicts: number }
  /** The table has other columns, partitions or properties now. */
  | { readonly kind: 'reshaped'; readonly head: Snapshot | undefined; readonly conflicts: number }
  /** What was read of the target is not so any more. */
  | { readonly kind: 'disturbed'; readonly head: Snapshot | undefined; readonly conflicts: number };

export interface CommitContext {
  readonly deps: Pick<StepDeps, 'reader' | 'now' | 'random' | 'sleep'>;
  /** No try starts after this time, ms since the epoch. */
  readonly deadline: number;
  readonly onDefinition: OnDefinition | undefined;
}

/**
 * Commits a batch to its target: the files that go, those that come, and the positions. After a lost race it is committed all
 * the same where the winners do not matter to it; otherwise nothing is, and the outcome says why. Throws what `commit` throws.
 */
export async function commitBatch(
  { deps, deadline, onDefinition }: CommitContext,
  batch: BatchCommit,
): Promise<BatchOutcome> {
  const { shape } = batch;
  const winners = new TargetWinners(shape.table);
  let reason: 'superseded' | 'reshaped' | 'disturbed' = 'superseded';
  let removed: readonly AddFile[] = [];
  const skip = (why: typeof reason): Decision => {
    reason = why;
    return { kind: 'skip' };
  };
  const decide = async (head: Snapshot | undefined): Promise<Decision> => {
    if (isSuperseded(batch.begun, head)) return skip('superseded');
    if (!isSameShape(shape.head, head)) return skip('reshaped');
    if (batch.read !== undefined && (await winners.disturb(batch.read))) return skip('disturbed');
    removed = await batch.removesAt(head);
    return decision(batch, removed, deps.now());
  };
  const options: CommitOptions = {
    deadline,
    now: () => deps.now(),
    random: () => deps.random(),
    sleep: (ms) => deps.sleep(ms),
    onCommit: winners.record,
    onDefinition,
  };
  const result = await commit(shape.head, shape.table, deps.reader, decide, options);
  const { conflicts } = result;
  return result.kind === 'committed'
    ? { kind: 'committed', head: result.snapshot, version: result.version, removed, conflicts }
    : { kind: reason, head: result.snapshot, conflicts };
}

function isSuperseded(begun: BatchCommit['begun'], head: Snapshot | undefined): boolean {
  for (const [appId, version] of begun) if (head?.txns.get(appId)?.version !== version) return true;
  return false;
}

/** Columns, partitions and properties decide what the files hold. */
function isSameShape(base: Snapshot | undefined, head: Snapshot | undefined): boolean {
  if (base === undefined || head === undefined) return base === head;
  if (base.metadata === head.metadata && base.protocol === head.protocol) return true;
  return shapeKey(base) === shapeKey(head);
}

function shapeKey({ metadata, protocol }: Snapshot): string {
  const configuration = Object.entries(metadata.configuration).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([metadata.schemaString, metadata.partitionColumns, configuration, protocol]);
}

function decision(batch: BatchCommit, removed: readonly AddFile[], now: number): Decision {
  const { shape, txns, adds, cdc, operation, operationParameters, operationMetrics, isBlindAppend } = batch;
  const actions: Action[] = [
    ...shape.actions,
    ...txns.map((txn) => ({ txn })),
    ...removed.map((file) => ({ remove: toRemove(file, now, true) })),
    ...adds.map((file) => ({ add: toAdd(file) })),
    ...cdc.map(({ path, partitionValues, size }) => ({ cdc: { path, partitionValues, size, dataChange: false } })),
  ];
  return { kind: 'commit', actions, operation, operationParameters, operationMetrics, isBlindAppend };
}
