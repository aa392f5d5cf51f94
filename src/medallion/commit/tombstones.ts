import type { DataType, StructType } from '../../delta/schema.ts';
import { typeName } from '../../delta/schema.ts';
import type { TableRef } from '../../delta/table.ts';
import type { Output } from '../engine.ts';
import { StepError } from '../errors.ts';
import { COLUMNS } from '../plan/names.ts';
import { type Dialect, quote, quoteAll } from '../plan/sql.ts';
import type { MergeMode, StepRule } from '../rule.ts';

/** Of the relation with the keys that were removed, and when. */
export const TOMBSTONES = '_resaca_tombstones';

/** Files of the table of tombstones from which on they are put together, without those that are too old. */
export const MAX_TOMBSTONE_FILES = 16;

/** A merge that remembers what it deletes. */
export type LatenessMode = MergeMode & { readonly orderBy: string };

/** Undefined where a rule remembers nothing. */
export function latenessOf({ mode }: StepRule): LatenessMode | undefined {
  if (mode.kind !== 'merge' || mode.lateness === 0 || mode.orderBy === undefined) return undefined;
  return { ...mode, orderBy: mode.orderBy };
}

/** Columns of the table of tombstones: the keys and the ordering column, as the target has them. */
export function tombstoneSchema({ keys, orderBy }: LatenessMode, target: StructType): StructType {
  const wanted = new Set([...keys, orderBy]);
  const fields = target.fields.filter(({ name }) => wanted.has(name));
  return { type: 'struct', fields: fields.map((field) => ({ ...field, nullable: true, metadata: {} })) };
}

export interface TombstonePlan {
  readonly mode: LatenessMode;
  readonly schema: StructType;
  readonly table: TableRef;
  /** Statement with the newest record of each key of the batch. */
  readonly newest: string;
}

/** The removals of a batch, and with `all` also those that are there, each key once, without those that are too old. */
export function tombstoneOutput(plan: TombstonePlan, dialect: Dialect, all: boolean): Output {
  const { mode, schema, table, newest } = plan;
  const names = schema.fields.map(({ name }) => name);
  const order = quote(mode.orderBy);
  const fresh = `SELECT ${quoteAll(names)} FROM ${quote(newest)} WHERE ${quote(COLUMNS.deletes)} = 1 AND ${order} IS NOT NULL`;
  return {
    name: 'tombstones',
    sql: all
      ? purgedSql(plan, `${fresh} UNION ALL SELECT ${quoteAll(names)} FROM ${quote(TOMBSTONES)}`, dialect)
      : fresh,
    schema,
    partitionColumns: [],
    sortBy: mode.keys,
    table,
    targetFileBytes: 64 * 1024 * 1024,
  };
}

function purgedSql({ mode, schema, newest }: TombstonePlan, rows: string, dialect: Dialect): string {
  const order = quote(mode.orderBy);
  const type = schema.fields.find(({ name }) => name === mode.orderBy)?.type ?? 'long';
  const columns = schema.fields.map(({ name }) => (name === mode.orderBy ? `MAX(${order}) AS ${order}` : quote(name)));
  const latest = `(SELECT MAX(${order}) FROM (SELECT ${order} FROM ${quote(newest)} UNION ALL SELECT ${order} FROM ${quote(TOMBSTONES)}) AS o)`;
  const oldest = before(latest, mode.lateness, type, dialect);
  return `SELECT ${columns.join(', ')} FROM (${rows}) AS r GROUP BY ${quoteAll(mode.keys)} HAVING MAX(${order}) >= ${oldest}`;
}

const MS_PER_SECOND = 1000;

/** A value of the ordering column some ms before another; integers are ms since the epoch. */
function before(value: string, ms: number, type: DataType, dialect: Dialect): string {
  if (type === 'long' || type === 'integer') return `${value} - ${ms}`;
  const seconds = Math.ceil(ms / MS_PER_SECOND);
  const time = type === 'date' ? `CAST(${value} AS TIMESTAMP)` : value;
  const interval = dialect === 'duckdb' ? `to_seconds(${seconds})` : `make_dt_interval(0, 0, 0, ${seconds})`;
  return `${time} - ${interval}`;
}

/** Throws StepError `SCHEMA` where the ordering column is no time. */
export function assertLateness(rule: StepRule, target: StructType): void {
  const mode = latenessOf(rule);
  if (mode === undefined) return;
  const type = target.fields.find(({ name }) => name === mode.orderBy)?.type ?? 'void';
  if (['long', 'integer', 'date', 'timestamp', 'timestamp_ntz'].includes(String(type))) return;
  throw new StepError(
    'SCHEMA',
    `the step ${rule.name} has a lateness, and its ordering column ${mode.orderBy} is ${typeName(type)}: expected a ` +
      'timestamp, a date, or an integer with ms since the epoch',
    { step: rule.name, column: mode.orderBy },
  );
}
