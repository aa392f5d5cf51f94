import {
  type DataType,
  formatPath,
  isStruct,
  type StructField,
  type StructType,
  typeName,
} from '../../delta/schema.ts';

/** A line of the tree: what stands before the name, the name, and what there is to say of the column. */
interface TreeLine {
  readonly name: string;
  readonly type: string;
}

/** The schema as lines, nested columns below their parents, the types aligned. */
export function schemaTree(schema: StructType, partitionColumns: readonly string[]): string[] {
  const lines = fieldLines(schema.fields, '', new Set(partitionColumns));
  const width = Math.max(0, ...lines.map(({ name }) => name.length));
  return lines.map(({ name, type }) => `${name.padEnd(width)}  ${type}`);
}

function fieldLines(fields: readonly StructField[], indent: string, partitionColumns: ReadonlySet<string>): TreeLine[] {
  return fields.flatMap(({ name, type, nullable, metadata }, index) => {
    const isLast = index === fields.length - 1;
    const notes = [
      ...(nullable ? [] : ['not null']),
      ...(partitionColumns.has(name) ? ['partition column'] : []),
      ...(typeof metadata.comment === 'string' ? [`"${metadata.comment}"`] : []),
    ];
    const line = {
      name: `${indent}${isLast ? '└─ ' : '├─ '}${formatPath([name])}`,
      type: [shortType(type), ...notes].join(', '),
    };
    return [line, ...fieldLines(nestedFields(type), `${indent}${isLast ? '   ' : '│  '}`, new Set())];
  });
}

/** The fields of the struct in a type, also of one that is the element of an array or the value of a map. */
function nestedFields(type: DataType): readonly StructField[] {
  if (typeof type === 'string') return [];
  if (isStruct(type)) return type.fields;
  return nestedFields(type.type === 'array' ? type.elementType : type.valueType);
}

/** The type without the fields that get lines of their own. */
function shortType(type: DataType): string {
  if (typeof type === 'string') return type;
  if (isStruct(type)) return 'struct';
  if (type.type === 'array') return `array<${shortType(type.elementType)}>`;
  return `map<${typeName(type.keyType)}, ${shortType(type.valueType)}>`;
}
