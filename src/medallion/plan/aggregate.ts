import type { DataType } from '../../delta/schema.ts';
import { decimalOf } from '../../delta/schema.ts';
import type { Statement } from '../engine.ts';
import type { AggregateMode } from '../rule.ts';
import { COLUMNS, NAMES, ofTry } from './names.ts';
import { castColumns, type ResultShape } from './records.ts';
import { cast, type Dialect, quote, quoteAll, sameKey, statement } from './sql.ts';

/** How a column of partial results is put together; `anew`: from all of the source. */
export type Combine = 'sum' | 'min' | 'max' | 'anew';

export interface AggregatePlan extends ResultShape {
  readonly keys: readonly string[];
  /** The target's columns beside the keys. */
  readonly measures: readonly { readonly name: string; readonly type: DataType; readonly combine: Combine }[];
  readonly rowCount?: string;
}

export function aggregatePlan(mode: AggregateMode, shape: ResultShape): AggregatePlan {
  const { schema, partitionColumns, resultColumns } = shape;
  const { keys, combine, rowCount } = mode;
  const isKey = new Set(keys);
  const measures = schema.fields
    .filter(({ name }) => !isKey.has(name))
    .map(({ name, type }) => ({ name, type, combine: name === rowCount ? 'sum' : (combine[name] ?? 'anew') }) as const);
  return { keys, measures, schema, partitionColumns, resultColumns, ...(rowCount !== undefined && { rowCount }) };
}

/** Whether every batch computes its keys from all of the source. */
export function isAlwaysAnew({ measures }: AggregatePlan): boolean {
  return measures.some(({ combine }) => combine === 'anew');
}

export interface PartialResults {
  /** Statement with the transform of the rows that came. */
  readonly plus: string;
  /** Of the rows that went; undefined where there are none. */
  readonly minus: string | undefined;
}

/** Partial results, one row of a key each, in the target's types; and `NAMES.keys`, all keys of the two. */
export function partialStatements(plan: AggregatePlan, { plus, minus }: PartialResults): Statement[] {
  const partials = [
    statement(NAMES.plus, (dialect) => partialSql(plan, plus, dialect)),
    ...(minus === undefined ? [] : [statement(NAMES.minus, (dialect) => partialSql(plan, minus, dialect))]),
  ];
  const keys = partials.map(({ name }) => `SELECT ${quoteAll(plan.keys)} FROM ${quote(name)}`);
  return [...partials, statement(NAMES.keys, () => keys.join(' UNION '))];
}

function partialSql(plan: AggregatePlan, from: string, dialect: Dialect): string {
  const rows = `SELECT ${castColumns(plan, dialect)} FROM ${quote(from)}`;
  return `SELECT ${groupedColumns(plan, dialect)} FROM (${rows}) AS r GROUP BY ${quoteAll(plan.keys)}`;
}

/** The keys and their measures, summed up; of those that are computed anew there is nothing to be summed up. */
function groupedColumns({ keys, measures }: AggregatePlan, dialect: Dialect): string {
  const columns = measures.map(({ name, type, combine }) => {
    const column = quote(name);
    const value = combine === 'anew' ? 'NULL' : `${combine.toUpperCase()}(${column})`;
    return `${cast(value, type, dialect)} AS ${column}`;
  });
  return [quoteAll(keys), ...columns].join(', ');
}

export interface CombinePlan {
  readonly plan: AggregatePlan;
  readonly hasMinus: boolean;
  /** Relation of the target's files that may have the keys. */
  readonly target: string;
  readonly attempt: number;
}

export function combinedName(attempt: number): string {
  return ofTry('combined', attempt);
}

/**
 * The rows of the keys as the target and the partial results make them, with `COLUMNS.deletes`, and `COLUMNS.anew` where they
 * do not tell: a least or greatest value that may have gone, a sum of floats, a sum whose last value may have gone (it is
 * null then, not 0), rows that went where nothing counts them.
 */
export function combineStatements(combine: CombinePlan): Statement[] {
  const { plan, target, attempt } = combine;
  const { keys, measures } = plan;
  const current = ofTry('current', attempt);
  const joined = ofTry('joined', attempt);
  const sides = combine.hasMinus ? ['t', 'p', 'm'] : ['t', 'p'];
  const tables: Readonly<Record<string, string>> = { t: current, p: NAMES.plus, m: NAMES.minus };
  const values = sides.flatMap((side) =>
    measures.map(({ name }) => `${side}.${quote(name)} AS ${quote(sideColumn(side, name))}`),
  );
  const went = combine.hasMinus ? `CASE WHEN m.${quote(PRESENT)} IS NULL THEN 0 ELSE 1 END` : '0';
  const joins = sides.map((side) => {
    const from =
      side === 'm' ? `(SELECT *, 1 AS ${quote(PRESENT)} FROM ${quote(NAMES.minus)})` : quote(tables[side] ?? '');
    return ` LEFT JOIN ${from} AS ${side} ON ${sameKey(keys, 'k', side)}`;
  });
  return [
    statement(current, (dialect) => {
      const has = `EXISTS (SELECT 1 FROM ${quote(NAMES.keys)} AS k WHERE ${sameKey(keys, 'k', 't')})`;
      const rows = `SELECT t.* FROM ${quote(target)} AS t WHERE ${has}`;
      return `SELECT ${groupedColumns(plan, dialect)} FROM (${rows}) AS r GROUP BY ${quoteAll(keys)}`;
    }),
    statement(
      joined,
      () =>
        `SELECT ${[quoteAll(keys, 'k'), ...values, `${went} AS ${quote(PRESENT)}`].join(', ')} ` +
        `FROM ${quote(NAMES.keys)} AS k${joins.join('')}`,
      false,
    ),
    statement(combinedName(attempt), (dialect) => combinedSql(combine, joined, dialect)),
  ];
}

const PRESENT = '_resaca_present';

function sideColumn(side: string, name: string): string {
  return `${side}_${name}`;
}

function combinedSql({ plan, hasMinus }: CombinePlan, joined: string, dialect: Dialect): string {
  const { measures, rowCount } = plan;
  const schema = new Map(
    measures.map(({ name, type, combine }) => [name, combined(name, type, combine, { hasMinus, dialect })]),
  );
  const columns = plan.schema.fields.map(({ name }) => {
    const value = schema.get(name);
    return value === undefined ? quote(name) : `${value} AS ${quote(name)}`;
  });
  const count = rowCount === undefined ? undefined : `COALESCE(${schema.get(rowCount)}, 0)`;
  const reasons = isAlwaysAnew(plan)
    ? ['TRUE']
    : hasMinus
      ? [
          ...(count === undefined ? [`${quote(PRESENT)} = 1`] : [`${count} < 0`]),
          ...measures
            .filter(({ name }) => name !== rowCount)
            .map(({ name, type, combine }) => lostSql(name, type, combine, `${schema.get(name)}`))
            .map((reason) => (count === undefined ? reason : `(${count} > 0 AND ${reason})`)),
        ]
      : [];
  const anew = reasons.length === 0 ? '0' : `CASE WHEN ${reasons.join(' OR ')} THEN 1 ELSE 0 END`;
  const deletes = count === undefined || isAlwaysAnew(plan) ? '0' : `CASE WHEN ${count} = 0 THEN 1 ELSE 0 END`;
  return (
    `SELECT ${columns.join(', ')}, ${deletes} AS ${quote(COLUMNS.deletes)}, ${anew} AS ${quote(COLUMNS.anew)} ` +
    `FROM ${quote(joined)} AS j`
  );
}

interface Sides {
  readonly hasMinus: boolean;
  readonly dialect: Dialect;
}

function combined(name: string, type: DataType, combine: Combine, { hasMinus, dialect }: Sides): string {
  const [target, plus, minus] = ['t', 'p', 'm'].map((side) => quote(sideColumn(side, name)));
  if (combine === 'anew') return cast('NULL', type, dialect);
  if (combine !== 'sum') return `${combine === 'min' ? 'LEAST' : 'GREATEST'}(${target}, ${plus})`;
  const sides = hasMinus ? [target, plus, minus] : [target, plus];
  const nothing = sides.map((side) => `${side} IS NULL`).join(' AND ');
  const zero = cast('0', type, dialect);
  const sum = `COALESCE(${target}, ${zero}) + COALESCE(${plus}, ${zero})${hasMinus ? ` - COALESCE(${minus}, ${zero})` : ''}`;
  return `CASE WHEN ${nothing} THEN NULL ELSE ${cast(sum, type, dialect)} END`;
}

/** Whether the value that a key would have is not known to be right, because of the rows that went. */
function lostSql(name: string, type: DataType, combine: Combine, value: string): string {
  const minus = quote(sideColumn('m', name));
  const has = `${minus} IS NOT NULL`;
  if (combine === 'min') return `(${has} AND (${minus} > ${value}) IS NOT TRUE)`;
  if (combine === 'max') return `(${has} AND (${minus} < ${value}) IS NOT TRUE)`;
  return isExact(type) ? `(${has} AND ${value} = 0)` : `(${has})`;
}

/** Whether a sum of such values is the same in whatever order they are added and taken off. */
function isExact(type: DataType): boolean {
  return ['long', 'integer', 'short', 'byte'].includes(String(type)) || decimalOf(type) !== undefined;
}

/** What stands for the combined rows: the keys that are computed anew come from `fresh`, and go where they are not in it. */
export function incomingSql(plan: AggregatePlan, attempt: number, fresh: string | undefined): string {
  const combinedRows = quote(combinedName(attempt));
  const columns = plan.schema.fields.map(({ name }) => name);
  const [deletes, anew] = [COLUMNS.deletes, COLUMNS.anew].map(quote);
  const known = `SELECT ${quoteAll(columns)}, ${deletes} FROM ${combinedRows} WHERE ${anew} = 0`;
  if (fresh === undefined) return known;
  const gone =
    `SELECT ${quoteAll(columns, 'c')}, 1 AS ${deletes} FROM ${combinedRows} AS c WHERE c.${anew} = 1 ` +
    `AND NOT EXISTS (SELECT 1 FROM ${quote(fresh)} AS f WHERE ${sameKey(plan.keys, 'f', 'c')})`;
  return `${known} UNION ALL SELECT ${quoteAll(columns)}, 0 AS ${deletes} FROM ${quote(fresh)} UNION ALL ${gone}`;
}

/** Of a transform over all of the source: the rows of the keys that are computed anew. */
export function freshSql(plan: AggregatePlan, transformed: string, attempt: number, dialect: Dialect): string {
  const wanted =
    `SELECT 1 FROM ${quote(combinedName(attempt))} AS c WHERE c.${quote(COLUMNS.anew)} = 1 ` +
    `AND ${sameKey(plan.keys, 'c', 'f')}`;
  const rows = `SELECT ${castColumns(plan, dialect)} FROM (${transformed}) AS r`;
  return `SELECT f.* FROM (${rows}) AS f WHERE EXISTS (${wanted})`;
}

/** A key that a result has twice, which the rule said tells its rows apart. */
export function duplicateKeysSql(keys: readonly string[], from: string): string {
  return `SELECT COUNT(*) AS "n" FROM (SELECT ${quoteAll(keys)} FROM ${quote(from)} GROUP BY ${quoteAll(keys)} HAVING COUNT(*) > 1) AS d`;
}
