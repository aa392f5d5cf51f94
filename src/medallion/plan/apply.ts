import { type DataType, isStruct, type StructType } from '../../delta/schema.ts';
import type { Statement } from '../engine.ts';
import { COLUMNS, ofTry } from './names.ts';
import { isOlder } from './records.ts';
import { quote, quoteAll, sameKey, statement } from './sql.ts';

/** What is done with records, one of each key, and the rows of the target that may have their keys. */
export interface ApplyPlan {
  readonly keys: readonly string[];
  readonly orderBy?: string;
  /** Of the target. */
  readonly schema: StructType;
  /** Statement with the target's columns and `COLUMNS.deletes`, at most one row of a key. */
  readonly incoming: string;
  /** Relation of the target's files that may have the keys, with `COLUMNS.file`. */
  readonly target: string;
  /** Tells the statements of several tries apart. */
  readonly attempt: number;
}

/** Statements of one try; the relation of the target is another in each. */
export interface ApplyNames {
  readonly matched: string;
  readonly verdict: string;
  readonly applied: string;
  readonly files: string;
}

export function applyNames(attempt: number): ApplyNames {
  return {
    matched: ofTry('matched', attempt),
    verdict: ofTry('verdict', attempt),
    applied: ofTry('applied', attempt),
    files: ofTry('files', attempt),
  };
}

/**
 * Which records change something, and which files of the target have to be written again for it: a record does nothing that is
 * older than a row of its key, that is the very row that is there, or that deletes what is not there.
 */
export function applyStatements(plan: ApplyPlan): Statement[] {
  const { keys, incoming, target, attempt } = plan;
  const { matched, verdict, applied, files } = applyNames(attempt);
  const [deletes, rows, late, same] = [COLUMNS.deletes, COLUMNS.rows, COLUMNS.late, COLUMNS.same].map(quote);
  const file = quote(COLUMNS.file);
  return [
    statement(
      matched,
      () =>
        `SELECT t.${file}, ${quoteAll(keys, 'n')}, CASE WHEN ${isOlder('n', 't', plan.orderBy)} THEN 1 ELSE 0 END AS ${late}, ` +
        `CASE WHEN n.${deletes} = 0 AND ${isSame(plan)} THEN 1 ELSE 0 END AS ${same} ` +
        `FROM ${quote(target)} AS t JOIN ${quote(incoming)} AS n ON ${sameKey(keys, 't', 'n')}`,
    ),
    statement(
      verdict,
      () =>
        `SELECT ${quoteAll(keys)}, MAX(${late}) AS ${late}, MIN(${same}) AS ${same}, COUNT(*) AS ${rows} ` +
        `FROM ${quote(matched)} GROUP BY ${quoteAll(keys)}`,
    ),
    statement(
      applied,
      () =>
        `SELECT n.*, COALESCE(v.${rows}, 0) AS ${rows} FROM ${quote(incoming)} AS n ` +
        `LEFT JOIN ${quote(verdict)} AS v ON ${sameKey(keys, 'n', 'v')} WHERE COALESCE(v.${late}, 0) = 0 ` +
        `AND NOT (COALESCE(v.${same}, 0) = 1 AND v.${rows} = 1) AND NOT (n.${deletes} = 1 AND v.${rows} IS NULL)`,
    ),
    statement(
      files,
      () =>
        `SELECT DISTINCT m.${file} FROM ${quote(matched)} AS m ` +
        `JOIN ${quote(applied)} AS a ON ${sameKey(keys, 'm', 'a')}`,
    ),
  ];
}

/** Rows that files of the target have to keep, and the new rows. */
export function dataSql(plan: ApplyPlan): string {
  const columns = columnsOf(plan.schema);
  const { applied } = applyNames(plan.attempt);
  return `${keptSql(plan)} UNION ALL SELECT ${columns} FROM ${quote(applied)} WHERE ${quote(COLUMNS.deletes)} = 0`;
}

export function keptSql({ schema, keys, target, attempt }: ApplyPlan): string {
  const { applied, files } = applyNames(attempt);
  const file = quote(COLUMNS.file);
  const columns = quoteAll(
    schema.fields.map(({ name }) => name),
    't',
  );
  return (
    `SELECT ${columns} FROM ${quote(target)} AS t WHERE t.${file} IN (SELECT ${file} FROM ${quote(files)}) ` +
    `AND NOT EXISTS (SELECT 1 FROM ${quote(applied)} AS a WHERE ${sameKey(keys, 't', 'a')})`
  );
}

/**
 * The changes of the commit, with `_change_type`. Of several rows of a key the first is changed, and the others go: there is one
 * afterwards.
 */
export function changesSql({ schema, keys, target, attempt }: ApplyPlan): string {
  const names = schema.fields.map(({ name }) => name);
  const { applied } = applyNames(attempt);
  const [deletes, rows, rank, file] = [COLUMNS.deletes, COLUMNS.rows, COLUMNS.rank, COLUMNS.file].map(quote);
  const before =
    `SELECT ${quoteAll(names, 't')}, a.${deletes}, ` +
    `ROW_NUMBER() OVER (PARTITION BY ${quoteAll(keys, 't')} ORDER BY t.${file}) AS ${rank} ` +
    `FROM ${quote(target)} AS t JOIN ${quote(applied)} AS a ON ${sameKey(keys, 't', 'a')}`;
  return (
    `SELECT ${quoteAll(names)}, CASE WHEN ${deletes} = 1 OR ${rank} > 1 THEN 'delete' ELSE 'update_preimage' END ` +
    `AS "_change_type" FROM (${before}) AS b UNION ALL ` +
    `SELECT ${quoteAll(names)}, CASE WHEN ${rows} > 0 THEN 'update_postimage' ELSE 'insert' END AS "_change_type" ` +
    `FROM ${quote(applied)} WHERE ${deletes} = 0`
  );
}

/** One row: what the try does to the target. */
export function countsSql(plan: ApplyPlan): string {
  const { applied, verdict } = applyNames(plan.attempt);
  const [deletes, rows, late] = [COLUMNS.deletes, COLUMNS.rows, COLUMNS.late].map(quote);
  const count = (condition: string, value = '1') =>
    `(SELECT CAST(COALESCE(SUM(${value}), 0) AS BIGINT) FROM ${quote(applied)} WHERE ${condition})`;
  return (
    `SELECT ${count(`${deletes} = 0 AND ${rows} = 0`)} AS "inserted", ` +
    `${count(`${deletes} = 0 AND ${rows} > 0`)} AS "updated", ` +
    `${count(`${rows} > 0`, `${rows} - 1 + ${deletes}`)} AS "deleted", ` +
    `(SELECT COUNT(*) FROM ${quote(verdict)} WHERE ${late} = 1) AS "late", ` +
    `(SELECT COUNT(*) FROM (${keptSql(plan)}) AS k) AS "copied"`
  );
}

/** Numbers of the target's files that have a row with one of the keys, and whether it is written again. */
export function filesSql(attempt: number): string {
  const { matched, files } = applyNames(attempt);
  const file = quote(COLUMNS.file);
  return (
    `SELECT m.${file} AS "file", MAX(CASE WHEN f.${file} IS NULL THEN 0 ELSE 1 END) AS "rewritten" ` +
    `FROM ${quote(matched)} AS m LEFT JOIN ${quote(files)} AS f ON m.${file} = f.${file} GROUP BY m.${file}`
  );
}

/** Spark compares no maps, so that a row with one is never seen to be the same. */
function isSame({ schema }: ApplyPlan): string {
  if (schema.fields.some(({ type }) => hasMap(type))) return 'FALSE';
  return schema.fields.map(({ name }) => `t.${quote(name)} IS NOT DISTINCT FROM n.${quote(name)}`).join(' AND ');
}

/** Whether values of a type cannot be compared by Spark. */
export function hasMap(type: DataType): boolean {
  if (typeof type === 'string') return false;
  if (type.type === 'map') return true;
  return isStruct(type) ? type.fields.some((field) => hasMap(field.type)) : hasMap(type.elementType);
}

function columnsOf({ fields }: StructType): string {
  return quoteAll(fields.map(({ name }) => name));
}
