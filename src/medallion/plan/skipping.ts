import type { AddFile } from '../../delta/actions.ts';
import { partitionValue } from '../../delta/partition.ts';
import { type DataType, decimalOf, type StructType } from '../../delta/schema.ts';
import type { Statement } from '../engine.ts';
import { cast, type Dialect, literal, quote, quoteAll, statement } from './sql.ts';

/** Parts into which the keys of a batch are cut in their order, so that files between them are seen not to have any. */
const KEY_RANGES = 256;

/** A key column by which files can be told apart. */
export interface KeyColumn {
  readonly name: string;
  readonly type: DataType;
  /** Its values are those of the partitions. */
  readonly isPartition: boolean;
}

/** Columns without an order that statistics keep (floats: these do not tell of NaN) tell no files apart. */
export function keyColumns(
  keys: readonly string[],
  schema: StructType,
  partitionColumns: readonly string[],
): KeyColumn[] {
  return keys.flatMap((name) => {
    const type = schema.fields.find((field) => field.name === name)?.type;
    const isPartition = partitionColumns.includes(name);
    return type !== undefined && isOrdered(type) ? [{ name, type, isPartition }] : [];
  });
}

function isOrdered(type: DataType): boolean {
  const ordered = ['long', 'integer', 'short', 'byte', 'date', 'timestamp', 'timestamp_ntz', 'string'];
  return typeof type === 'string' && (ordered.includes(type) || decimalOf(type) !== undefined);
}

/** The least and greatest values of the keys of each part of `from`, and how many nulls there are. */
export function rangesStatement(name: string, columns: readonly KeyColumn[], from: string): Statement {
  const names = columns.map((column) => column.name);
  const bounds = columns.flatMap(({ name }, index) => [
    `MIN(${quote(name)}) AS "min${index}"`,
    `MAX(${quote(name)}) AS "max${index}"`,
    `SUM(CASE WHEN ${quote(name)} IS NULL THEN 1 ELSE 0 END) AS "nulls${index}"`,
  ]);
  const parts = `SELECT ${quoteAll(names)}, NTILE(${KEY_RANGES}) OVER (ORDER BY ${quoteAll(names)}) AS "part" FROM ${quote(from)}`;
  return statement(name, () => `SELECT ${bounds.join(', ')} FROM (${parts}) AS p GROUP BY "part"`);
}

/** Numbers (places in `files`) of those that may have rows with keys of the ranges of `rangesStatement`. */
export function mayHaveKeysSql(
  ranges: string,
  columns: readonly KeyColumn[],
  files: readonly AddFile[],
  dialect: Dialect,
): string {
  const names = ['"number"', ...columns.flatMap((_, index) => [`"low${index}"`, `"high${index}"`, `"some${index}"`])];
  const rows = files.map((file, number) => {
    const statistics = parseStatistics(file.stats);
    const cells = columns.flatMap((column) => cellsOf(boundsOf(column, file, statistics), column, dialect));
    return `(${[number, ...cells].join(', ')})`;
  });
  const conditions = columns.map(({ type }, index) => {
    const below = `(f."low${index}" IS NULL OR r."max${index}" >= f."low${index}")`;
    const above = `(f."high${index}" IS NULL OR r."min${index}" <= f."high${index}")`;
    // An empty text is null where it is the value of a partition.
    const isEmpty = type === 'string' ? ` OR f."low${index}" IS NULL OR f."low${index}" = ''` : '';
    const none = `r."nulls${index}" > 0 AND (f."some${index}" = 1${isEmpty})`;
    return `((${below} AND ${above} AND r."min${index}" IS NOT NULL) OR (${none}))`;
  });
  return (
    `SELECT DISTINCT f."number" AS "number" FROM (VALUES ${rows.join(', ')}) AS f(${names.join(', ')}) ` +
    `JOIN ${quote(ranges)} AS r ON ${conditions.join(' AND ')}`
  );
}

/** What is known of a column's values in a file; a bound that is not known is undefined. */
interface Bounds {
  readonly low: string | undefined;
  readonly high: string | undefined;
  readonly mayHaveNulls: boolean;
}

const UNKNOWN: Bounds = { low: undefined, high: undefined, mayHaveNulls: true };

interface FileStatistics {
  readonly minValues?: Readonly<Record<string, unknown>>;
  readonly maxValues?: Readonly<Record<string, unknown>>;
  readonly nullCount?: Readonly<Record<string, unknown>>;
}

/** Numbers as their text, so that no digit of them is lost. */
function parseStatistics(stats: string | undefined): FileStatistics {
  if (stats === undefined) return {};
  try {
    const keepText = (_name: string, value: unknown, context?: { readonly source?: string }): unknown =>
      typeof value === 'number' ? (context?.source ?? String(value)) : value;
    const parsed: unknown = JSON.parse(stats, keepText);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {}; // Statistics that cannot be read skip nothing.
  }
}

function boundsOf(column: KeyColumn, file: AddFile, statistics: FileStatistics): Bounds {
  if (column.isPartition) {
    const raw = file.partitionValues[column.name] ?? null;
    const value = canonical(raw, column.type);
    if (raw === null || raw === '') return { low: undefined, high: undefined, mayHaveNulls: true };
    return value === undefined ? UNKNOWN : { low: value, high: value, mayHaveNulls: false };
  }
  const [low, high] = [statistics.minValues, statistics.maxValues].map((values) => values?.[column.name]);
  return {
    low: typeof low === 'string' ? canonical(low, column.type) : undefined,
    high: typeof high === 'string' ? withSlack(canonical(high, column.type), column.type) : undefined,
    mayHaveNulls: statistics.nullCount?.[column.name] !== '0',
  };
}

/** Undefined for what is no value of the type. */
function canonical(text: string | null, type: DataType): string | undefined {
  if (text === null) return undefined;
  if (type === 'string') return text;
  try {
    return partitionValue(text, type) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Greatest timestamps are cut to the ms below (Spark's and this project's statistics). */
function withSlack(value: string | undefined, type: DataType): string | undefined {
  if (value === undefined || (type !== 'timestamp' && type !== 'timestamp_ntz')) return value;
  const time = Date.parse(`${value.slice(0, 10)}T${value.slice(11, 19)}${/\.\d{3}/.exec(value)?.[0] ?? ''}Z`);
  if (Number.isNaN(time)) return undefined;
  const next = new Date(time + 1).toISOString();
  return next.startsWith('+') ? undefined : type === 'timestamp' ? next : next.slice(0, -1);
}

function cellsOf(bounds: Bounds, { type }: KeyColumn, dialect: Dialect): string[] {
  const value = (text: string | undefined) => cast(text === undefined ? 'NULL' : literal(text, dialect), type, dialect);
  return [value(bounds.low), value(bounds.high), bounds.mayHaveNulls ? '1' : '0'];
}
