import { commitSide, filesOf, isReached, relationOf, sideTable, snapshotOf } from '../commit/side-table.ts';
import type { TargetShape } from '../commit/target-shape.ts';
import {
  latenessOf,
  MAX_TOMBSTONE_FILES,
  TOMBSTONES,
  type TombstonePlan,
  tombstoneOutput,
  tombstoneSchema,
} from '../commit/tombstones.ts';
import { StepError } from '../errors.ts';
import { hasMap } from '../plan/apply.ts';
import { appliedCommit, applyStage, targetRelation } from '../plan/merge.ts';
import { NAMES } from '../plan/names.ts';
import { countLateSql, netStatements, recordStatements, withoutLateSql } from '../plan/records.ts';
import { keyColumns } from '../plan/skipping.ts';
import { statement } from '../plan/sql.ts';
import { countOf, runStage } from '../plan/stage.ts';
import type { MergeMode } from '../rule.ts';
import { type BatchContext, type ModeCommit, sideTxn, type Work } from './batch-context.ts';
import { assertFits, candidatesOf, type KeyFilter, keyFilter } from './candidates.ts';

/** Brings the newest record of each key into the target, and lets those go that are deleted. */
export async function prepareMerge(context: BatchContext, mode: MergeMode): Promise<Work> {
  const { session, shape } = context;
  const { schema, resultColumns, partitionColumns, allColumns } = shape;
  const isNet = context.went !== undefined && !schema.fields.some(({ type }) => hasMap(type));
  if (isNet) await runStage(session, { statements: netStatements(allColumns) });
  const came = await context.check(isNet ? NAMES.netCame : NAMES.came, allColumns);
  const plan = { mode, schema, resultColumns, partitionColumns, came, went: isNet ? NAMES.netWent : context.went };
  await runStage(session, { statements: recordStatements(plan) });
  const { incoming, late } = await withoutLate(context);
  const columns = keyColumns(mode.keys, schema, shape.partitionColumns);
  const filter = await keyFilter(context, columns, { from: incoming, name: NAMES.ranges });
  const { keys, orderBy } = mode;
  return async (target, attempt) => {
    const applied = await applyTo(context, filter, {
      shape: target,
      keys,
      ...(orderBy !== undefined && { orderBy }),
      incoming,
      attempt,
    });
    return { ...applied, rows: { ...applied.rows, rowsLate: (applied.rows.rowsLate ?? 0) + late } };
  };
}

interface ApplyTo {
  readonly shape: TargetShape;
  readonly keys: readonly string[];
  readonly orderBy?: string;
  readonly incoming: string;
  readonly attempt: number;
}

/** Works out what the incoming rows do to a target. `prepare` runs once the relation of its files is there. */
export async function applyTo(
  context: BatchContext,
  filter: KeyFilter,
  input: ApplyTo,
  prepare: () => Promise<void> = async () => {},
): Promise<ModeCommit> {
  const { session } = context;
  const { shape, attempt } = input;
  const candidates = await candidatesOf(context, shape.head, filter);
  assertFits(context, candidates, { url: shape.table.url, what: 'that may have rows of its keys' });
  await session.addRelation(targetRelation(shape, candidates, attempt));
  await prepare();
  const run = await runStage(session, applyStage(input));
  const applied = appliedCommit(shape, candidates, run);
  const { adds, cdc, removes, matched, rewritten, rows, operationMetrics } = applied;
  return {
    adds,
    cdc,
    removesAt: async () => removes,
    read: { matched, rewritten, mayHaveKeys: async (files) => (await filter.mayHave(files)).length > 0 },
    operation: 'MERGE',
    operationParameters: { keys: input.keys },
    operationMetrics,
    isBlindAppend: false,
    rows,
  };
}

/**
 * The records without those that are older than the removal of their key, which the table of tombstones remembers; the
 * batch's own removals are put into it, before the target has them.
 */
async function withoutLate(context: BatchContext): Promise<{ readonly incoming: string; readonly late: number }> {
  const { session, shape, deps } = context;
  const mode = latenessOf(context.rule);
  if (mode === undefined) return { incoming: NAMES.newest, late: 0 };
  const table = sideTable(shape.table, 'tombstones');
  const head = await snapshotOf(table, deps);
  const files = await filesOf(head, deps);
  const schema = tombstoneSchema(mode, shape.schema);
  const known = { table, schema, metadata: { partitionColumns: [] } };
  assertFits(context, files, { url: table.url, what: 'with keys that were deleted' });
  const run = await runStage(session, {
    relations: [relationOf(TOMBSTONES, known, files)],
    statements: [statement(NAMES.timely, () => withoutLateSql(mode, NAMES.newest, TOMBSTONES))],
    results: [{ name: 'late', sql: countLateSql(mode, NAMES.newest, TOMBSTONES) }],
  });
  await remember(context, { mode, schema, table, newest: NAMES.newest });
  return { incoming: NAMES.timely, late: countOf(run, 'late', 'n') };
}

/** Puts the removals of a batch into the table of tombstones, which is cut back where it has grown to many files. */
async function remember(context: BatchContext, plan: TombstonePlan): Promise<void> {
  const { session, deps, deadline, rule } = context;
  const txn = sideTxn(context);
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const head = await snapshotOf(plan.table, deps);
    if (isReached(head, txn)) return;
    const files = await filesOf(head, deps);
    const cutsBack = attempt === 0 && files.length >= MAX_TOMBSTONE_FILES;
    const adds = await session.write({
      ...tombstoneOutput(plan, 'duckdb', cutsBack),
      sparkSql: tombstoneOutput(plan, 'spark', cutsBack).sql,
    });
    if (adds.length === 0 && !cutsBack) return;
    const { table, schema } = plan;
    const removes = cutsBack ? files : [];
    const side = { table, head, schema, adds, removes, txn, operation: 'WRITE' };
    const operationParameters = { mode: cutsBack ? 'Overwrite' : 'Append', step: rule.name };
    const outcome = await commitSide(deps, deadline, { ...side, operationParameters });
    if (outcome !== 'changed') return;
  }
  throw new StepError('CONTENTION', `${plan.table.url} changed under ${MAX_TRIES} tries of the step ${rule.name}`, {
    step: rule.name,
    table: plan.table.url,
  });
}

const MAX_TRIES = 3;
