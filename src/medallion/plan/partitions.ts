import { isDeltaError } from '../../delta/errors.ts';
import { type PartitionType, partitionColumnsOf, partitionValue } from '../../delta/partition.ts';
import type { EngineRun, Result, Statement } from '../engine.ts';
import { NAMES } from './names.ts';
import { castColumns, type ResultShape } from './records.ts';
import { type Dialect, quote, quoteAll, sameKey, statement } from './sql.ts';

export type PartitionsPlan = ResultShape;

/** The partitions of the target that a batch touches, as `NAMES.keys`. */
export function touchedStatement(plan: PartitionsPlan, came: string, went: string | undefined): Statement {
  return statement(NAMES.keys, (dialect) => {
    const parts = [came, ...(went === undefined ? [] : [went])].map((from) => {
      const rows = `SELECT ${castColumns(plan, dialect)} FROM ${quote(from)}`;
      return `SELECT ${quoteAll(plan.partitionColumns)} FROM (${rows}) AS r`;
    });
    return `SELECT DISTINCT ${quoteAll(plan.partitionColumns)} FROM (${parts.join(' UNION ALL ')}) AS p`;
  });
}

/** Of a transform over all of the source: the rows of the touched partitions. */
export function partitionRowsSql(plan: PartitionsPlan, transformed: string, dialect: Dialect): string {
  const rows = `SELECT ${castColumns(plan, dialect)} FROM (${transformed}) AS r`;
  return `SELECT f.* FROM (${rows}) AS f WHERE EXISTS (SELECT 1 FROM ${quote(NAMES.keys)} AS k WHERE ${sameKey(plan.partitionColumns, 'k', 'f')})`;
}

/** The touched partitions as texts, which `partitionsOf` reads. */
export function partitionsResult({ partitionColumns }: PartitionsPlan): Result {
  const texts = partitionColumns.map((name, index) => `CAST(${quote(name)} AS STRING) AS "value${index}"`);
  return { name: 'partitions', sql: `SELECT ${texts.join(', ')} FROM ${quote(NAMES.keys)}` };
}

/** Tells whether a file's partition is one of those of a run of `partitionsResult`. */
export function partitionsOf(
  plan: PartitionsPlan,
  run: Pick<EngineRun, 'results'>,
): (values: Readonly<Record<string, string | null>>) => boolean {
  const columns = partitionColumnsOf(plan.schema, plan.partitionColumns);
  const touched = new Set(
    (run.results.get('partitions') ?? []).map((row) =>
      partitionKey(columns, (_, index) => {
        const value = row[`value${index}`] ?? null;
        return value === null ? null : String(value);
      }),
    ),
  );
  return (values) => touched.has(partitionKey(columns, ({ name }) => values[name] ?? null));
}

function partitionKey(
  columns: readonly PartitionType[],
  read: (column: PartitionType, index: number) => string | null,
): string {
  return JSON.stringify(columns.map((column, index) => canonical(read(column, index), column)));
}

/** Writers spell one value in several ways. */
function canonical(raw: string | null, { name, type }: PartitionType): string | null {
  try {
    return partitionValue(raw, type, name);
  } catch (error) {
    if (isDeltaError(error, 'INVALID_SCHEMA')) return raw;
    throw error;
  }
}
