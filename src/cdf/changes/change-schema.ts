import { hasTypeWidening } from '../../delta/features.ts';
import {
  asNullable,
  type ColumnPath,
  type DataType,
  formatPath,
  type StructField,
  type StructType,
  typeName,
} from '../../delta/schema.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { CdfError } from '../errors.ts';

/** As what the rows of changes are read: the schema of a version of the table. */
export interface ChangeShape {
  readonly version: number;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly typeWidening: boolean;
  /** Whether the table keeps a change data feed. */
  readonly hasFeed: boolean;
}

/** What decides the shape. */
export type TableState = Pick<Snapshot, 'table' | 'version' | 'schema' | 'metadata' | 'protocol'>;

/** Columns that every row of a change has behind the table's own, named and typed as all engines have them. */
export const CHANGE_FIELDS: readonly StructField[] = [
  { name: '_change_type', type: 'string', nullable: true, metadata: {} },
  { name: '_commit_version', type: 'long', nullable: true, metadata: {} },
  { name: '_commit_timestamp', type: 'timestamp', nullable: true, metadata: {} },
];

const CHANGE_NAMES: ReadonlySet<string> = new Set(CHANGE_FIELDS.map(({ name }) => name));

/**
 * The shape of a table's changes. Throws `UNSUPPORTED_TABLE` for mapped columns, whose names in the files are others, for
 * types without values of their own, and for columns that are named like those of a change.
 */
export function shapeOf({ table, version, schema, metadata, protocol }: TableState): ChangeShape {
  const { configuration, partitionColumns } = metadata;
  const refuse = (reason: string) =>
    new CdfError('UNSUPPORTED_TABLE', `The changes of ${table.url} cannot be read: ${reason}`, {
      table: table.url,
      version,
    });
  const mode = configuration['delta.columnMapping.mode'] ?? 'none';
  if (mode !== 'none') throw refuse(`its columns are mapped (delta.columnMapping.mode is "${mode}", expected none)`);
  const path = findWithoutValues(schema);
  if (path !== undefined) throw refuse(`the column "${formatPath(path)}" is of a type without plain values`);
  const taken = schema.fields.find(({ name }) => CHANGE_NAMES.has(name.toLowerCase()));
  if (taken !== undefined) throw refuse(`it has a column "${taken.name}", which is the name of one of a change`);
  return {
    version,
    schema: asNullable(schema),
    partitionColumns,
    typeWidening: hasTypeWidening(protocol, metadata),
    hasFeed: configuration['delta.enableChangeDataFeed']?.toLowerCase() === 'true',
  };
}

/** The columns that are in the data files, and in those of recorded changes. */
export function fileSchema({ schema, partitionColumns }: ChangeShape, recorded: boolean): StructType {
  const partitions = new Set(partitionColumns.map((name) => name.toLowerCase()));
  const fields = schema.fields.filter(({ name }) => !partitions.has(name.toLowerCase()));
  return { type: 'struct', fields: recorded ? [...fields, ...CHANGE_FIELDS.slice(0, 1)] : fields };
}

/**
 * Throws `INCOMPATIBLE_SCHEMA` where rows that were written under the schema of `older` do not fit that of `shape`:
 * columns that went, other types, other partition columns. New columns are null in older rows.
 */
export function assertFits(url: string, shape: ChangeShape, older: ChangeShape): void {
  const problem = misfit(older.schema, shape.schema, shape.typeWidening, []) ?? partitionProblem(older, shape);
  if (problem === undefined) return;
  throw new CdfError(
    'INCOMPATIBLE_SCHEMA',
    `The changes of ${url} cannot be read as one: rows of version ${older.version} do not fit the schema of version ` +
      `${shape.version}: ${problem}. Read them apart, up to version ${shape.version - 1} and after it`,
    { table: url, version: older.version, schemaVersion: shape.version },
  );
}

/** Whether two versions have the same columns, so that their rows can stand in one file. */
export function hasSameColumns(a: ChangeShape, b: ChangeShape): boolean {
  return (
    partitionProblem(a, b) === undefined &&
    misfit(a.schema, b.schema, false, []) === undefined &&
    misfit(b.schema, a.schema, false, []) === undefined &&
    a.schema.fields.every(({ name }, index) => b.schema.fields[index]?.name === name)
  );
}

function partitionProblem(older: ChangeShape, { partitionColumns }: ChangeShape): string | undefined {
  const [before, after] = [older.partitionColumns, partitionColumns].map((names) => names.join(', '));
  return before === after ? undefined : `it was partitioned by (${before}), and is by (${after})`;
}

function misfit(older: DataType, newer: DataType, widening: boolean, path: ColumnPath): string | undefined {
  const at = () => `the column "${formatPath(path)}"`;
  if (typeof older === 'string' || typeof newer === 'string') {
    if (older === newer || (widening && typeof older === 'string' && typeof newer === 'string')) return undefined;
    return `${at()} was ${typeName(older)}, and is ${typeName(newer)}`;
  }
  if (older.type === 'struct' && newer.type === 'struct') {
    for (const field of older.fields) {
      const other = newer.fields.find(({ name }) => name === field.name);
      if (other === undefined) return `the column "${formatPath([...path, field.name])}" is there no more`;
      const problem = misfit(field.type, other.type, widening, [...path, field.name]);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  if (older.type === 'array' && newer.type === 'array') {
    return misfit(older.elementType, newer.elementType, widening, [...path, 'element']);
  }
  if (older.type === 'map' && newer.type === 'map') {
    return (
      misfit(older.keyType, newer.keyType, widening, [...path, 'key']) ??
      misfit(older.valueType, newer.valueType, widening, [...path, 'value'])
    );
  }
  return `${at()} was ${typeName(older)}, and is ${typeName(newer)}`;
}

function findWithoutValues(type: DataType, path: ColumnPath = []): ColumnPath | undefined {
  if (typeof type === 'string') return type === 'void' || type === 'variant' ? path : undefined;
  if (type.type === 'array') return findWithoutValues(type.elementType, [...path, 'element']);
  if (type.type === 'map') {
    return findWithoutValues(type.keyType, [...path, 'key']) ?? findWithoutValues(type.valueType, [...path, 'value']);
  }
  for (const field of type.fields) {
    const found = findWithoutValues(field.type, [...path, field.name]);
    if (found !== undefined) return found;
  }
  return undefined;
}
