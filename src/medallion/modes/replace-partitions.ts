import type { AddFile } from '../../delta/actions.ts';
import { activeFiles, type Snapshot } from '../../delta/snapshot.ts';
import type { WrittenFile } from '../engine.ts';
import { NAMES } from '../plan/names.ts';
import { dataOutput } from '../plan/outputs.ts';
import { partitionRowsSql, partitionsOf, partitionsResult, touchedStatement } from '../plan/partitions.ts';
import { castColumns } from '../plan/records.ts';
import { bothSql, quote, quoteAll, statement } from '../plan/sql.ts';
import { runStage } from '../plan/stage.ts';
import type { StepDeps } from '../step-run.ts';
import type { BatchContext, ModeCommit, Work } from './batch-context.ts';
import { fullTransformSql } from './full-source.ts';

/** Computes the partitions that a batch touches from all of the source; all that they had goes. */
export async function prepareReplacePartitions(context: BatchContext, unchanged: readonly string[]): Promise<Work> {
  const { session, shape, went } = context;
  await session.addStatement(touchedStatement(shape, NAMES.came, went));
  const run = await runStage(session, { results: [partitionsResult(shape)] });
  const isTouched = partitionsOf(shape, run);
  const sql = await fullTransformSql(context, { unchanged, keysFrom: NAMES.keys, attempt: 0 });
  await session.addStatement(statement(NAMES.fresh, (dialect) => partitionRowsSql(shape, sql(dialect), dialect)));
  const columns = shape.schema.fields.map(({ name }) => name);
  const rows = await context.check(NAMES.fresh, columns);
  const output = dataOutput(shape, `SELECT ${quoteAll(columns)} FROM ${quote(rows)}`, { name: 'data', sortBy: [] });
  const adds = await session.write(output);
  const commit = overwrite(context.deps, adds, (file) => isTouched(file.partitionValues), {
    partitionBy: shape.partitionColumns,
  });
  return async () => commit;
}

/** The whole target from the transform's result. */
export async function prepareReplace(context: BatchContext): Promise<Work> {
  const { session, shape } = context;
  const rows = await context.check(NAMES.came, shape.allColumns);
  const sql = bothSql((dialect) => `SELECT ${castColumns(shape, dialect)} FROM ${quote(rows)}`);
  const adds = await session.write({ ...dataOutput(shape, sql.sql, { name: 'data', sortBy: [] }), ...sql });
  const commit = overwrite(context.deps, adds, () => true, {});
  return async () => commit;
}

/** A commit of files in the place of those that the target has when it is made. */
function overwrite(
  { reader }: Pick<StepDeps, 'reader'>,
  adds: readonly WrittenFile[],
  goes: (file: AddFile) => boolean,
  operationParameters: Readonly<Record<string, unknown>>,
): ModeCommit {
  const rowsInserted = adds.reduce((sum, file) => sum + file.rows, 0);
  return {
    adds,
    cdc: [],
    async removesAt(head: Snapshot | undefined) {
      const removes: AddFile[] = [];
      if (head === undefined) return removes;
      for await (const files of activeFiles(head, reader)) removes.push(...files.filter(goes));
      return removes;
    },
    read: undefined,
    operation: 'WRITE',
    operationParameters: { mode: 'Overwrite', ...operationParameters },
    operationMetrics: {
      numFiles: adds.length,
      numOutputRows: rowsInserted,
      numOutputBytes: adds.reduce((sum, { size }) => sum + size, 0),
    },
    isBlindAppend: false,
    rows: { rowsInserted },
  };
}
