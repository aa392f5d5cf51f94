import {
  type ArrayType,
  asNullable,
  type ColumnPath,
  type DataType,
  decimalOf,
  findIllegalName,
  formatPath,
  isStruct,
  type MapType,
  type StructField,
  type StructType,
  typeName,
  typesEqual,
} from './schema.ts';

/** What happens to columns that a table does not have: they are added, refused, or ignored. */
export type MergePolicy = 'evolve' | 'strict' | 'fixed';

export interface MergeOptions {
  readonly policy: MergePolicy;
  /** The table's partition columns: their values come from the log, so columns of these names in a file do not count. */
  readonly partitionColumns: readonly string[];
  /** Whether columns may be widened: the table has the feature `typeWidening` and `delta.enableTypeWidening` is set. */
  readonly typeWidening: boolean;
}

export type SchemaChange =
  | { readonly kind: 'added'; readonly path: ColumnPath; readonly type: DataType }
  | { readonly kind: 'widened'; readonly path: ColumnPath; readonly from: DataType; readonly to: DataType };

export type SchemaConflictCode =
  /** The file's column has a type that readers cannot read as the table's. */
  | 'TYPE_CONFLICT'
  /** The table has the column in another case. */
  | 'COLUMN_CASE'
  /** The file lacks a column that is not nullable. */
  | 'MISSING_REQUIRED_COLUMN'
  /** The file has a column that the table has not, and the policy is strict. */
  | 'NEW_COLUMN'
  /** The file has two columns whose names differ in case at most. */
  | 'DUPLICATE_COLUMN'
  /** A new column has a name that a table without column mapping cannot have. */
  | 'INVALID_COLUMN_NAME'
  /** A struct inside a map has not the same fields in the file: delta-rs cannot read the two together. */
  | 'MAP_STRUCT'
  /** A struct of the file has none of the table's fields: delta-rs cannot read it. */
  | 'NO_COMMON_FIELD';

export interface SchemaConflict {
  readonly path: ColumnPath;
  readonly code: SchemaConflictCode;
  /** Type in the table; undefined where the table has no such column. */
  readonly tableType?: DataType;
  /** Type in the file; undefined where the file has no such column. */
  readonly fileType?: DataType;
  /** A sentence that names the column, and the types where they matter. */
  readonly reason: string;
}

export type MergeResult =
  | { readonly kind: 'same' }
  | { readonly kind: 'evolved'; readonly schema: StructType; readonly changes: readonly SchemaChange[] }
  | { readonly kind: 'conflict'; readonly conflicts: readonly SchemaConflict[] };

/**
 * Whether a file can be added to a table as it is, and what schema the table needs for that.
 *
 * The table's columns keep their order, metadata and nullability at every level; new ones come last and are nullable.
 * Every conflict of the file is reported, not only the first. The file's own nullability does not count: whether there
 * are nulls where the table has none is for the file's statistics to say. Nor does it matter here that readers take
 * some Parquet types for others: `file` is to give a column the table's type where they do.
 */
export function mergeSchema(table: StructType, file: StructType, options: MergeOptions): MergeResult {
  const partitions = new Set(options.partitionColumns.map((name) => name.toLowerCase()));
  const isData = ({ name }: StructField) => !partitions.has(name.toLowerCase());
  const merge: Merge = { options, changes: [], conflicts: [] };

  const root: Scope = { path: [], inMap: false };
  const merged = mergeFields(merge, table.fields.filter(isData), file.fields.filter(isData), root);
  if (merge.conflicts.length > 0) return { kind: 'conflict', conflicts: merge.conflicts };
  if (merge.changes.length === 0) return { kind: 'same' };

  const byName = new Map(merged.map((field) => [field.name, field]));
  const known = table.fields.map((field) => byName.get(field.name) ?? field);
  const added = merged.slice(table.fields.filter(isData).length);
  return { kind: 'evolved', schema: { type: 'struct', fields: [...known, ...added] }, changes: merge.changes };
}

/** What one merge finds; filled on the way down. */
interface Merge {
  readonly options: MergeOptions;
  readonly changes: SchemaChange[];
  readonly conflicts: SchemaConflict[];
}

/** Where in a column a type stands: PROTOCOL.md keeps type changes with the nearest field of a struct. */
interface Position {
  readonly path: ColumnPath;
  /** The field around the type, as the table has it. */
  readonly field: StructField;
  /** From the field to the type: `element`, `key` and `value`. */
  readonly inField: readonly string[];
  /** Collects the field's new type changes. */
  readonly widened: TypeChange[];
  readonly inMap: boolean;
}

/** A struct on the way down. */
interface Scope {
  readonly path: ColumnPath;
  /** Somewhere around it is a map. */
  readonly inMap: boolean;
}

/** An entry of `delta.typeChanges` (PROTOCOL.md "Type Change Metadata"). */
interface TypeChange {
  readonly fromType: string;
  readonly toType: string;
  readonly fieldPath?: string;
}

const TYPE_CHANGES = 'delta.typeChanges';

/** The table's fields, merged, followed by the new ones. */
function mergeFields(
  merge: Merge,
  table: readonly StructField[],
  file: readonly StructField[],
  scope: Scope,
): StructField[] {
  const unmatched = new Map<string, StructField>();
  for (const field of file) {
    const key = field.name.toLowerCase();
    const other = unmatched.get(key);
    if (other !== undefined) refuseDuplicate(merge, other, field, scope.path);
    else unmatched.set(key, field);
  }

  const known = table.map((field) => {
    const match = unmatched.get(field.name.toLowerCase());
    unmatched.delete(field.name.toLowerCase());
    if (match === undefined) return withoutColumn(merge, field, scope);
    return match.name === field.name
      ? mergeField(merge, field, match, scope)
      : refuseCase(merge, field, match, scope.path);
  });
  const added = [...unmatched.values()].flatMap((field) => addField(merge, field, scope));
  return [...known, ...added];
}

function mergeField(merge: Merge, field: StructField, file: StructField, { path, inMap }: Scope): StructField {
  const position: Position = { path: [...path, field.name], field, inField: [], widened: [], inMap };
  const type = mergeType(merge, field.type, file.type, position);
  if (type === field.type) return field;
  if (position.widened.length === 0) return { ...field, type };
  const changes = [...recordedChanges(field), ...position.widened];
  return { ...field, type, metadata: { ...field.metadata, [TYPE_CHANGES]: changes } };
}

/** The type the column needs; the table's own object where nothing changes. */
function mergeType(merge: Merge, table: DataType, file: DataType, at: Position): DataType {
  if (isStruct(table) && isStruct(file)) return mergeStruct(merge, table, file, at);
  if (typeof table !== 'string' && typeof file !== 'string') {
    if (table.type === 'array' && file.type === 'array') return mergeArray(merge, table, file, at);
    if (table.type === 'map' && file.type === 'map') return mergeMap(merge, table, file, at);
  }
  return mergeLeaf(merge, table, file, at);
}

function mergeStruct(merge: Merge, table: StructType, file: StructType, at: Position): StructType {
  if (merge.options.policy === 'fixed' && !haveCommonField(table, file)) {
    const reason = `The struct "${formatPath(at.path)}" of the file has none of the fields that it has in the table`;
    merge.conflicts.push({ path: at.path, code: 'NO_COMMON_FIELD', tableType: table, fileType: file, reason });
    return table;
  }
  const before = merge.changes.length;
  const fields = mergeFields(merge, table.fields, file.fields, at);
  return merge.changes.length === before ? table : { type: 'struct', fields };
}

function haveCommonField(table: StructType, file: StructType): boolean {
  const names = new Set(file.fields.map(({ name }) => name.toLowerCase()));
  return table.fields.some(({ name }) => names.has(name.toLowerCase()));
}

function mergeArray(merge: Merge, table: ArrayType, file: ArrayType, at: Position): ArrayType {
  const elementType = mergeType(merge, table.elementType, file.elementType, inside(at, 'element'));
  return elementType === table.elementType ? table : { ...table, elementType };
}

/** Keys stay as they are: a key that grows a field would no longer equal itself. */
function mergeMap(merge: Merge, table: MapType, file: MapType, at: Position): MapType {
  if (!typesEqual(table.keyType, file.keyType)) {
    refuseType(merge, table.keyType, file.keyType, inside(at, 'key').path);
  }
  const value = inside(at, 'value');
  const valueType = mergeType(merge, table.valueType, file.valueType, { ...value, inMap: true });
  return valueType === table.valueType ? table : { ...table, valueType };
}

function mergeLeaf(merge: Merge, table: DataType, file: DataType, at: Position): DataType {
  if (table === file || wasWidenedFrom(file, table, at)) return table;
  const { policy, typeWidening } = merge.options;

  // PROTOCOL.md "Void Type": it may become any type, and no file holds a value of it.
  if (table === 'void' && policy === 'evolve') {
    merge.changes.push({ kind: 'widened', path: at.path, from: table, to: asNullable(file) });
    return asNullable(file);
  }
  if (typeWidening && policy === 'evolve' && widensTo(table, file)) {
    const fieldPath = at.inField.join('.');
    const change = { fromType: typeName(table), toType: typeName(file) };
    at.widened.push(fieldPath === '' ? change : { ...change, fieldPath });
    merge.changes.push({ kind: 'widened', path: at.path, from: table, to: file });
    return file;
  }
  const remedy = widensTo(table, file) ? '; with type widening enabled, the table could take it' : '';
  refuseType(merge, table, file, at.path, remedy);
  return table;
}

/**
 * The changes that a writer may make by itself. PROTOCOL.md "Type Widening" has more, from integers to decimals and
 * double, but those change what a value means to a query, and Spark too leaves them to an ALTER TABLE.
 */
function widensTo(from: DataType, to: DataType): boolean {
  if (from === 'float') return to === 'double';
  if (from === 'date') return to === 'timestamp_ntz';
  const narrow = decimalOf(from);
  const wide = decimalOf(to);
  if (narrow !== undefined && wide !== undefined) {
    const digits = wide.precision - narrow.precision;
    const fraction = wide.scale - narrow.scale;
    return digits >= fraction && fraction >= 0;
  }
  const rank = INTEGERS.indexOf(from);
  return rank >= 0 && INTEGERS.indexOf(to) > rank;
}

const INTEGERS: readonly DataType[] = ['byte', 'short', 'integer', 'long'];

/**
 * Whether the table had the file's type here before it was widened. Its readers must read such files
 * (PROTOCOL.md "Reader Requirements for Type Widening"), so there may be one more.
 */
function wasWidenedFrom(file: DataType, table: DataType, at: Position): boolean {
  if (typeof file !== 'string' || typeof table !== 'string') return false;
  const fieldPath = at.inField.join('.');
  return recordedChanges(at.field).some((change) => {
    return (change.fieldPath ?? '') === fieldPath && change.fromType.replaceAll(' ', '') === file;
  });
}

function recordedChanges(field: StructField): readonly TypeChange[] {
  const recorded = field.metadata[TYPE_CHANGES];
  return Array.isArray(recorded) ? recorded : [];
}

function inside(at: Position, part: 'element' | 'key' | 'value'): Position {
  return { ...at, path: [...at.path, part], inField: [...at.inField, part] };
}

function withoutColumn(merge: Merge, field: StructField, scope: Scope): StructField {
  const path = [...scope.path, field.name];
  const column = `"${formatPath(path)}"`;
  const tableType = field.type;
  if (!field.nullable) {
    const reason = `The file lacks the column ${column}, which is ${typeName(tableType)} NOT NULL in the table`;
    merge.conflicts.push({ path, code: 'MISSING_REQUIRED_COLUMN', tableType, reason });
  } else if (scope.inMap) {
    const reason = `The file lacks ${column} of type ${typeName(tableType)}; structs inside a map must have all fields of the table's`;
    merge.conflicts.push({ path, code: 'MAP_STRUCT', tableType, reason });
  }
  return field;
}

function addField(merge: Merge, field: StructField, scope: Scope): StructField[] {
  const path = [...scope.path, field.name];
  const fileType = field.type;
  const has = `The file has the column "${formatPath(path)}" of type ${typeName(fileType)}, which the table lacks`;
  if (scope.inMap) {
    // Files that are in the table already would lack the new field.
    const reason = `${has}; structs inside a map cannot get new fields`;
    merge.conflicts.push({ path, code: 'MAP_STRUCT', fileType, reason });
    return [];
  }
  if (merge.options.policy === 'fixed') return [];
  if (merge.options.policy === 'strict') {
    merge.conflicts.push({ path, code: 'NEW_COLUMN', fileType, reason: has });
    return [];
  }
  const illegal = findIllegalName({ type: 'struct', fields: [field] }, scope.path);
  if (illegal !== undefined) {
    const reason = `The new column "${formatPath(illegal)}" has a name that no table without column mapping can have`;
    merge.conflicts.push({ path: illegal, code: 'INVALID_COLUMN_NAME', fileType, reason });
    return [];
  }
  const type = asNullable(fileType);
  merge.changes.push({ kind: 'added', path, type });
  return [{ ...field, type, nullable: true }];
}

function refuseDuplicate(merge: Merge, first: StructField, second: StructField, parent: ColumnPath): void {
  const path = [...parent, second.name];
  const names = `"${formatPath([...parent, first.name])}" and "${formatPath(path)}"`;
  const reason = `The file has the columns ${names}, which differ in case at most`;
  merge.conflicts.push({ path, code: 'DUPLICATE_COLUMN', fileType: second.type, reason });
}

function refuseCase(merge: Merge, field: StructField, file: StructField, parent: ColumnPath): StructField {
  const path = [...parent, file.name];
  const ours = formatPath([...parent, field.name]);
  const reason = `The column "${formatPath(path)}" of the file is "${ours}" in the table: readers that tell cases apart would read nulls`;
  merge.conflicts.push({ path, code: 'COLUMN_CASE', tableType: field.type, fileType: file.type, reason });
  return field;
}

function refuseType(merge: Merge, tableType: DataType, fileType: DataType, path: ColumnPath, remedy = ''): void {
  const reason = `The column "${formatPath(path)}" is ${typeName(tableType)} in the table and ${typeName(fileType)} in the file${remedy}`;
  merge.conflicts.push({ path, code: 'TYPE_CONFLICT', tableType, fileType, reason });
}
