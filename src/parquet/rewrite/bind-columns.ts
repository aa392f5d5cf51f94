import {
  type DataType,
  decimalOf,
  formatPath,
  type PrimitiveType,
  type StructType,
  typeName,
} from '../../delta/schema.ts';
import { columnType, isReadableAs } from '../column-type.ts';
import type { Footer } from '../footer.ts';
import { shapeOf } from '../nesting.ts';
import { formatNodeType, type LeafNode, type SchemaNode } from '../schema-node.ts';

/** Where the values of a column of the table come from in a file. */
export type ColumnSource =
  /** The file lacks the column: null in every row. */
  | { readonly kind: 'absent'; readonly type: DataType }
  | { readonly kind: 'leaf'; readonly type: PrimitiveType }
  | { readonly kind: 'struct'; readonly type: DataType; readonly fields: readonly FieldSource[] }
  | { readonly kind: 'list'; readonly type: DataType; readonly element: ColumnSource }
  | { readonly kind: 'map'; readonly type: DataType; readonly key: ColumnSource; readonly value: ColumnSource };

export interface FieldSource {
  readonly name: string;
  readonly source: ColumnSource;
  /** Position among the fields of the file's struct; -1 where the file lacks it. */
  readonly position: number;
}

export interface BindOptions {
  /** Types that the table's columns were widened from are converted (PROTOCOL.md "Type Widening"). @default false */
  readonly typeWidening?: boolean;
  /** Columns and fields that the table does not have are left out, instead of being a problem. @default false */
  readonly dropUnknown?: boolean;
}

export interface BoundFile {
  /** One for each field of the schema, in its order. */
  readonly fields: readonly FieldSource[];
  /** Why the file cannot be rewritten as the schema; none if it can. */
  readonly problems: readonly string[];
  /** Columns and fields, with dots, that the table lacks. */
  readonly unknown: readonly string[];
}

/**
 * Finds the columns of `schema` (without partition columns) in a file. What is taken is what every reader of the table
 * reads with the same values: `columnType` and `isReadableAs` say it of leaves, `shapeOf` of nested columns.
 */
export function bindColumns(footer: Footer, schema: StructType, options: BindOptions = {}): BoundFile {
  const problems: string[] = [];
  const unknown: string[] = [];
  const fields = bindFields({ footer, options, problems, unknown }, footer.root.children, schema);
  if (footer.legacyCalendar && hasTime(schema)) {
    problems.push(
      'Spark wrote its dates or timestamps in the hybrid Julian calendar: what they mean depends on the reader',
    );
  }
  if (unknown.length > 0 && options.dropUnknown !== true) {
    problems.push(`it has columns that the table lacks: ${unknown.join(', ')}`);
  }
  return { fields, problems, unknown };
}

interface Binding {
  readonly footer: Footer;
  readonly options: BindOptions;
  readonly problems: string[];
  readonly unknown: string[];
}

function bindFields(binding: Binding, nodes: readonly SchemaNode[], struct: StructType): FieldSource[] {
  const positions = new Map<string, number>();
  const folded = new Map<string, string>();
  for (const [position, node] of nodes.entries()) {
    const other = folded.get(node.name.toLowerCase());
    if (other !== undefined) {
      problem(binding, node, `differs from "${other}" in case at most`);
    }
    folded.set(node.name.toLowerCase(), node.name);
    positions.set(node.name, position);
  }
  const wanted = new Set(struct.fields.map(({ name }) => name));
  const wantedFolded = new Map(struct.fields.map(({ name }) => [name.toLowerCase(), name]));
  for (const node of nodes) {
    if (wanted.has(node.name)) continue;
    const other = wantedFolded.get(node.name.toLowerCase());
    // Spark finds such a column, delta-rs and DuckDB read nulls.
    if (other !== undefined) problem(binding, node, `is called "${other}" in the table, and readers differ on case`);
    else binding.unknown.push(formatPath(node.path));
  }
  return struct.fields.map(({ name, type }) => {
    const position = positions.get(name) ?? -1;
    const node = nodes[position];
    const source: ColumnSource = node === undefined ? { kind: 'absent', type } : bindNode(binding, node, type);
    return { name, source, position };
  });
}

function bindNode(binding: Binding, node: SchemaNode, type: DataType): ColumnSource {
  const shape = shapeOf(node);
  if (shape.kind === 'unsupported') return refused(binding, node, type, shape.reason);
  if (typeof type === 'string') {
    return shape.kind === 'primitive' ? bindLeaf(binding, shape.leaf, type) : mismatch(binding, node, type);
  }
  if (type.type === 'struct' && shape.kind === 'struct') {
    return { kind: 'struct', type, fields: bindFields(binding, shape.fields, type) };
  }
  if (type.type === 'array' && shape.kind === 'list') {
    return { kind: 'list', type, element: bindNode(binding, shape.element, type.elementType) };
  }
  if (type.type === 'map' && shape.kind === 'map') {
    const key = bindNode(binding, shape.key, type.keyType);
    return { kind: 'map', type, key, value: bindNode(binding, shape.value, type.valueType) };
  }
  return mismatch(binding, node, type);
}

function bindLeaf(binding: Binding, leaf: LeafNode, type: PrimitiveType): ColumnSource {
  const unreadable = binding.footer.unreadable.get(leaf.column);
  if (unreadable !== undefined) return refused(binding, leaf, type, unreadable);
  if (isReadableAs(leaf, type)) return { kind: 'leaf', type };
  const column = columnType(leaf, { int96: 'spark', writtenBySpark: binding.footer.writtenBySpark });
  if (column.kind === 'unsupported') return refused(binding, leaf, type, column.reason);
  const isTaken = isSame(column.type, type) || (binding.options.typeWidening === true && isWidened(column.type, type));
  return isTaken ? { kind: 'leaf', type } : mismatch(binding, leaf, type);
}

/** A decimal may be spelled with spaces. */
function isSame(a: PrimitiveType, b: PrimitiveType): boolean {
  if (a === b) return true;
  const [from, to] = [decimalOf(a), decimalOf(b)];
  return from !== undefined && to !== undefined && from.precision === to.precision && from.scale === to.scale;
}

/** Digits in front of the point that every value of the type fits. */
const INTEGER_DIGITS: Readonly<Partial<Record<PrimitiveType, number>>> = { byte: 10, short: 10, integer: 10, long: 20 };

/** The type changes that PROTOCOL.md "Type Widening" allows, beside those that all readers make anyway. */
function isWidened(from: PrimitiveType, to: PrimitiveType): boolean {
  if (to === 'double') return from === 'float' || from === 'byte' || from === 'short' || from === 'integer';
  if (to === 'timestamp_ntz') return from === 'date';
  const target = decimalOf(to);
  if (target === undefined) return false;
  const digits = INTEGER_DIGITS[from];
  if (digits !== undefined) return target.precision - target.scale >= digits;
  const source = decimalOf(from);
  if (source === undefined || target.scale < source.scale) return false;
  return target.precision - target.scale >= source.precision - source.scale;
}

function mismatch(binding: Binding, node: SchemaNode, type: DataType): ColumnSource {
  return refused(binding, node, type, `the table has ${typeName(type)}`);
}

function refused(binding: Binding, node: SchemaNode, type: DataType, reason: string): ColumnSource {
  problem(binding, node, `is of type ${formatNodeType(node)}: ${reason}`);
  return { kind: 'absent', type };
}

function problem({ problems }: Binding, node: SchemaNode, what: string): void {
  problems.push(`its column "${formatPath(node.path)}" ${what}`);
}

function hasTime(type: DataType): boolean {
  if (typeof type === 'string') return type === 'date' || type === 'timestamp' || type === 'timestamp_ntz';
  if (type.type === 'array') return hasTime(type.elementType);
  if (type.type === 'map') return hasTime(type.keyType) || hasTime(type.valueType);
  return type.fields.some((field) => hasTime(field.type));
}
