import type { Action, RemoveFile } from '../../delta/actions.ts';
import { assertSameTable } from '../../delta/conflict.ts';
import { canonicalPath } from '../../delta/path.ts';
import { loadSnapshot, refreshSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { commit, type Decision } from '../../delta/transaction.ts';
import type { OutputFile, WrittenFile } from '../../spark/written-file.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { TouchedFiles } from '../optimize/commit-bins.ts';
import { assertRewritable } from '../optimize/rules.ts';
import { addOf } from './add-of.ts';
import type { PlanBin, PlanHead, PlanInput } from './plan.ts';

/** Files that are to be replaced by others with the same rows. */
export interface Rewrite {
  readonly bin: Pick<PlanBin, 'partitionValues' | 'inputs'>;
  /** Without files that have no rows: where all rows were deleted there is nothing to add. */
  readonly outputs: readonly WrittenFile[];
}

/** A table on its way from the version of a plan to rewrites that are committed. */
export interface RewriteTable {
  readonly head: Snapshot;
  /** By commits since the plan's version; a file that was added once more has other rows, for its object was overwritten. */
  readonly touched: TouchedFiles;
}

export interface RewriteCommit {
  readonly table: RewriteTable;
  /** Undefined when nothing was left to commit. */
  readonly version: number | undefined;
  /** Committed now. */
  readonly committed: readonly Rewrite[];
  /** Committed by an earlier call for the same result. */
  readonly earlier: readonly Rewrite[];
  /** Another writer has removed or changed one of the inputs: the rewrite is not valid any more. */
  readonly overtaken: readonly Rewrite[];
  /** Lost races. */
  readonly conflicts: number;
}

/**
 * The table as it is now, with what happened to its files since the plan: one GET for each commit since then. Throws
 * `CONFLICT` when another table lies there now, `VERSION_NOT_FOUND` or `LOG_GAP` when the log does not reach back so far.
 */
export async function openRewriteTable(
  engine: MaintenanceEngine,
  table: TableRef,
  { version, tableId }: Pick<PlanHead, 'version' | 'tableId'>,
): Promise<RewriteTable> {
  const base = await loadSnapshot(table, engine.reader, { version });
  const touched = new TouchedFiles(table);
  const head = await refreshSnapshot(base, { onCommit: touched.record });
  assertSameTable({ metadata: { ...base.metadata, id: tableId } }, head);
  return { head, touched };
}

/**
 * Commits rewrites in one commit without a change of data. A rewrite is committed whole or not at all: only if each of its
 * inputs is in the table as it was at the version of the plan, deletion vector included. After a lost race this is checked
 * again. Throws what `commit` throws.
 */
export async function commitRewrites(
  engine: MaintenanceEngine,
  { head, touched }: RewriteTable,
  rewrites: readonly Rewrite[],
  { deadline, zOrderBy }: { readonly deadline: number; readonly zOrderBy: readonly string[] },
): Promise<RewriteCommit> {
  const { table } = head;
  let sorted = sortOut(table, touched, rewrites);
  const decide = (current: Snapshot | undefined): Decision => {
    sorted = sortOut(table, touched, rewrites);
    if (current === undefined || sorted.committed.length === 0) return { kind: 'skip' };
    assertRewritable(current);
    return decision(current, sorted.committed, zOrderBy, engine.now());
  };
  const result = await commit(head, table, engine.reader, decide, {
    deadline,
    now: () => engine.now(),
    random: () => engine.random(),
    sleep: (ms) => engine.sleep(ms),
    onCommit: touched.record,
  });
  return {
    ...sorted,
    table: { head: result.snapshot ?? head, touched },
    version: result.kind === 'committed' ? result.version : undefined,
    conflicts: result.conflicts,
  };
}

/** Whether files that were written are in the table, or were since the plan. */
export function isCommitted({ touched }: Pick<RewriteTable, 'touched'>, outputs: readonly OutputFile[]): boolean {
  return outputs.some(({ path }) => touched.has({ relative: path }));
}

function sortOut(table: TableRef, touched: TouchedFiles, rewrites: readonly Rewrite[]) {
  const committed: Rewrite[] = [];
  const earlier: Rewrite[] = [];
  const overtaken: Rewrite[] = [];
  for (const rewrite of rewrites) {
    const { bin, outputs } = rewrite;
    if (isCommitted({ touched }, outputs)) earlier.push(rewrite);
    else if (bin.inputs.some(({ path }) => touched.has({ relative: canonicalPath(table, path) })))
      overtaken.push(rewrite);
    else committed.push(rewrite);
  }
  return { committed, earlier, overtaken };
}

function decision(head: Snapshot, rewrites: readonly Rewrite[], zOrderBy: readonly string[], now: number): Decision {
  const actions: Action[] = [];
  const metrics = { numRemovedFiles: 0, numAddedFiles: 0, numRemovedBytes: 0, numAddedBytes: 0 };
  for (const { bin, outputs } of rewrites) {
    const { partitionValues, inputs } = bin;
    for (const input of inputs) {
      actions.push({ remove: removeOf(input, partitionValues, now) });
      metrics.numRemovedFiles += 1;
      metrics.numRemovedBytes += input.size;
    }
    for (const output of outputs) {
      actions.push({ add: addOf(output, { head, partitionValues, now }) });
      metrics.numAddedFiles += 1;
      metrics.numAddedBytes += output.size;
    }
  }
  return {
    kind: 'commit',
    actions,
    // As Spark words it.
    operation: 'OPTIMIZE',
    operationParameters: { predicate: [], zOrderBy: [...zOrderBy], auto: false },
    operationMetrics: metrics,
    isBlindAppend: false,
  };
}

function removeOf({ path, size, deletionVector }: PlanInput, partitionValues: PlanBin['partitionValues'], now: number) {
  return {
    path,
    deletionTimestamp: now,
    dataChange: false,
    extendedFileMetadata: true,
    partitionValues,
    size,
    ...(deletionVector !== undefined && { deletionVector }),
  } satisfies RemoveFile;
}
