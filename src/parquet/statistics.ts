import type { ColumnPath } from '../delta/schema.ts';
import type { ColumnStatistics, FileStatistics, Nulls } from '../delta/stats.ts';
import type { ColumnBounds } from '../delta/stats-value.ts';
import { type ChunkStatistics, chunkStatistics, definitionHistogram } from './chunk-statistics.ts';
import type { Footer } from './footer.ts';
import { shapeOf } from './nesting.ts';
import { columnNulls, nullCount } from './null-count.ts';
import type { LeafNode, SchemaNode } from './schema-node.ts';
import { type BoundReader, boundReader, compareValues, isTrustedOrder, type StatValue } from './stat-value.ts';

/**
 * What a footer says about the values of the file, merged over its row groups. Nothing is read before it is asked for:
 * of a wide file, only the indexed columns cost anything. The methods do not throw: what makes no sense is not known.
 */
export function fileStatistics(footer: Footer): FileStatistics {
  const columns = new Map(footer.root.children.map((node) => [node.name, node]));
  return {
    numRecords: footer.rowCount,
    column: (path) => columnStatistics(footer, findNode(columns, path)),
    nulls: (path) => nullsAt(footer, columns, path),
  };
}

/** Statistics of a node outside of lists and maps; undefined stands for a column that the file lacks. */
function columnStatistics(footer: Footer, node: SchemaNode | undefined): ColumnStatistics {
  if (node === undefined) return { bounds: NO_BOUNDS, nullCount: footer.rowCount };
  return { bounds: node.kind === 'leaf' ? columnBounds(footer, node) : NO_BOUNDS, nullCount: nullCount(footer, node) };
}

const NO_BOUNDS: ColumnBounds = { kind: 'none' };

interface Bounds {
  readonly min: StatValue | undefined;
  readonly max: StatValue | undefined;
}

const UNKNOWN: Bounds = { min: undefined, max: undefined };

function columnBounds(footer: Footer, leaf: LeafNode): ColumnBounds {
  const reader = boundReader(leaf);
  if (reader === undefined) return NO_BOUNDS;
  const { min, max } = mergedBounds(footer, leaf, reader);
  if (min === undefined && max === undefined) return NO_BOUNDS;
  switch (reader.kind) {
    case 'integer':
      return { kind: 'integer', min: asBigint(min), max: asBigint(max) };
    case 'decimal':
      return { kind: 'decimal', scale: scaleOf(leaf), min: asBigint(min), max: asBigint(max) };
    case 'float':
      return { kind: 'float', min: signedZero(min, -0), max: signedZero(max, 0) };
    case 'date':
      return isAmbiguous(footer, min, FIRST_GREGORIAN_DAY)
        ? NO_BOUNDS
        : { kind: 'date', min: asNumber(min), max: asNumber(max) };
    case 'timestamp':
      return isAmbiguous(footer, min, FIRST_SAFE_MICROS)
        ? NO_BOUNDS
        : { kind: 'timestamp', utc: isUtc(leaf), min: asBigint(min), max: asBigint(max) };
    case 'string':
      return { kind: 'string', min: asBytes(min), max: asBytes(max) };
  }
}

/** 1582-10-15, in days: the calendars of Spark 2 and 3 agree from then on. */
const FIRST_GREGORIAN_DAY = -141_427;
/** 1900-01-01 UTC, in µs: with the time zones before it, the calendars of Spark 2 and 3 differ for timestamps. */
const FIRST_SAFE_MICROS = -2_208_988_800_000_000n;

/**
 * Whether the values are such that readers disagree on what they are: Spark shifts the old dates of files with the
 * hybrid calendar, others do not.
 */
function isAmbiguous(footer: Footer, min: StatValue | undefined, first: StatValue): boolean {
  return footer.legacyCalendar && (min === undefined || compareValues(min, first) < 0);
}

/** The bounds that hold for every row group; each is undefined as soon as one row group does not tell it. */
function mergedBounds(footer: Footer, leaf: LeafNode, reader: BoundReader): Bounds {
  let merged: Bounds | undefined;
  for (const group of footer.rowGroups) {
    if (group.rowCount === 0) continue;
    const statistics = chunkStatistics(footer, group, leaf.column);
    if (statistics === undefined || group.numValues[leaf.column] !== group.rowCount) return UNKNOWN;
    const valued = definitionHistogram(footer, group, leaf.column)?.at(-1);
    const allNull = valued === 0 || statistics.nullCount === group.rowCount;
    if (allNull && !hasBounds(statistics)) continue;
    const bounds = allNull ? UNKNOWN : chunkBounds(footer, leaf, reader, statistics);
    merged =
      merged === undefined ? bounds : { min: lesser(merged.min, bounds.min), max: greater(merged.max, bounds.max) };
    if (merged.min === undefined && merged.max === undefined) return UNKNOWN;
  }
  return merged ?? UNKNOWN;
}

function hasBounds({ min, max, minValue, maxValue }: ChunkStatistics): boolean {
  return (min ?? max ?? minValue ?? maxValue) !== undefined;
}

function chunkBounds(footer: Footer, leaf: LeafNode, reader: BoundReader, statistics: ChunkStatistics): Bounds {
  const trusted = isTrustedOrder(footer.columnOrders[leaf.column], reader);
  const deprecated = reader.signedOrder;
  const min = readBound(reader, trusted, statistics.minValue, deprecated, statistics.min, statistics.minExact);
  const max = readBound(reader, trusted, statistics.maxValue, deprecated, statistics.max, statistics.maxExact);
  // A NaN among the bounds means that they were computed with comparisons that have no order.
  if (Number.isNaN(min) || Number.isNaN(max)) return UNKNOWN;
  if (min !== undefined && max !== undefined && compareValues(min, max) > 0) return UNKNOWN;
  return { min, max: reader.kind === 'float' && mayHideNaN(footer, statistics) ? undefined : max };
}

/**
 * A bound from the pair that is in the column's order. One that is not exact bounds the values all the same, but only
 * those of strings may be so in Delta: Spark answers MIN and MAX of other types from the statistics.
 */
function readBound(
  reader: BoundReader,
  trusted: boolean,
  value: Uint8Array | undefined,
  deprecated: boolean,
  old: Uint8Array | undefined,
  exact: boolean | undefined,
): StatValue | undefined {
  if (exact === false && reader.kind !== 'string') return undefined;
  if (trusted && value !== undefined) return reader.read(value);
  return deprecated && old !== undefined ? reader.read(old) : undefined;
}

/**
 * Spark and DuckDB order NaN above all other values, and Parquet keeps it out of the bounds: with a NaN among the
 * values, the largest number is no upper bound. Only a count of NaNs tells that there is none (parquet.thrift,
 * `Statistics.nan_count`), or a writer of which it is known that it has no bounds then, or NaN as one.
 */
function mayHideNaN(footer: Footer, statistics: ChunkStatistics): boolean {
  if (statistics.nanCount !== undefined) return statistics.nanCount > 0;
  return !NAN_AWARE_WRITER.test(footer.createdBy);
}

/** parquet-java (as seen from Spark 4.1) has NaN as bound, DuckDB (1.1 to 2.0) leaves the bounds out. */
const NAN_AWARE_WRITER = /^(parquet-mr version |DuckDB version v)/;

function lesser(a: StatValue | undefined, b: StatValue | undefined): StatValue | undefined {
  if (a === undefined || b === undefined) return undefined;
  return compareValues(a, b) <= 0 ? a : b;
}

function greater(a: StatValue | undefined, b: StatValue | undefined): StatValue | undefined {
  if (a === undefined || b === undefined) return undefined;
  return compareValues(a, b) >= 0 ? a : b;
}

/** A zero bound may stand for either zero (parquet.thrift, `ColumnOrder`). */
function signedZero(value: StatValue | undefined, zero: number): number | undefined {
  return value === 0 ? zero : asNumber(value);
}

function asBigint(value: StatValue | undefined): bigint | undefined {
  return typeof value === 'number' ? BigInt(value) : typeof value === 'bigint' ? value : undefined;
}

function asNumber(value: StatValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function asBytes(value: StatValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}

function scaleOf({ logical }: LeafNode): number {
  return logical?.kind === 'DECIMAL' ? logical.scale : 0;
}

function isUtc({ logical }: LeafNode): boolean {
  return logical?.kind === 'TIMESTAMP' && logical.utc;
}

type Columns = ReadonlyMap<string, SchemaNode>;

/** The node of a column; undefined when the file lacks it, or a struct around it. */
function findNode(columns: Columns, path: ColumnPath): SchemaNode | undefined {
  let node = columns.get(path[0] ?? '');
  for (const name of path.slice(1)) {
    if (node === undefined) return undefined;
    node = childNode(node, name);
  }
  return node;
}

function childNode(node: SchemaNode, name: string): SchemaNode | undefined {
  const shape = shapeOf(node);
  switch (shape.kind) {
    case 'struct':
      return shape.fields.find((field) => field.name === name);
    case 'list':
      return name === 'element' ? shape.element : undefined;
    case 'map':
      return name === 'key' ? shape.key : name === 'value' ? shape.value : undefined;
    default:
      return undefined;
  }
}

/** A field that the file lacks is null wherever the struct around it is not. */
function nullsAt(footer: Footer, columns: Columns, path: ColumnPath): Nulls {
  const node = findNode(columns, path);
  if (node !== undefined) return columnNulls(footer, node);
  const parentIsThere = path.length === 1 || findNode(columns, path.slice(0, -1)) !== undefined;
  return parentIsThere && footer.rowCount > 0 ? 'some' : 'none';
}
