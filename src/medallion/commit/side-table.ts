import { randomUUID } from 'node:crypto';
import type { Action, AddFile, Metadata, Txn } from '../../delta/actions.ts';
import { newTableActions } from '../../delta/new-table.ts';
import { canonicalPath } from '../../delta/path.ts';
import { toRemove } from '../../delta/remove-file.ts';
import { type StructType, serializeSchema, typesEqual } from '../../delta/schema.ts';
import { activeFiles, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { commit, type Decision } from '../../delta/transaction.ts';
import type { Relation, WrittenFile } from '../engine.ts';
import { StepError } from '../errors.ts';
import { COMPANIONS, type StepRule } from '../rule.ts';
import { createSnapshotCache } from '../snapshot-cache.ts';
import type { StepDeps } from '../step-run.ts';
import { toAdd } from './file-actions.ts';

/** A table beside the target that belongs to it, such as the one with the rows that quality rules kept out. */
export function sideTable(target: TableRef, name: keyof typeof COMPANIONS): TableRef {
  if (target.root === '') {
    throw new StepError(
      'TARGET',
      `${target.url} is the root of its store, so that no table of its ${name} can lie beside it`,
      {
        table: target.url,
      },
    );
  }
  const ending = COMPANIONS[name];
  return { store: target.store, root: target.root + ending, url: target.url + ending };
}

type TableReading = Pick<StepDeps, 'reader' | 'latestOf' | 'snapshotAt'>;

/** The table as a batch sees it; undefined where there is none. */
export async function snapshotOf(
  table: TableRef,
  { reader, latestOf, snapshotAt }: TableReading,
): Promise<Snapshot | undefined> {
  return (snapshotAt ?? latestOf ?? createSnapshotCache(reader))(table);
}

/** A table that a step reads, as the batch sees it. Throws StepError `SOURCE_NOT_FOUND`. */
export async function tableOf(rule: Pick<StepRule, 'name'>, table: TableRef, deps: TableReading): Promise<Snapshot> {
  const snapshot = await snapshotOf(table, deps);
  if (snapshot === undefined) throw noTable(rule, table);
  return snapshot;
}

export function noTable({ name: step }: Pick<StepRule, 'name'>, { url }: TableRef): StepError {
  const message = `the step ${step} reads ${url}, and there is no table`;
  return new StepError('SOURCE_NOT_FOUND', message, { step, table: url });
}

export async function filesOf(
  snapshot: Snapshot | undefined,
  { reader }: Pick<StepDeps, 'reader'>,
): Promise<readonly AddFile[]> {
  const files: AddFile[] = [];
  if (snapshot === undefined) return files;
  for await (const adds of activeFiles(snapshot, reader, { stats: true })) files.push(...adds);
  return files;
}

/** All rows of some files of a table. */
export function relationOf(
  name: string,
  {
    table,
    schema,
    metadata,
  }: Pick<Snapshot, 'table' | 'schema'> & { readonly metadata: Pick<Metadata, 'partitionColumns'> },
  files: readonly AddFile[],
): Relation {
  return {
    name,
    schema,
    partitionColumns: metadata.partitionColumns,
    extras: [],
    files: files.map(({ path, size, partitionValues, deletionVector }) => ({
      table,
      path: canonicalPath(table, path),
      size,
      partitionValues,
      rows: { kind: 'all', ...(deletionVector && { deletionVector }) },
      constants: {},
    })),
  };
}

export interface SideCommit {
  readonly table: TableRef;
  /** As it was when `removes` were read. */
  readonly head: Snapshot | undefined;
  readonly schema: StructType;
  readonly adds: readonly WrittenFile[];
  readonly removes: readonly AddFile[];
  /** How far the batch brings the step. */
  readonly txn: Txn;
  /** What else is to be known of the batch when it is tried again. @default nothing */
  readonly notes?: readonly Txn[];
  readonly operation: string;
  readonly operationParameters: Readonly<Record<string, unknown>>;
}

/**
 * Commits rows to a side table, and makes it where there is none. `known`: an earlier try of the batch has done it already;
 * `changed`: files that were to be replaced are not known to be those that are there. Then nothing was committed.
 */
export async function commitSide(
  deps: Pick<StepDeps, 'reader' | 'now' | 'random' | 'sleep'>,
  deadline: number,
  side: SideCommit,
): Promise<'committed' | 'known' | 'changed'> {
  const { table, txn } = side;
  let skipped: 'known' | 'changed' = 'known';
  const decide = (current: Snapshot | undefined): Decision => {
    skipped = isReached(current, txn) ? 'known' : 'changed';
    const isOther = side.removes.length > 0 && current?.version !== side.head?.version;
    if (skipped === 'known' || isOther) return { kind: 'skip' };
    return sideDecision(side, current, deps.now());
  };
  const options = {
    deadline,
    now: () => deps.now(),
    random: () => deps.random(),
    sleep: (ms: number) => deps.sleep(ms),
  };
  const result = await commit(side.head, table, deps.reader, decide, options);
  return result.kind === 'committed' ? 'committed' : skipped;
}

/** Whether a table has what a batch brings it to. */
export function isReached(snapshot: Snapshot | undefined, { appId, version }: Txn): boolean {
  const reached = snapshot?.txns.get(appId)?.version;
  return reached !== undefined && reached >= version;
}

function sideDecision(side: SideCommit, current: Snapshot | undefined, now: number): Decision {
  const { table, schema, adds, removes, txn, notes = [], operation, operationParameters } = side;
  const shape: Action[] =
    current === undefined
      ? newTableActions({ schema, partitionColumns: [], configuration: {}, id: randomUUID(), createdTime: now })
      : [];
  if (current !== undefined && !typesEqual(current.schema, schema)) {
    throw new StepError(
      'TARGET',
      `${table.url} has the columns ${serializeSchema(current.schema)}, expected ${serializeSchema(schema)}: move it away, ` +
        'and it is made again',
      { table: table.url },
    );
  }
  const actions: Action[] = [
    ...shape,
    ...[txn, ...notes].map((one) => ({ txn: one })),
    ...removes.map((file) => ({ remove: toRemove(file, now, true) })),
    ...adds.map((file) => ({ add: toAdd(file) })),
  ];
  const numOutputRows = adds.reduce((sum, { rows }) => sum + rows, 0);
  const operationMetrics = { numOutputRows, numAddedFiles: adds.length, numRemovedFiles: removes.length };
  return {
    kind: 'commit',
    actions,
    operation,
    operationParameters,
    operationMetrics,
    isBlindAppend: removes.length === 0,
  };
}
