import type { StructType } from '../../delta/schema.ts';
import type { TableRef } from '../../delta/table.ts';
import type { Output } from '../engine.ts';
import { type Dialect, literal } from '../plan/sql.ts';
import type { QualityRule } from '../rule.ts';
import { quarantinedSql } from './check.ts';

/** Columns of the table with the rows that quality rules kept out of a target. */
export const QUARANTINE_SCHEMA: StructType = {
  type: 'struct',
  fields: (
    [
      ['step', 'string'],
      ['rules', 'string'],
      ['row', 'string'],
      ['source', 'string'],
      ['source_from_version', 'long'],
      ['source_until_version', 'long'],
    ] as const
  ).map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
};

export interface QuarantinePlan {
  readonly rules: readonly QualityRule[];
  /** Columns of the rows, with their types. */
  readonly row: StructType;
  readonly step: string;
  readonly source: TableRef;
  readonly range: { readonly fromVersion: number; readonly untilVersion: number };
  readonly table: TableRef;
}

/** The rows that are kept out, as files of the quarantine table. */
export function quarantineOutput(plan: QuarantinePlan, dialect: Dialect): Output {
  const { step, source, range, table } = plan;
  const columns = [
    `${literal(step, dialect)} AS "step"`,
    '"rules"',
    '"row"',
    `${literal(source.url, dialect)} AS "source"`,
    `CAST(${range.fromVersion} AS BIGINT) AS "source_from_version"`,
    `CAST(${range.untilVersion} AS BIGINT) AS "source_until_version"`,
  ];
  return {
    name: 'quarantine',
    sql: `SELECT ${columns.join(', ')} FROM (${quarantinedSql(plan, dialect)}) AS q`,
    schema: QUARANTINE_SCHEMA,
    partitionColumns: [],
    sortBy: [],
    table,
    targetFileBytes: 64 * 1024 * 1024,
  };
}
