import { type ColumnPath, type DataType, formatPath, type StructType } from './schema.ts';
import { type IndexedColumn, type IndexedColumnsOptions, indexedColumns } from './stats-columns.ts';
import { boundText, type ColumnBounds, isSkippingEligible } from './stats-value.ts';

export interface ColumnStatistics {
  readonly bounds: ColumnBounds;
  /** Rows that have no value for the column, those where a struct around it is null included; undefined if not known. */
  readonly nullCount: number | undefined;
}

/** Whether a column has null where what is around it is not null. */
export type Nulls = 'none' | 'some' | 'unknown';

/** What a data file says about its values. The implementation for Parquet is `fileStatistics` in `src/parquet/statistics.ts`. */
export interface FileStatistics {
  /** Rows of the file. */
  readonly numRecords: number;
  /** Statistics of a column outside of arrays and maps. A column that the file lacks is null in every row. */
  column(path: ColumnPath): ColumnStatistics;
  /** Nulls of a column; `element`, `key` and `value` in its path stand for the parts of arrays and maps. */
  nulls(path: ColumnPath): Nulls;
}

export interface StatsOptions extends IndexedColumnsOptions {
  /** Say that the bounds are tight, as Spark does where the table has deletion vectors. Absent means the same. @default false */
  readonly tightBounds?: boolean;
}

/**
 * The `stats` of an `add`, as Spark writes it (PROTOCOL.md "Per-file Statistics"): JSON text with the number of rows,
 * and the bounds and null counts of the indexed columns as far as the file tells them. What is left out is not known;
 * what is there is true.
 */
export function statsJson(file: FileStatistics, options: StatsOptions): string {
  const prefixLength = stringPrefixLength(options.configuration);
  const columns = indexedColumns(options).map((column) => withStatistics(file, column));
  const bound = (side: 'min' | 'max') => (leaf: StatisticsLeaf) =>
    boundText(leaf.statistics.bounds, side, leaf.type, prefixLength);

  const members = [`"numRecords":${file.numRecords}`];
  const eligible = withoutIneligible(columns);
  // Without any bound no section: delta-rs, when PyArrow filters, takes an empty one for bounds that are null.
  if (hasAny(eligible, bound('min'))) members.push(`"minValues":${objectText(eligible, bound('min'))}`);
  if (hasAny(eligible, bound('max'))) members.push(`"maxValues":${objectText(eligible, bound('max'))}`);
  if (columns.length > 0) members.push(`"nullCount":${objectText(columns, nullCountText)}`);
  if (options.tightBounds === true) members.push('"tightBounds":true');
  return `{${members.join(',')}}`;
}

export interface ColumnNulls {
  /** Dotted path, as messages have it. */
  readonly column: string;
  readonly nulls: Nulls;
}

/**
 * For each column of the table that is not nullable, nested ones included, whether the file has null there. A field of
 * a struct that is itself null does not count. Partition columns are left out: their values are not in the file.
 */
export function fileNullability(
  file: FileStatistics,
  table: { readonly schema: StructType; readonly partitionColumns: readonly string[] },
): readonly ColumnNulls[] {
  const partitions = new Set(table.partitionColumns.map((name) => name.toLowerCase()));
  const fields = table.schema.fields.filter(({ name }) => !partitions.has(name.toLowerCase()));
  const found: ColumnNulls[] = [];
  const check = (path: ColumnPath, type: DataType, nullable: boolean): void => {
    if (!nullable) found.push({ column: formatPath(path), nulls: file.nulls(path) });
    if (typeof type === 'string') return;
    if (type.type === 'struct') {
      for (const field of type.fields) check([...path, field.name], field.type, field.nullable);
    } else if (type.type === 'array') {
      check([...path, 'element'], type.elementType, type.containsNull);
    } else {
      check([...path, 'key'], type.keyType, true);
      check([...path, 'value'], type.valueType, type.valueContainsNull);
    }
  };
  check([], { type: 'struct', fields }, true);
  return found;
}

interface StatisticsLeaf {
  readonly kind: 'leaf';
  readonly name: string;
  readonly type: DataType;
  readonly statistics: ColumnStatistics;
}

type StatisticsNode =
  | StatisticsLeaf
  | { readonly kind: 'struct'; readonly name: string; readonly children: readonly StatisticsNode[] };

function withStatistics(file: FileStatistics, column: IndexedColumn): StatisticsNode {
  if (column.kind === 'leaf') {
    const { name, type } = column.field;
    return { kind: 'leaf', name, type, statistics: file.column(column.path) };
  }
  const children = column.children.map((child) => withStatistics(file, child));
  return { kind: 'struct', name: column.name, children };
}

/** A struct stays, empty if need be, as long as a type in it can have bounds. */
function withoutIneligible(nodes: readonly StatisticsNode[]): readonly StatisticsNode[] {
  return nodes.flatMap((node): StatisticsNode[] => {
    if (node.kind === 'leaf') return isSkippingEligible(node.type) ? [node] : [];
    const children = withoutIneligible(node.children);
    return children.length === 0 ? [] : [{ ...node, children }];
  });
}

type LeafText = (leaf: StatisticsLeaf) => string | undefined;

function hasAny(nodes: readonly StatisticsNode[], leafText: LeafText): boolean {
  return nodes.some((node) => (node.kind === 'leaf' ? leafText(node) !== undefined : hasAny(node.children, leafText)));
}

function objectText(nodes: readonly StatisticsNode[], leafText: LeafText): string {
  const members: string[] = [];
  for (const node of nodes) {
    const text = node.kind === 'leaf' ? leafText(node) : objectText(node.children, leafText);
    if (text !== undefined) members.push(`${JSON.stringify(node.name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}

function nullCountText({ statistics }: StatisticsLeaf): string | undefined {
  return statistics.nullCount?.toString();
}

/** Code points of a string bound (Spark's `DATA_SKIPPING_STRING_PREFIX_LENGTH`). */
const DEFAULT_STRING_PREFIX_LENGTH = 32;

function stringPrefixLength(configuration: Readonly<Record<string, string>>): number {
  const property = configuration['delta.dataSkippingStringPrefixLength'];
  return property !== undefined && /^\d+$/.test(property) ? Number(property) : DEFAULT_STRING_PREFIX_LENGTH;
}
