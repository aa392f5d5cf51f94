import { StepError } from '../errors.ts';
import { NAMES } from '../plan/names.ts';
import { dataOutput } from '../plan/outputs.ts';
import { castColumns } from '../plan/records.ts';
import { bothSql, quote } from '../plan/sql.ts';
import { rowsOf } from '../plan/transform.ts';
import { type BatchContext, type ModeCommit, NO_FILES, type Work } from './batch-context.ts';

/** Adds the rows of the transform. */
export async function prepareAppend(context: BatchContext): Promise<Work> {
  const { session, shape } = context;
  await assertOnlyAdded(context);
  const rows = await context.check(NAMES.came, shape.allColumns);
  const sql = bothSql((dialect) => `SELECT ${castColumns(shape, dialect)} FROM ${quote(rows)}`);
  const adds = await session.write({ ...dataOutput(shape, sql.sql, { name: 'data', sortBy: [] }), ...sql });
  const rowsInserted = adds.reduce((sum, file) => sum + file.rows, 0);
  const commit: ModeCommit = {
    adds,
    cdc: [],
    removesAt: NO_FILES,
    read: undefined,
    operation: 'WRITE',
    operationParameters: { mode: 'Append' },
    operationMetrics: {
      numFiles: adds.length,
      numOutputRows: rowsInserted,
      numOutputBytes: adds.reduce((sum, { size }) => sum + size, 0),
    },
    isBlindAppend: true,
    rows: { rowsInserted },
  };
  return async () => commit;
}

/** Throws StepError `ROWS_CHANGED` for commits that removed or changed rows; those that may have are to be read for that. */
async function assertOnlyAdded({ rule, session, batch, source }: BatchContext): Promise<void> {
  if (batch.removesAt === undefined) return;
  const sql = `SELECT DISTINCT "_commit_version" AS "version" FROM ${quote(NAMES.changes)} WHERE ${rowsOf('minus')}`;
  const found = await session.query({ name: 'changed', sql });
  const versions = found.map(({ version }) => Number(version)).sort((a, b) => a - b);
  if (versions.length === 0) return;
  throw new StepError(
    'ROWS_CHANGED',
    `versions ${versions.join(', ')} of ${source.table.url} changed or removed rows, which the step ${rule.name} cannot follow, ` +
      "because it appends: let it leave them out (changes: 'skip'), or merge by keys",
    { step: rule.name, table: source.table.url, versions },
  );
}
