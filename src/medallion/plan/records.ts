import type { StructType } from '../../delta/schema.ts';
import type { Statement } from '../engine.ts';
import type { MergeMode } from '../rule.ts';
import { COLUMNS, NAMES } from './names.ts';
import { cast, type Dialect, quote, quoteAll, sameKey, statement } from './sql.ts';

export interface RecordsPlan extends ResultShape {
  readonly mode: Pick<MergeMode, 'keys' | 'orderBy' | 'deleteWhen'>;
  /** Statement with the transform's result of rows that came, with `COLUMNS.segment`. */
  readonly came: string;
  /** Of rows that went, which delete; undefined where there are none, or they are let be. */
  readonly went: string | undefined;
}

/**
 * What really came and went, as `NAMES.netCame` and `NAMES.netWent`: rows of a part that went and came again as they were, such as the
 * others of a file that was written again for one of its rows, are neither.
 */
export function netStatements(columns: readonly string[]): Statement[] {
  const all = quoteAll([...columns, COLUMNS.segment]);
  const except = (a: string, b: string) => `SELECT ${all} FROM ${quote(a)} EXCEPT ALL SELECT ${all} FROM ${quote(b)}`;
  return [
    statement(NAMES.netCame, () => except(NAMES.came, NAMES.went)),
    statement(NAMES.netWent, () => except(NAMES.went, NAMES.came)),
  ];
}

/**
 * The records of a merge: `NAMES.newest` has the newest one of each key, with the target's columns and types, and whether it
 * deletes. Newest is what is greatest by the ordering column (nulls are the oldest), then what came last; within a segment, what
 * came after what went.
 */
export function recordStatements(plan: RecordsPlan): Statement[] {
  const { keys, orderBy } = plan.mode;
  const order = [
    ...(orderBy === undefined ? [] : [`${quote(orderBy)} DESC NULLS LAST`]),
    `${quote(COLUMNS.segment)} DESC`,
    `${quote(COLUMNS.plus)} DESC`,
  ].join(', ');
  const columns = quoteAll([...plan.schema.fields.map(({ name }) => name), COLUMNS.deletes]);
  return [
    statement(NAMES.records, (dialect) => recordsSql(plan, dialect)),
    statement(
      NAMES.newest,
      () =>
        `SELECT ${columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ${quoteAll(keys)} ORDER BY ${order}) AS ` +
        `${quote(COLUMNS.rank)} FROM ${quote(NAMES.records)}) AS "r" WHERE ${quote(COLUMNS.rank)} = 1`,
    ),
  ];
}

function recordsSql(plan: RecordsPlan, dialect: Dialect): string {
  const columns = castColumns(plan, dialect);
  const { deleteWhen } = plan.mode;
  const isDeleted = deleteWhen === undefined ? '0' : `CASE WHEN (${deleteWhen}\n) THEN 1 ELSE 0 END`;
  const part = (name: string, deletes: string, isPlus: number) =>
    `SELECT ${columns}, ${deletes} AS ${quote(COLUMNS.deletes)}, ${quote(COLUMNS.segment)}, ` +
    `${isPlus} AS ${quote(COLUMNS.plus)} FROM ${quote(name)}`;
  const came = part(plan.came, isDeleted, 1);
  return plan.went === undefined ? came : `${came} UNION ALL ${part(plan.went, '1', 0)}`;
}

/** What of a target decides what rows of a result become in it. */
export interface ResultShape {
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  /** Of the transform's result; columns of the target that are not there are null. */
  readonly resultColumns: readonly string[];
}

/** The target's columns of a result of the transform, in the target's order and types. An empty text is null as a partition. */
export function castColumns({ schema, partitionColumns, resultColumns }: ResultShape, dialect: Dialect): string {
  const known = new Map(resultColumns.map((name) => [name.toLowerCase(), name]));
  return schema.fields
    .map(({ name, type }) => {
      const own = known.get(name.toLowerCase());
      const value = cast(own === undefined ? 'NULL' : quote(own), type, dialect);
      const isText = type === 'string' && partitionColumns.includes(name);
      return `${isText ? `NULLIF(${value}, '')` : value} AS ${quote(name)}`;
    })
    .join(', ');
}

/** Records that are older than the removal of their key, which `tombstones` has by the same names. */
export function withoutLateSql(mode: Pick<MergeMode, 'keys' | 'orderBy'>, from: string, tombstones: string): string {
  return `SELECT n.* FROM ${quote(from)} AS n WHERE NOT ${isLate(mode, tombstones)}`;
}

export function countLateSql(mode: Pick<MergeMode, 'keys' | 'orderBy'>, from: string, tombstones: string): string {
  return `SELECT COUNT(*) AS "n" FROM ${quote(from)} AS n WHERE n.${quote(COLUMNS.deletes)} = 0 AND ${isLate(mode, tombstones)}`;
}

function isLate({ keys, orderBy }: Pick<MergeMode, 'keys' | 'orderBy'>, tombstones: string): string {
  return (
    `EXISTS (SELECT 1 FROM ${quote(tombstones)} AS t WHERE ${sameKey(keys, 't', 'n')} AND ` +
    `${isOlder('n', 't', orderBy)})`
  );
}

/** Whether a row of `a` is older than one of `b`: a null is older than all else. */
export function isOlder(a: string, b: string, orderBy: string | undefined): string {
  if (orderBy === undefined) return 'FALSE';
  const [left, right] = [`${a}.${quote(orderBy)}`, `${b}.${quote(orderBy)}`];
  return `(${right} IS NOT NULL AND (${left} IS NULL OR ${left} < ${right}))`;
}
