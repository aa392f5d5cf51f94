import { type ColumnPath, isStruct, type StructField, type StructType } from './schema.ts';

export interface IndexedColumnsOptions {
  /** The table's schema, partition columns included. */
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  /** Table properties. */
  readonly configuration: Readonly<Record<string, string>>;
  /** Columns by which the table is clustered (domain `delta.clustering`): always indexed. @default none */
  readonly clusteringColumns?: readonly ColumnPath[];
}

/** A leaf that is not a struct, or a struct with the indexed columns in it. */
export type IndexedColumn =
  | { readonly kind: 'leaf'; readonly field: StructField; readonly path: ColumnPath }
  | { readonly kind: 'struct'; readonly name: string; readonly children: readonly IndexedColumn[] };

/** Leaf columns that have statistics by default (PROTOCOL.md has no number; Spark's `DATA_SKIPPING_NUM_INDEXED_COLS`). */
const DEFAULT_INDEXED_COLUMNS = 32;

/**
 * The columns that get statistics, as a tree that mirrors the schema: those of `delta.dataSkippingStatsColumns` where
 * the table has the property, otherwise the first leaf columns (`delta.dataSkippingNumIndexedCols`, -1 for all).
 * Arrays and maps are leaves. Partition columns have none, and do not count.
 */
export function indexedColumns(options: IndexedColumnsOptions): readonly IndexedColumn[] {
  const { schema, partitionColumns, configuration, clusteringColumns = [] } = options;
  const partitions = new Set(partitionColumns.map((name) => name.toLowerCase()));
  const fields = schema.fields.filter(({ name }) => !partitions.has(name.toLowerCase()));
  const named = configuration['delta.dataSkippingStatsColumns'];
  const select =
    named === undefined
      ? firstLeaves(configuration['delta.dataSkippingNumIndexedCols'])
      : withPrefix(parseColumnList(named));
  const clustering = withPrefix(clusteringColumns);
  return prune(fields, [], (path) => select(path) || clustering(path));
}

/**
 * Splits a list of column names as SQL writes them: separated by commas, the parts of a nested name by dots, a part in
 * backquotes where it has such characters itself.
 */
export function parseColumnList(text: string): readonly ColumnPath[] {
  const columns: ColumnPath[] = [];
  let path: string[] = [];
  let part = '';
  const endPart = () => {
    if (part.trim() !== '') path.push(part.trim());
    part = '';
  };
  const endColumn = () => {
    endPart();
    if (path.length > 0) columns.push(path);
    path = [];
  };
  for (const [token] of text.matchAll(/`(?:[^`]|``)*`|[^`]/gsu)) {
    if (token === ',') endColumn();
    else if (token === '.') endPart();
    else part += token.length > 1 && token.startsWith('`') ? token.slice(1, -1).replaceAll('``', '`') : token;
  }
  endColumn();
  return columns;
}

type Select = (path: ColumnPath) => boolean;

/** Called once for every leaf, in the schema's order. */
function firstLeaves(property: string | undefined): Select {
  const limit =
    property !== undefined && /^(-1|\d+)$/.test(property.trim()) ? Number(property) : DEFAULT_INDEXED_COLUMNS;
  if (limit < 0) return () => true;
  let seen = 0;
  return () => seen++ < limit;
}

/** A struct's name stands for all its leaves. Names are compared as Spark resolves them, whatever the case. */
function withPrefix(columns: readonly ColumnPath[]): Select {
  const prefixes = new Set(columns.map(pathKey));
  if (prefixes.size === 0) return () => false;
  return (path) => path.some((_, index) => prefixes.has(pathKey(path.slice(0, index + 1))));
}

function pathKey(path: ColumnPath): string {
  return JSON.stringify(path.map((name) => name.toLowerCase()));
}

function prune(fields: readonly StructField[], parent: ColumnPath, select: Select): readonly IndexedColumn[] {
  const kept: IndexedColumn[] = [];
  for (const field of fields) {
    const path = [...parent, field.name];
    if (isStruct(field.type)) {
      const children = prune(field.type.fields, path, select);
      if (children.length > 0) kept.push({ kind: 'struct', name: field.name, children });
    } else if (select(path)) {
      kept.push({ kind: 'leaf', field, path });
    }
  }
  return kept;
}
