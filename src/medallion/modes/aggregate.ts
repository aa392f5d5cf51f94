import { StepError } from '../errors.ts';
import {
  type AggregatePlan,
  aggregatePlan,
  combinedName,
  combineStatements,
  duplicateKeysSql,
  freshSql,
  incomingSql,
  isAlwaysAnew,
  partialStatements,
} from '../plan/aggregate.ts';
import { targetName } from '../plan/merge.ts';
import { COLUMNS, NAMES, ofTry } from '../plan/names.ts';
import { keyColumns } from '../plan/skipping.ts';
import { quote, statement } from '../plan/sql.ts';
import { countOf, runStage } from '../plan/stage.ts';
import type { AggregateMode } from '../rule.ts';
import type { BatchContext, Work } from './batch-context.ts';
import { keyFilter } from './candidates.ts';
import { fullTransformSql } from './full-source.ts';
import { applyTo } from './merge.ts';

/** Adds the batch's partial results to the target's rows; keys for which that does not tell are computed from all of the source. */
export async function prepareAggregate(context: BatchContext, mode: AggregateMode): Promise<Work> {
  const { session, shape, went } = context;
  const came = await context.check(NAMES.came, shape.allColumns);
  const plan = aggregatePlan(mode, shape);
  await runStage(session, { statements: partialStatements(plan, { plus: came, minus: went }) });
  const columns = keyColumns(mode.keys, shape.schema, shape.partitionColumns);
  const filter = await keyFilter(context, columns, { from: NAMES.keys, name: NAMES.ranges });
  return (target, attempt) => {
    const incoming = ofTry('incoming', attempt);
    return applyTo(context, filter, { shape: target, keys: mode.keys, incoming, attempt }, async () => {
      const combine = { plan, hasMinus: went !== undefined, target: targetName(attempt), attempt };
      const anew = `SELECT COUNT(*) AS "n" FROM ${quote(combinedName(attempt))} WHERE ${quote(COLUMNS.anew)} = 1`;
      const run = await runStage(session, {
        statements: combineStatements(combine),
        results: [{ name: 'anew', sql: anew }],
      });
      const fresh = countOf(run, 'anew', 'n') === 0 ? undefined : await computeAnew(context, mode, plan, attempt);
      await session.addStatement(statement(incoming, () => incomingSql(plan, attempt, fresh)));
    });
  };
}

async function computeAnew(
  context: BatchContext,
  mode: AggregateMode,
  plan: AggregatePlan,
  attempt: number,
): Promise<string> {
  const { rule, batch, session } = context;
  const { url } = context.source.table;
  // Rows of the version's other files would be in the key's new value, and be added to it once more by the next batch.
  if (batch.until.files > 0 && !isAlwaysAnew(plan)) {
    throw new StepError(
      'BATCH_TOO_LARGE',
      `the step ${rule.name} has to compute keys anew, for which version ${batch.until.version} of ${url} has ` +
        `to be read as a whole, and it is beyond the limits of a batch`,
      { step: rule.name, table: url, version: batch.until.version },
    );
  }
  const sql = await fullTransformSql(context, { unchanged: mode.unchanged ?? [], keysFrom: NAMES.keys, attempt });
  const fresh = ofTry('fresh', attempt);
  const run = await runStage(session, {
    statements: [statement(fresh, (dialect) => freshSql(plan, sql(dialect), attempt, dialect))],
    results: [{ name: 'duplicates', sql: duplicateKeysSql(plan.keys, fresh) }],
  });
  const duplicates = countOf(run, 'duplicates', 'n');
  if (duplicates === 0) return fresh;
  throw new StepError(
    'SCHEMA',
    `the transform of the step ${rule.name} gives several rows for ${duplicates} keys (${plan.keys.join(', ')}), expected one of each`,
    { step: rule.name, keys: plan.keys },
  );
}
