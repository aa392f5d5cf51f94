import type { Action } from '../../delta/actions.ts';
import type { Commit } from '../../delta/commit-file.ts';
import { canonicalPath } from '../../delta/path.ts';
import { toRemove } from '../../delta/remove-file.ts';
import { refreshSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { type CommitOptions, commit, type Decision } from '../../delta/transaction.ts';
import type { MaintenanceEngine } from '../engine.ts';
import type { InputFile } from './input-file.ts';
import { optimizeMetrics } from './metrics.ts';
import type { PreparedBin } from './rewrite-bin.ts';
import { assertRewritable } from './rules.ts';

/**
 * The files that other writers mentioned in their commits since the run began: added again, removed, or given a deletion
 * vector. A bin with one of them was made of what is no longer so.
 */
export class TouchedFiles {
  readonly #table: TableRef;
  readonly #paths = new Set<string>();

  constructor(table: TableRef) {
    this.#table = table;
  }

  readonly record = ({ actions }: Commit): void => {
    for (const action of actions) {
      if ('add' in action) this.#paths.add(canonicalPath(this.#table, action.add.path));
      else if ('remove' in action) this.#paths.add(canonicalPath(this.#table, action.remove.path));
    }
  };

  has({ relative }: Pick<InputFile, 'relative'>): boolean {
    return this.#paths.has(relative);
  }
}

export interface CommitContext {
  readonly engine: MaintenanceEngine;
  /** The table as it was when the run began, which the bins were made for. */
  readonly base: Snapshot;
  readonly touched: TouchedFiles;
  /** As `DESCRIBE HISTORY` shows them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** No try starts after this time, ms since the epoch. */
  readonly deadline: number;
}

export interface CommittedBins {
  /** Undefined where no bin was left to commit. */
  readonly version: number | undefined;
  readonly committed: readonly PreparedBin[];
  /** Given up: another writer changed their files, or the table's columns. */
  readonly dropped: readonly PreparedBin[];
  /** The table's columns, or its partitioning, are no longer those that the bins were made for. */
  readonly isOutdated: boolean;
  readonly head: Snapshot;
}

/**
 * Commits the bins as one version: the inputs go, the new files come, no row changes. A lost race costs no reading: the
 * bins of which the winners changed a file are given up, the others are tried again. Throws what `commit` throws.
 */
export async function commitBins(
  context: CommitContext,
  head: Snapshot,
  bins: readonly PreparedBin[],
): Promise<CommittedBins> {
  const { engine, base, touched, deadline } = context;
  const fresh = await refreshSnapshot(head, { onCommit: touched.record });
  let committed: readonly PreparedBin[] = [];
  let isOutdated = false;
  const decide = (current: Snapshot | undefined): Decision => {
    isOutdated = current === undefined || !isSameShape(base, current);
    if (current !== undefined) assertRewritable(current);
    committed = isOutdated ? [] : bins.filter(({ inputs }) => !inputs.some((input) => touched.has(input)));
    return committed.length === 0 ? { kind: 'skip' } : decision(context, committed);
  };
  const options: CommitOptions = {
    deadline,
    now: () => engine.now(),
    random: () => engine.random(),
    sleep: (ms) => engine.sleep(ms),
    onCommit: touched.record,
  };
  const result = await commit(fresh, base.table, engine.reader, decide, options);
  const dropped = bins.filter((bin) => !committed.includes(bin));
  const version = result.kind === 'committed' ? result.version : undefined;
  return { version, committed, dropped, isOutdated, head: result.snapshot ?? fresh };
}

/** Columns, partitioning and properties decide what a file has to hold, and which statistics its add has. */
function isSameShape(base: Snapshot, { metadata, protocol }: Snapshot): boolean {
  if (metadata === base.metadata && protocol === base.protocol) return true;
  const shape = (snapshot: Pick<Snapshot, 'metadata' | 'protocol'>) =>
    JSON.stringify([
      snapshot.metadata.schemaString,
      snapshot.metadata.partitionColumns,
      Object.entries(snapshot.metadata.configuration).sort(([a], [b]) => (a < b ? -1 : 1)),
      snapshot.protocol,
    ]);
  return shape(base) === shape({ metadata, protocol });
}

function decision({ engine, parameters }: CommitContext, bins: readonly PreparedBin[]): Decision {
  const deletionTimestamp = engine.now();
  const removes = bins.flatMap(({ inputs }) =>
    inputs.map((input): Action => ({ remove: toRemove(input, deletionTimestamp, false) })),
  );
  const adds = bins.flatMap(({ add }): Action[] => (add === undefined ? [] : [{ add }]));
  return {
    kind: 'commit',
    actions: [...removes, ...adds],
    operation: 'OPTIMIZE',
    operationParameters: parameters,
    operationMetrics: optimizeMetrics(bins),
    isBlindAppend: false,
  };
}
