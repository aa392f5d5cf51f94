import type { DataType, StructField, StructType } from '../../../delta/schema.ts';
import type { CellValue } from '../../../parquet/write/cell.ts';
import type { Cursor } from './cursor.ts';
import { leaf, type Node } from './node.ts';

export interface NamedNode {
  readonly name: string;
  readonly node: Node;
}

type Row = { [field: string]: CellValue };

/** A nullable field for each node that has a column. */
export function structOf(members: readonly { readonly name: string; readonly node: Pick<Node, 'type'> }[]): StructType {
  const fields = members.flatMap(({ name, node: { type } }): StructField[] =>
    type === undefined ? [] : [{ name, type, nullable: true, metadata: {} }],
  );
  return { type: 'struct', fields };
}

/**
 * An object with the fields of a struct, all null. Copies have the same shape from the start, and a field like
 * `__proto__` as a property of their own, so that setting it sets nothing else.
 */
function emptyRow({ fields }: StructType): Readonly<Row> {
  return Object.fromEntries(fields.map(({ name }) => [name, null]));
}

export function recordNode(members: readonly NamedNode[]): Node {
  const type = structOf(members);
  const empty = emptyRow(type);
  const steps = members
    .filter(({ node }) => !node.isEmpty)
    .map(({ name, node: { type, read } }) => ({ name, hasColumn: type !== undefined, read }));
  const read = (cursor: Cursor): CellValue => {
    const row: Row = { ...empty };
    for (const { name, hasColumn, read } of steps) {
      const value = read(cursor);
      if (hasColumn) row[name] = value;
    }
    return row;
  };
  return { ...sized(type, members), isEmpty: steps.length === 0, read };
}

export function enumNode(symbols: readonly string[]): Node {
  return leaf('string', (cursor) => {
    const index = cursor.int();
    const symbol = symbols[index];
    if (symbol === undefined) throw cursor.error(`the symbol ${index}`, `one of the ${symbols.length} of its enum`);
    return symbol;
  });
}

/** The same for all that are empty: these are a byte in a payload, and there can be as many. */
const NO_ITEMS: readonly CellValue[] = [];
const NO_ENTRIES: ReadonlyMap<string, CellValue> = new Map();

export function arrayNode(item: Node): Node {
  const { type, read, cells } = item;
  if (type === undefined) return { ...NO_COLUMN, read: (cursor) => skipBlocks(cursor, item) };
  return leaf({ type: 'array', elementType: type, containsNull: true }, (cursor) => {
    let items: CellValue[] | undefined;
    for (;;) {
      const count = cursor.blockCount();
      if (count === 0) return items ?? NO_ITEMS;
      items ??= [];
      const end = cursor.blockEnd;
      cursor.claim(count, cells);
      for (let index = 0; index < count; index++) items.push(read(cursor));
      cursor.endBlock(end);
    }
  });
}

/** Keys are never names of properties. One that comes twice has its last value, as in Java. */
export function mapNode(value: Node): Node {
  const { type, read, cells } = value;
  if (type === undefined) {
    const entry = (cursor: Cursor) => {
      cursor.string();
      return read(cursor);
    };
    return { ...NO_COLUMN, read: (cursor) => skipBlocks(cursor, { isEmpty: false, read: entry }) };
  }
  return leaf({ type: 'map', keyType: 'string', valueType: type, valueContainsNull: true }, (cursor) => {
    let entries: Map<string, CellValue> | undefined;
    for (;;) {
      const count = cursor.blockCount();
      if (count === 0) return entries ?? NO_ENTRIES;
      entries ??= new Map();
      const end = cursor.blockEnd;
      cursor.claim(count, cells + 1);
      for (let index = 0; index < count; index++) entries.set(cursor.string(), read(cursor));
      cursor.endBlock(end);
    }
  });
}

const NO_COLUMN = { type: undefined, cells: 0, isEmpty: false };

/** Items that have no column. Those that take no byte can be any number, and are not gone through. */
function skipBlocks(cursor: Cursor, { isEmpty, read }: Pick<Node, 'isEmpty' | 'read'>): null {
  for (;;) {
    const count = cursor.blockCount();
    if (count === 0) return null;
    const end = cursor.blockEnd;
    if (!isEmpty) {
      cursor.claim(count, 0);
      for (let index = 0; index < count; index++) read(cursor);
    }
    cursor.endBlock(end);
  }
}

/** A union that is one column, whichever branch a value has: one type besides null, or two of which one takes both. */
export function unionNode(type: DataType | undefined, branches: readonly Node[]): Node {
  const reads = branches.map(({ read }) => read);
  const cells = Math.max(0, ...branches.map((branch) => branch.cells));
  return { type, cells, isEmpty: false, read: (cursor) => branchAt(reads, cursor)(cursor) };
}

/** A union that is a struct with a member for each branch but null. Null is undefined among the branches. */
export function memberUnionNode(branches: readonly (NamedNode | undefined)[]): Node {
  const members = branches.filter((branch) => branch !== undefined);
  const type = structOf(members);
  const empty = emptyRow(type);
  const reads = branches.map((branch) => (cursor: Cursor): CellValue => {
    if (branch === undefined) return null;
    const { name, node } = branch;
    const value = node.read(cursor);
    const row: Row = { ...empty };
    if (node.type !== undefined) row[name] = value;
    return row;
  });
  return { ...sized(type, members), isEmpty: false, read: (cursor) => branchAt(reads, cursor)(cursor) };
}

function branchAt<T>(branches: readonly T[], cursor: Cursor): T {
  const index = cursor.int();
  const branch = branches[index];
  if (branch === undefined) throw cursor.error(`the branch ${index}`, `one of the ${branches.length} of its union`);
  return branch;
}

/** A struct with its cells, or no column when it has no field: Parquet has no such structs. */
function sized(type: StructType, members: readonly NamedNode[]): Pick<Node, 'type' | 'cells'> {
  if (type.fields.length === 0) return { type: undefined, cells: 0 };
  return { type, cells: members.reduce((sum, { node }) => sum + node.cells, 1) };
}
