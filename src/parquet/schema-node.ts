import { ParquetError } from './errors.ts';
import { formatLogicalType, type LogicalType, logicalTypeOfConverted, readLogicalType } from './logical-type.ts';
import { type FieldReader, readInteger, readList, readStruct, readText, type ThriftCursor, WIRE } from './thrift.ts';

export type PhysicalType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'INT96'
  | 'FLOAT'
  | 'DOUBLE'
  | 'BYTE_ARRAY'
  | 'FIXED_LEN_BYTE_ARRAY';

export type Repetition = 'REQUIRED' | 'OPTIONAL' | 'REPEATED';

/** A node of the file's schema tree. */
export type SchemaNode = GroupNode | LeafNode;

interface NodeBase {
  readonly name: string;
  /** Names from below the root to this node. */
  readonly path: readonly string[];
  readonly repetition: Repetition;
  readonly logical: LogicalType | undefined;
  /** Definition level at which the node is there: the nodes on its path that are not required, itself included. */
  readonly definition: number;
  /** Repetition level: the repeated nodes on its path, itself included. */
  readonly repeats: number;
}

export interface GroupNode extends NodeBase {
  readonly kind: 'group';
  readonly children: readonly SchemaNode[];
}

export interface LeafNode extends NodeBase {
  readonly kind: 'leaf';
  readonly physical: PhysicalType;
  /** Bytes of a FIXED_LEN_BYTE_ARRAY; 0 for other types. */
  readonly typeLength: number;
  /** Position among the file's leaf columns, which is its position in every row group. */
  readonly column: number;
}

/** The schema of a file: its tree, and its leaves in the order of the columns. */
export interface FileSchema {
  readonly root: GroupNode;
  readonly columns: readonly LeafNode[];
}

/** Physical types by their number in `Type`. */
export const PHYSICAL_TYPES: readonly PhysicalType[] = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
];

/**
 * Most elements of a schema. It bounds the memory that a hostile footer can claim; the widest real tables have some
 * ten thousand columns.
 */
export const MAX_SCHEMA_ELEMENTS = 100_000;
/** Deepest tree; a nested Delta column of that depth is readable by nobody. */
const MAX_TREE_DEPTH = 64;
const REPETITIONS: readonly Repetition[] = ['REQUIRED', 'OPTIONAL', 'REPEATED'];

/** Reads the list of `SchemaElement`, which is the tree in depth-first order (parquet.thrift, `FileMetaData.schema`). */
export function readSchema(cursor: ThriftCursor, type: number): FileSchema {
  const known = recentSchemas.find(({ bytes }) => startsWith(cursor, bytes));
  if (known !== undefined && type === WIRE.LIST) {
    cursor.offset += known.bytes.length;
    return known.schema;
  }
  const start = cursor.offset;
  const schema = parseSchema(cursor, type);
  const bytes = cursor.bytes.slice(start, cursor.offset);
  if (bytes.length <= MAX_RECENT_BYTES) {
    recentSchemas.unshift({ bytes, schema });
    recentSchemas.length = Math.min(recentSchemas.length, MAX_RECENT);
  }
  return schema;
}

/**
 * The schemas that were read last. The files of a table mostly have the very same bytes there, and so share one tree:
 * of a thousand wide files in a batch, the trees would be most of the memory.
 */
const recentSchemas: { readonly bytes: Uint8Array; readonly schema: FileSchema }[] = [];
const MAX_RECENT = 8;
const MAX_RECENT_BYTES = 256 * 1024;

function startsWith({ bytes, offset }: ThriftCursor, prefix: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(offset, offset + prefix.length), prefix) === 0;
}

function parseSchema(cursor: ThriftCursor, type: number): FileSchema {
  const elements: Element[] = [];
  readList(cursor, type, (itemCursor, itemType) => {
    if (elements.length === MAX_SCHEMA_ELEMENTS) {
      throw new ParquetError('FOOTER_TOO_LARGE', `the schema has more than ${MAX_SCHEMA_ELEMENTS} elements`);
    }
    elements.push(readStruct(itemCursor, itemType, newElement(), readElementField));
  });
  return buildTree(elements);
}

/** The type of a node for messages, e.g. `INT64 TIMESTAMP(isAdjustedToUTC=true, unit=NANOS)` or `group MAP`. */
export function formatNodeType(node: SchemaNode): string {
  let physical = 'group';
  if (node.kind === 'leaf') {
    physical = node.physical === 'FIXED_LEN_BYTE_ARRAY' ? `${node.physical}(${node.typeLength})` : node.physical;
  }
  return node.logical === undefined ? physical : `${physical} ${formatLogicalType(node.logical)}`;
}

interface Element {
  type: number | undefined;
  typeLength: number;
  repetition: number | undefined;
  name: string | undefined;
  children: number | undefined;
  converted: number | undefined;
  scale: number;
  precision: number;
  logical: LogicalType | undefined;
}

function newElement(): Element {
  return {
    type: undefined,
    typeLength: 0,
    repetition: undefined,
    name: undefined,
    children: undefined,
    converted: undefined,
    scale: 0,
    precision: 0,
    logical: undefined,
  };
}

const readElementField: FieldReader<Element> = (cursor, id, type, element) => {
  switch (id) {
    case 1:
      element.type = readInteger(cursor, type);
      return true;
    case 2:
      element.typeLength = readInteger(cursor, type);
      return true;
    case 3:
      element.repetition = readInteger(cursor, type);
      return true;
    case 4:
      element.name = readText(cursor, type);
      return true;
    case 5:
      element.children = readInteger(cursor, type);
      return true;
    case 6:
      element.converted = readInteger(cursor, type);
      return true;
    case 7:
      element.scale = readInteger(cursor, type);
      return true;
    case 8:
      element.precision = readInteger(cursor, type);
      return true;
    case 10:
      element.logical = readLogicalType(cursor, type);
      return true;
    default:
      return false;
  }
};

interface Builder {
  readonly elements: readonly Element[];
  readonly columns: LeafNode[];
  next: number;
}

function buildTree(elements: readonly Element[]): FileSchema {
  const builder: Builder = { elements, columns: [], next: 0 };
  const rootElement = takeElement(builder, []);
  if (rootElement.type !== undefined) throw new ParquetError('CORRUPT', 'the root of the schema is a column');
  const base = { name: rootElement.name ?? '', path: [], logical: undefined, definition: 0, repeats: 0 };
  const children = buildChildren(builder, rootElement.children ?? 0, base, 0);
  if (builder.next !== elements.length) {
    throw new ParquetError('CORRUPT', `the schema has ${elements.length} elements, its tree ${builder.next}`);
  }
  return { root: { kind: 'group', ...base, repetition: 'REQUIRED', children }, columns: builder.columns };
}

function buildChildren(builder: Builder, count: number, parent: ParentLevels, depth: number): readonly SchemaNode[] {
  if (depth === MAX_TREE_DEPTH) throw new ParquetError('CORRUPT', `the schema is deeper than ${MAX_TREE_DEPTH} levels`);
  const children: SchemaNode[] = [];
  for (let index = 0; index < count; index++) children.push(buildNode(builder, parent, depth));
  return children;
}

type ParentLevels = Pick<NodeBase, 'path' | 'definition' | 'repeats'>;

function buildNode(builder: Builder, parent: ParentLevels, depth: number): SchemaNode {
  const element = takeElement(builder, parent.path);
  const name = element.name ?? '';
  const path = [...parent.path, name];
  const repetition = REPETITIONS[element.repetition ?? -1];
  if (repetition === undefined) throw corruptNode(path, `has the repetition ${element.repetition}`);
  const base = {
    name,
    path,
    repetition,
    logical: logicalOf(element),
    definition: parent.definition + (repetition === 'REQUIRED' ? 0 : 1),
    repeats: parent.repeats + (repetition === 'REPEATED' ? 1 : 0),
  };
  if (element.type === undefined) {
    const children = buildChildren(builder, element.children ?? 0, base, depth + 1);
    return { kind: 'group', ...base, children };
  }
  if (element.children) throw corruptNode(path, 'has both a type and children');
  const physical = PHYSICAL_TYPES[element.type];
  if (physical === undefined) throw corruptNode(path, `has the unknown physical type ${element.type}`);
  const typeLength = physical === 'FIXED_LEN_BYTE_ARRAY' ? element.typeLength : 0;
  if (typeLength < 0) throw corruptNode(path, `has the length ${typeLength}`);
  const leaf: LeafNode = { kind: 'leaf', ...base, physical, typeLength, column: builder.columns.length };
  builder.columns.push(leaf);
  return leaf;
}

function takeElement(builder: Builder, parent: readonly string[]): Element {
  const element = builder.elements[builder.next++];
  if (element === undefined) throw corruptNode(parent, 'announces more children than the schema has elements');
  if (element.name === undefined) throw corruptNode(parent, 'has a child without a name');
  return element;
}

function logicalOf(element: Element): LogicalType | undefined {
  if (element.logical !== undefined) return element.logical;
  if (element.converted === undefined) return undefined;
  return logicalTypeOfConverted(element.converted, element.precision, element.scale);
}

function corruptNode(path: readonly string[], detail: string): ParquetError {
  const column = path.join('.');
  return new ParquetError('CORRUPT', `the schema's node "${column}" ${detail}`, { column });
}
