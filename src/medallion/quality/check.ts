import { decimalOf, type StructType } from '../../delta/schema.ts';
import type { Statement } from '../engine.ts';
import { type Dialect, literal, quote, quoteAll, statement } from '../plan/sql.ts';
import type { QualityCheck, QualityRule } from '../rule.ts';
import { rowJson } from './row-json.ts';

/** Of the statement with the rows and what they break. */
export const CHECKED = '_resaca_checked';
/** Of the statement with the rows that break no rule which keeps them out. */
export const PASSED = '_resaca_passed';

function flag(index: number): string {
  return quote(`_resaca_broken_${index}`);
}

export interface CheckPlan {
  readonly rules: readonly QualityRule[];
  /** Statement with the rows. */
  readonly from: string;
  /** All its columns. */
  readonly columns: readonly string[];
}

/** The rows with a column for each rule that is 1 where they break it, and then those that stay. */
export function checkStatements({ rules, from, columns }: CheckPlan): Statement[] {
  const flags = (dialect: Dialect) =>
    rules.map(({ check }, index) => `CASE WHEN ${brokenSql(check, dialect)} THEN 1 ELSE 0 END AS ${flag(index)}`);
  return [
    statement(
      CHECKED,
      (dialect) => `SELECT ${[quoteAll(columns, 'r'), ...flags(dialect)].join(', ')} FROM ${quote(from)} AS r`,
    ),
    statement(
      PASSED,
      () => `SELECT ${quoteAll(columns)} FROM ${quote(CHECKED)} WHERE NOT (${isQuarantined(rules) ?? 'FALSE'})`,
      false,
    ),
  ];
}

/** One row: how many rows break each rule, in the order of the rules, and how many are kept out. */
export function violationsSql(rules: readonly QualityRule[]): string {
  const counts = rules.map((_, index) => `CAST(COALESCE(SUM(${flag(index)}), 0) AS BIGINT) AS "n${index}"`);
  const out = `CAST(COALESCE(SUM(CASE WHEN ${isQuarantined(rules) ?? 'FALSE'} THEN 1 ELSE 0 END), 0) AS BIGINT) AS "out"`;
  return `SELECT ${[...counts, out].join(', ')} FROM ${quote(CHECKED)}`;
}

/** As DuckDB has it: nulls are there, and times are as exact as they are in the row. By itself Spark leaves nulls out and cuts to ms. */
const SPARK_JSON =
  "map('ignoreNullFields', 'false', 'timestampFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSSx', " +
  "'timestampNTZFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS')";

/** The rows that are kept out: as JSON text, and with the names of the rules that they break. */
export function quarantinedSql(
  { rules, row }: Pick<CheckPlan, 'rules'> & { readonly row: StructType },
  dialect: Dialect,
): string {
  const text =
    dialect === 'duckdb'
      ? rowJson(row)
      : `to_json(named_struct(${row.fields.map(sparkField).join(', ')}), ${SPARK_JSON})`;
  const names = rules.map(({ name }, index) => `CASE WHEN ${flag(index)} = 1 THEN ${literal(`${name}`, dialect)} END`);
  return (
    `SELECT ${text} AS "row", concat_ws(', ', ${names.join(', ')}) AS "rules" FROM ${quote(CHECKED)} ` +
    `WHERE ${isQuarantined(rules) ?? 'FALSE'}`
  );
}

/** Spark writes other values as DuckDB is made to; decimals it would write as numbers. */
function sparkField({ name, type }: StructType['fields'][number]): string {
  const isDecimal = typeof type === 'string' && decimalOf(type) !== undefined;
  return `${literal(name, 'spark')}, ${isDecimal ? `CAST(${quote(name)} AS STRING)` : quote(name)}`;
}

/** Undefined where no rule keeps rows out. */
function isQuarantined(rules: readonly QualityRule[]): string | undefined {
  const conditions = rules.flatMap(({ action }, index) => (action === 'quarantine' ? [`${flag(index)} = 1`] : []));
  return conditions.length === 0 ? undefined : conditions.join(' OR ');
}

/** Whether a row `r` breaks a check. */
export function brokenSql(check: QualityCheck, dialect: Dialect): string {
  switch (check.kind) {
    case 'not-null':
      return `r.${quote(check.column)} IS NULL`;
    case 'range': {
      const column = `r.${quote(check.column)}`;
      const sides = [
        ...(check.min === undefined ? [] : [`${column} < (${check.min}\n)`]),
        ...(check.max === undefined ? [] : [`${column} > (${check.max}\n)`]),
      ];
      return sides.length === 0 ? 'FALSE' : sides.join(' OR ');
    }
    case 'accepted': {
      const column = `r.${quote(check.column)}`;
      const values = check.values.map((value) => literal(value, dialect)).join(', ');
      const isOther = check.values.length === 0 ? 'TRUE' : `CAST(${column} AS STRING) NOT IN (${values})`;
      return `${column} IS NOT NULL AND ${isOther}`;
    }
    case 'unique': {
      const columns = check.columns.map((name) => `r.${quote(name)}`);
      const has = columns.map((column) => `${column} IS NOT NULL`).join(' AND ');
      return `${has} AND COUNT(*) OVER (PARTITION BY ${columns.join(', ')}) > 1`;
    }
    case 'references': {
      const pairs = check.columns.map((name, index) => [
        `r.${quote(name)}`,
        `l.${quote(check.lookupColumns[index] ?? name)}`,
      ]);
      const has = pairs.map(([own]) => `${own} IS NOT NULL`).join(' AND ');
      const same = pairs.map(([own, other]) => `${own} = ${other}`).join(' AND ');
      return `${has} AND NOT EXISTS (SELECT 1 FROM ${quote(check.lookup)} AS l WHERE ${same})`;
    }
    case 'condition':
      return `(${check.sql}\n) IS NOT TRUE`;
  }
}
