import { type DataType, isStruct, type StructField, type StructType, typeName } from '../../delta/schema.ts';
import type { ColumnFacts } from '../facts.ts';

/** The columns of a schema in order, nested ones below their parents. */
export function columnsOf(schema: StructType, partitionColumns: readonly string[]): ColumnFacts[] {
  const partitions = new Set(partitionColumns);
  return schema.fields.flatMap((field) => columns(field, 0, partitions.has(field.name)));
}

function columns({ name, type, nullable, metadata }: StructField, depth: number, isPartition: boolean): ColumnFacts[] {
  const comment = typeof metadata.comment === 'string' ? metadata.comment : null;
  const column = { depth, name, type: shortType(type), nullable, comment, isPartition };
  return [column, ...nested(type).flatMap((field) => columns(field, depth + 1, false))];
}

/** The fields of the struct in a type, also of one that is the element of an array or the value of a map. */
function nested(type: DataType): readonly StructField[] {
  if (typeof type === 'string') return [];
  if (isStruct(type)) return type.fields;
  return nested(type.type === 'array' ? type.elementType : type.valueType);
}

/** The type without the fields that get rows of their own. */
function shortType(type: DataType): string {
  if (typeof type === 'string') return type;
  if (isStruct(type)) return 'struct';
  if (type.type === 'array') return `array<${shortType(type.elementType)}>`;
  return `map<${typeName(type.keyType)}, ${shortType(type.valueType)}>`;
}
