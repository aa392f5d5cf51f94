import type { Nulls } from '../delta/stats.ts';
import { chunkStatistics, definitionHistogram } from './chunk-statistics.ts';
import type { Footer } from './footer.ts';
import type { RowGroup } from './row-group.ts';
import type { LeafNode, SchemaNode } from './schema-node.ts';

/**
 * Rows in which a node outside of lists and maps is null, those included in which something around it is: what Delta
 * calls the null count of a column. Undefined where the footer does not tell.
 *
 * For a plain column, and for one in structs, the null count of its chunk is just that. For a list or map it is not:
 * the chunks below it count null and empty lists and null elements alike, some writers more and some less. There, only
 * the histogram of the definition levels tells, as a null list is a value whose level ends above the list.
 */
export function nullCount(footer: Footer, node: SchemaNode): number | undefined {
  if (node.definition === 0) return 0;
  let total = 0;
  for (const group of footer.rowGroups) {
    const count = nullRows(footer, group, node);
    if (count === undefined) return undefined;
    total += count;
  }
  return total;
}

/** Whether the node is null anywhere where what is around it is not. */
export function columnNulls(footer: Footer, node: SchemaNode): Nulls {
  if (node.repetition === 'REQUIRED') return 'none';
  let result: Nulls = 'none';
  for (const group of footer.rowGroups) {
    const nulls = nullsInGroup(footer, group, node);
    if (nulls === 'some') return 'some';
    if (nulls === 'unknown') result = 'unknown';
  }
  return result;
}

function nullRows(footer: Footer, group: RowGroup, node: SchemaNode): number | undefined {
  if (group.rowCount === 0) return 0;
  const leaf = firstLeaf(node);
  if (leaf === undefined) return undefined;
  const levels = definitionHistogram(footer, group, leaf.column);
  const below = levels === undefined ? undefined : sumBelow(levels, node.definition);
  if (node !== leaf) return below;
  const counted = leafNullCount(footer, group, leaf, levels !== undefined);
  if (counted === undefined || below === undefined) return counted ?? below;
  return counted === below ? counted : undefined;
}

function nullsInGroup(footer: Footer, group: RowGroup, node: SchemaNode): Nulls {
  if (group.rowCount === 0) return 'none';
  for (const leaf of leavesOf(node)) {
    const levels = definitionHistogram(footer, group, leaf.column);
    const nulls = levels?.[node.definition - 1];
    if (nulls !== undefined) return nulls > 0 ? 'some' : 'none';
    const counted = leafNullCount(footer, group, leaf, false);
    if (counted === 0) return 'none';
    // With nothing else on the path that can be null, the nulls are the node's own.
    if (counted !== undefined && leaf.definition === 1) return 'some';
  }
  return 'unknown';
}

/**
 * Null count of a chunk with one value a row; undefined where it has none, or one that may be wrong: that of a field
 * of a nullable struct is to be `verified`, unless the writer is known for right ones.
 */
function leafNullCount(footer: Footer, group: RowGroup, leaf: LeafNode, verified: boolean): number | undefined {
  if (leaf.repeats > 0 || group.numValues[leaf.column] !== group.rowCount) return undefined;
  if (leaf.definition === 0) return 0;
  const nullableParents = leaf.definition - (leaf.repetition === 'OPTIONAL' ? 1 : 0);
  if (nullableParents > 0 && !verified && !COUNTS_NULL_PARENTS.test(footer.createdBy)) return undefined;
  const count = chunkStatistics(footer, group, leaf.column)?.nullCount;
  return count === undefined || count > group.rowCount ? undefined : count;
}

/**
 * Writers that were seen to count a field of a struct as null wherever the struct is. Arrow C++ (10 to 26) does not
 * when the field is a dictionary.
 */
const COUNTS_NULL_PARENTS = /^(parquet-mr version |DuckDB version v|Polars )/;

function sumBelow(levels: readonly number[], level: number): number {
  let sum = 0;
  for (let index = 0; index < level; index++) sum += levels[index] ?? 0;
  return sum;
}

function firstLeaf(node: SchemaNode): LeafNode | undefined {
  for (const leaf of leavesOf(node)) return leaf;
  return undefined;
}

function* leavesOf(node: SchemaNode): Generator<LeafNode> {
  if (node.kind === 'leaf') yield node;
  else for (const child of node.children) yield* leavesOf(child);
}
