import type { ColumnPath, DataType, StructField, StructType } from '../delta/schema.ts';
import { columnType, type Int96Policy, isReadableAs } from './column-type.ts';
import { ParquetError } from './errors.ts';
import type { Footer } from './footer.ts';
import { shapeOf } from './nesting.ts';
import { formatNodeType, type SchemaNode } from './schema-node.ts';

export interface DeltaSchemaOptions {
  /**
   * The table that the file is for. A column that all readers read right as the type that the table has for it gets
   * that type (an INT32 under a `long`, nulls of an unknown type under a `string`).
   */
  readonly table?: StructType;
  /** Whether INT96 is taken as a timestamp. @default 'spark': in files that Spark wrote */
  readonly int96?: Int96Policy;
}

/** A column that not all readers read right, whatever it is declared as. */
export interface UnsupportedColumn {
  readonly code: 'UNSUPPORTED_TYPE' | 'UNSUPPORTED_ENCODING';
  /** Top-level column to which it belongs. */
  readonly column: string;
  /** Names in the file's schema, down to the node that is at fault. */
  readonly path: ColumnPath;
  /** Its Parquet type, for people. */
  readonly type: string;
  readonly reason: string;
  /** Some reader cannot open a file with such a column, even if it does not read the column. */
  readonly breaksFile: boolean;
}

export interface FileColumns {
  /** The columns that can be declared, in the file's order. */
  readonly schema: StructType;
  readonly unsupported: readonly UnsupportedColumn[];
}

/**
 * The Delta schema of a file. Everything is nullable, whether or not Parquet requires it: a table starts without
 * constraints, and `fileStatistics` tells what a NOT NULL column needs to know. Names are taken as they are; whether a
 * table can have them is for the table to say.
 *
 * Throws `UNSUPPORTED_TYPE` or `UNSUPPORTED_ENCODING`, naming every column at fault, when there is one; the former also
 * when the file has no column at all.
 */
export function deltaSchema(footer: Footer, options: DeltaSchemaOptions = {}): StructType {
  const { schema, unsupported } = fileColumns(footer, options);
  const [first] = unsupported;
  if (first !== undefined) {
    const column = first.path.join('.');
    throw new ParquetError(first.code, unsupported.map(describe).join('; '), {
      column,
      type: first.type,
      unsupported,
    });
  }
  if (schema.fields.length === 0) throw new ParquetError('UNSUPPORTED_TYPE', 'the file has no columns');
  return schema;
}

/** As `deltaSchema`, for a caller to whom some columns of the file do not matter. */
export function fileColumns(footer: Footer, options: DeltaSchemaOptions = {}): FileColumns {
  const { int96 = 'spark', table } = options;
  const unsupported: UnsupportedColumn[] = [];
  const { writtenBySpark, unreadable } = footer;
  const conversion: Conversion = { int96, writtenBySpark, unreadable, unsupported };
  return { schema: { type: 'struct', fields: convertFields(conversion, footer.root.children, table) }, unsupported };
}

interface Conversion {
  readonly int96: Int96Policy;
  readonly writtenBySpark: boolean;
  readonly unreadable: ReadonlyMap<number, string>;
  readonly unsupported: UnsupportedColumn[];
}

function convertFields(
  conversion: Conversion,
  nodes: readonly SchemaNode[],
  table: DataType | undefined,
): StructField[] {
  const declared = new Map(structFields(table).map(({ name, type }) => [name, type]));
  const fields: StructField[] = [];
  for (const node of nodes) {
    const type = convertNode(conversion, node, declared.get(node.name));
    if (type !== undefined) fields.push({ name: node.name, type, nullable: true, metadata: {} });
  }
  return fields;
}

/** The type of a node; undefined, with a note of it, where it or something in it has none. */
function convertNode(conversion: Conversion, node: SchemaNode, table: DataType | undefined): DataType | undefined {
  const shape = shapeOf(node);
  switch (shape.kind) {
    case 'unsupported':
      return refuse(conversion, node, shape);
    case 'primitive': {
      const unreadable = conversion.unreadable.get(shape.leaf.column);
      if (unreadable !== undefined) {
        return refuse(conversion, node, { reason: unreadable, breaksFile: false }, 'UNSUPPORTED_ENCODING');
      }
      if (table !== undefined && isReadableAs(shape.leaf, table)) return table;
      const column = columnType(shape.leaf, conversion);
      return column.kind === 'type' ? column.type : refuse(conversion, node, column);
    }
    case 'struct': {
      const fields = convertFields(conversion, shape.fields, table);
      return fields.length === shape.fields.length ? { type: 'struct', fields } : undefined;
    }
    case 'list': {
      const elementType = convertNode(conversion, shape.element, part(table, 'array')?.elementType);
      return elementType === undefined ? undefined : { type: 'array', elementType, containsNull: true };
    }
    case 'map': {
      const keyType = convertNode(conversion, shape.key, part(table, 'map')?.keyType);
      const valueType = convertNode(conversion, shape.value, part(table, 'map')?.valueType);
      if (keyType === undefined || valueType === undefined) return undefined;
      return { type: 'map', keyType, valueType, valueContainsNull: true };
    }
  }
}

function refuse(
  conversion: Conversion,
  node: SchemaNode,
  { reason, breaksFile }: { readonly reason: string; readonly breaksFile: boolean },
  code: UnsupportedColumn['code'] = 'UNSUPPORTED_TYPE',
): undefined {
  const column = node.path[0] ?? '';
  conversion.unsupported.push({ code, column, path: node.path, type: formatNodeType(node), reason, breaksFile });
  return undefined;
}

function describe({ path, type, reason }: UnsupportedColumn): string {
  return `the column "${path.join('.')}" is of type ${type}: ${reason}`;
}

function structFields(type: DataType | undefined): readonly StructField[] {
  return part(type, 'struct')?.fields ?? [];
}

/** The type if it is of that kind. */
function part<Kind extends 'struct' | 'array' | 'map'>(
  type: DataType | undefined,
  kind: Kind,
): Extract<DataType, { readonly type: Kind }> | undefined {
  if (type === undefined || typeof type === 'string' || type.type !== kind) return undefined;
  return type as Extract<DataType, { readonly type: Kind }>;
}
