import type { DataType } from '../../delta/schema.ts';
import { quoteName, quoteText, subquery } from '../engine/sql-text.ts';
import { duckDbType } from '../engine/types.ts';
import type { Statement } from '../engine.ts';

/** What differs between the two is put in by this; all else is the same text. */
export type Dialect = 'duckdb' | 'spark';

// Spark reads double quotes so with `spark.sql.ansi.doubleQuotedIdentifiers`.
export { quoteName as quote, subquery };

export function quoteAll(names: readonly string[], of?: string): string {
  return names.map((name) => (of === undefined ? quoteName(name) : `${of}.${quoteName(name)}`)).join(', ');
}

/** A text as a literal. Spark reads a backslash as the start of an escape, DuckDB as itself. */
export function literal(text: string, dialect: Dialect): string {
  return dialect === 'duckdb' ? quoteText(text) : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** Whether two rows have the same key: nulls are equal. */
export function sameKey(keys: readonly string[], a: string, b: string): string {
  return keys.map((key) => `${a}.${quoteName(key)} IS NOT DISTINCT FROM ${b}.${quoteName(key)}`).join(' AND ');
}

/** A statement for both dialects. */
export function statement(name: string, build: (dialect: Dialect) => string, materialized = true): Statement {
  return { name, ...bothSql(build), materialized };
}

/** A query for both dialects. */
export function bothSql(build: (dialect: Dialect) => string): { readonly sql: string; readonly sparkSql?: string } {
  const sql = build('duckdb');
  const sparkSql = build('spark');
  return { sql, ...(sparkSql !== sql && { sparkSql }) };
}

export function cast(expression: string, type: DataType, dialect: Dialect): string {
  return `CAST(${expression} AS ${sqlType(type, dialect)})`;
}

/** Where Spark's names are others than DuckDB's. */
const SPARK_TYPES: Readonly<Record<string, string>> = {
  string: 'STRING',
  binary: 'BINARY',
  timestamp: 'TIMESTAMP',
  timestamp_ntz: 'TIMESTAMP_NTZ',
};

/** A Delta type in SQL. Throws EngineError `TYPE` for those that rows of a step cannot have. */
export function sqlType(type: DataType, dialect: Dialect): string {
  if (dialect === 'duckdb') return duckDbType(type, 'of a step');
  if (typeof type === 'string') return SPARK_TYPES[type] ?? duckDbType(type, 'of a step');
  if (type.type === 'array') return `ARRAY<${sqlType(type.elementType, dialect)}>`;
  if (type.type === 'map') return `MAP<${sqlType(type.keyType, dialect)}, ${sqlType(type.valueType, dialect)}>`;
  const fields = type.fields.map((field) => `${quoteName(field.name)}: ${sqlType(field.type, dialect)}`);
  return `STRUCT<${fields.join(', ')}>`;
}
