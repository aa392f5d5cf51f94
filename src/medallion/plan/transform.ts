import type { Statement } from '../engine.ts';
import type { Transform } from '../rule.ts';
import { COLUMNS, NAMES } from './names.ts';
import { type Dialect, literal, quote, quoteAll, statement, subquery } from './sql.ts';

/** Rows of a batch that an SQL transform sees under the source's name. */
export interface TransformInput {
  /** Name of the relation or statement that has them. */
  readonly from: string;
  readonly columns: readonly string[];
  /** A condition on them, such as their change type. */
  readonly where?: string;
}

/**
 * The user's query over some rows of the source. The rows stand in a common table expression before it, so that its text stays
 * as it is, and the same query runs over several choices of rows.
 */
export function transformSql(sql: string, sourceName: string, input: TransformInput): string {
  return `WITH ${quote(sourceName)} AS (${selectRows(input)}) SELECT * FROM ${subquery(sql)} AS "_resaca_result"`;
}

export function selectRows({ from, columns, where }: TransformInput): string {
  return `SELECT ${quoteAll(columns)} FROM ${quote(from)}${where === undefined ? '' : ` WHERE ${where}`}`;
}

const PLUS = ['insert', 'update_postimage'] as const;
const MINUS = ['delete', 'update_preimage'] as const;

/** The rows of a batch that came, or those that went; of some segments only. */
export function rowsOf(side: 'plus' | 'minus', part?: { readonly column: string; readonly number: number }): string {
  const types = side === 'plus' ? PLUS : MINUS;
  const condition = `"_change_type" IN (${types.map((type) => literal(type, 'duckdb')).join(', ')})`;
  return part === undefined ? condition : `${condition} AND ${quote(part.column)} = ${part.number}`;
}

/** The text of the user's query in a dialect. */
export function textOf(transform: { readonly sql: string; readonly sparkSql?: string }, dialect: Dialect): string {
  return dialect === 'spark' ? (transform.sparkSql ?? transform.sql) : transform.sql;
}

export interface BatchTransform {
  readonly transform: Extract<Transform, { kind: 'sql' }>;
  /** By which the transform knows the source. */
  readonly sourceName: string;
  /** Of the source's table. */
  readonly columns: readonly string[];
  /** `undefined` where the transform runs over all rows at once. */
  readonly parts: BatchParts | undefined;
}

/** Parts of a batch in their order, where it matters to the mode: the transform runs over each by itself. */
export interface BatchParts {
  readonly column: '_segment' | '_commit_version';
  readonly numbers: readonly number[];
}

/** The transform's result of one side of a batch, as `NAMES.came` or `NAMES.went`. */
export function sideStatement(batch: BatchTransform, side: 'plus' | 'minus'): Statement {
  return statement(side === 'plus' ? NAMES.came : NAMES.went, (dialect) => {
    const { parts } = batch;
    const result = (where: string, number: number) =>
      `SELECT t.*, CAST(${number} AS BIGINT) AS ${quote(COLUMNS.segment)} FROM (${batchSql(batch, where, dialect)}) AS t`;
    if (parts === undefined) return result(rowsOf(side), 0);
    const { column, numbers } = parts;
    return numbers.map((number) => result(rowsOf(side, { column, number }), number)).join(' UNION ALL ');
  });
}

/** The transform of rows of a batch that a condition chooses. */
export function batchSql({ transform, sourceName, columns }: BatchTransform, where: string, dialect: Dialect): string {
  return transformSql(textOf(transform, dialect), sourceName, { from: NAMES.changes, columns, where });
}
