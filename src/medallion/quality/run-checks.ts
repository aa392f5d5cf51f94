import type { StructType } from '../../delta/schema.ts';
import { commitSide, isReached, sideTable, snapshotOf } from '../commit/side-table.ts';
import { StepError } from '../errors.ts';
import { type BatchContext, type BatchJob, sideTxn } from '../modes/batch-context.ts';
import { COLUMNS, NAMES } from '../plan/names.ts';
import { countOf, runStage } from '../plan/stage.ts';
import { checkStatements, PASSED, violationsSql } from './check.ts';
import { QUARANTINE_SCHEMA, quarantineOutput } from './quarantine-table.ts';

type CheckContext = Pick<BatchContext, 'session' | 'shape' | 'transformer'> &
  BatchJob & {
    /** Versions of the lookups that the batch has, by their names. */
    readonly lookups: ReadonlyMap<string, number>;
  };

/**
 * Versions of the lookups, by their names, with which an earlier try of a batch kept rows out. Another try has to judge by the same:
 * a row that only breaks a rule by the newer lookup would be in neither table.
 */
export async function lookupsOfQuarantine(job: BatchJob): Promise<ReadonlyMap<string, number>> {
  const { rule, deps } = job;
  if (rule.lookups.length === 0 || !rule.quality.some(({ action }) => action === 'quarantine')) return new Map();
  const quarantine = await snapshotOf(sideTable(deps.tableAt(rule.target), 'quarantine'), deps);
  if (quarantine === undefined || !isReached(quarantine, sideTxn(job))) return new Map();
  return new Map(
    rule.lookups.flatMap(({ name }) => {
      const version = quarantine.txns.get(lookupAppId(job, name))?.version;
      return version === undefined ? [] : [[name, version] as const];
    }),
  );
}

/** Of the `txn` by which the quarantine table tells which version of a lookup it was made with. */
function lookupAppId(job: BatchJob, lookup: string): string {
  return `${sideTxn(job).appId}:lookup:${lookup}`;
}

/**
 * What the quality rules do to a batch: rows that break one are counted, put into the quarantine table, or make the batch fail
 * with StepError `QUALITY`.
 */
export function createCheck(context: CheckContext): BatchContext['check'] {
  const { rule, session, tally } = context;
  const { quality: rules } = rule;
  return async (from, columns) => {
    if (rules.length === 0) return from;
    const kept = from === NAMES.fresh ? columns : [...columns, COLUMNS.segment];
    const run = await runStage(session, {
      statements: checkStatements({ rules, from, columns: kept }),
      results: [{ name: 'violations', sql: violationsSql(rules) }],
    });
    const violations = rules.map(({ name }, index) => [name, countOf(run, 'violations', `n${index}`)] as const);
    assertNoFailure(context, violations);
    tally.addViolations(Object.fromEntries(violations.filter(([, count]) => count > 0)));
    const out = countOf(run, 'violations', 'out');
    if (out > 0) await quarantine(context, from, columns);
    tally.add({ rowsQuarantined: out });
    return PASSED;
  };
}

function assertNoFailure(
  { rule, source, batch, shape }: CheckContext,
  violations: readonly (readonly [string, number])[],
): void {
  const failures = violations.filter(([, count], index) => count > 0 && rule.quality[index]?.action === 'fail');
  if (failures.length === 0) return;
  const texts = failures.map(([name, count]) => `${count} rows break the rule ${name}`);
  throw new StepError(
    'QUALITY',
    `nothing was committed to ${shape.table.url}: of the rows that the step ${rule.name} makes of ${source.table.url} from version ` +
      `${batch.fromVersion} on, ${texts.join(', ')}`,
    { step: rule.name, table: shape.table.url, version: batch.fromVersion, violations: Object.fromEntries(failures) },
  );
}

/** Commits the rows that are kept out, unless an earlier try of the batch has. */
async function quarantine(context: CheckContext, from: string, columns: readonly string[]): Promise<void> {
  const { rule, deps, deadline, session, source, batch, shape, lookups } = context;
  const table = sideTable(shape.table, 'quarantine');
  const head = await snapshotOf(table, deps);
  const txn = sideTxn(context);
  if (isReached(head, txn)) return;
  const plan = {
    rules: rule.quality,
    row: typesOf(context, from, columns),
    step: rule.name,
    source: source.table,
    range: batch,
    table,
  };
  const adds = await session.write({
    ...quarantineOutput(plan, 'duckdb'),
    sparkSql: quarantineOutput(plan, 'spark').sql,
  });
  await commitSide(deps, deadline, {
    table,
    head,
    schema: QUARANTINE_SCHEMA,
    adds,
    removes: [],
    txn,
    notes: [...lookups].map(([name, version]) => ({ appId: lookupAppId(context, name), version })),
    operation: 'WRITE',
    operationParameters: { mode: 'Append', step: rule.name },
  });
}

/** The columns with the types that they have in a statement: only what is computed anew has those of the target. */
function typesOf({ shape, transformer }: CheckContext, from: string, columns: readonly string[]): StructType {
  const { fields } = from === NAMES.fresh ? shape.schema : transformer.result;
  return { type: 'struct', fields: fields.filter(({ name }) => columns.includes(name)) };
}
