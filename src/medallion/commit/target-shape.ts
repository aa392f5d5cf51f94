import type { Action } from '../../delta/actions.ts';
import { clusteringColumns, columnsWithDefault, isAppendOnly, upgradeProtocol } from '../../delta/features.ts';
import { newTableActions } from '../../delta/new-table.ts';
import {
  type DataType,
  isStruct,
  type StructField,
  type StructType,
  serializeSchema,
  typeName,
} from '../../delta/schema.ts';
import { mergeSchema } from '../../delta/schema-merge.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { castColumns } from '../engine/casts.ts';
import { StepError } from '../errors.ts';
import { DELETED_COLUMN } from '../plan/names.ts';
import type { StepRule } from '../rule.ts';

/** What a target is, or will be once the batch is committed. */
export interface TargetShape {
  readonly table: TableRef;
  /** The table as the shape was made from it; undefined where there is none yet. */
  readonly head: Snapshot | undefined;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  /** Columns of the transform's result that the target has. */
  readonly resultColumns: readonly string[];
  /** All columns of the transform's result. */
  readonly allColumns: readonly string[];
  /** `protocol` and `metaData`, where the batch makes or changes the table. */
  readonly actions: readonly Action[];
}

export interface ShapeInput {
  readonly rule: StepRule;
  readonly table: TableRef;
  readonly head: Snapshot | undefined;
  /** Of the transform's result. */
  readonly result: StructType;
  /** Of a table that is made: a UUID. */
  readonly newTableId: string;
  /** ms since the epoch. */
  readonly now: number;
}

/**
 * Fits the transform's result to the target: a table that is there keeps the types of its columns, to which the result is cast,
 * and gets new columns where the rule lets it. Throws StepError `SCHEMA`, or `TARGET` for a table that must not be written to so.
 */
export function shapeTarget(input: ShapeInput): TargetShape {
  const { rule, table, head } = input;
  const result = withoutDeleted(input.result);
  const shape = head === undefined ? newShape(input, result) : knownShape(input, head, result);
  assertNames(rule, table, shape.schema);
  assertTypes(rule, shape, result);
  if (head !== undefined) assertTakesRows(rule, table, head, shape);
  return shape;
}

/** Whether changes of rows have to be recorded in files of their own. */
export function hasChangeFeed({ configuration }: Pick<TargetShape, 'configuration'>): boolean {
  return configuration['delta.enableChangeDataFeed']?.toLowerCase() === 'true';
}

/** Columns that may hold no null. */
export function requiredColumns({ schema }: Pick<TargetShape, 'schema'>): readonly string[] {
  return schema.fields.filter(({ nullable }) => !nullable).map(({ name }) => name);
}

function withoutDeleted({ fields }: StructType): StructType {
  return { type: 'struct', fields: fields.filter(({ name }) => name.toLowerCase() !== DELETED_COLUMN) };
}

function newShape({ rule, table, newTableId, now, result: all }: ShapeInput, result: StructType): TargetShape {
  const schema: StructType = { type: 'struct', fields: result.fields.map((field) => ({ ...field, nullable: true })) };
  const { partitionBy: partitionColumns, properties: configuration } = rule;
  const table_ = { schema, partitionColumns, configuration, id: newTableId, createdTime: now };
  return {
    table,
    head: undefined,
    schema,
    partitionColumns,
    configuration,
    resultColumns: result.fields.map(({ name }) => name),
    allColumns: all.fields.map(({ name }) => name),
    actions: newTableActions(table_),
  };
}

function knownShape({ rule, table, result: all }: ShapeInput, head: Snapshot, result: StructType): TargetShape {
  const { metadata, protocol } = head;
  const known = new Map(head.schema.fields.map((field) => [field.name, field]));
  const partitions = new Set(metadata.partitionColumns);
  // What is there is cast to its type; structs and lists may have got new fields, which only they themselves tell.
  const cast = result.fields.map((field) => {
    const own = known.get(field.name);
    return own === undefined || (isNested(own.type) && isNested(field.type)) ? field : { ...field, type: own.type };
  });
  const merged = mergeSchema(
    head.schema,
    { type: 'struct', fields: cast },
    {
      policy: rule.schema === 'evolve' ? 'evolve' : 'strict',
      partitionColumns: metadata.partitionColumns,
      typeWidening: false,
    },
  );
  if (merged.kind === 'conflict') {
    const reasons = merged.conflicts.map(({ reason }) => reason.replaceAll('he file', "he transform's result"));
    throw new StepError('SCHEMA', `the step ${rule.name} does not fit ${table.url}: ${reasons.join('; ')}`, {
      step: rule.name,
      table: table.url,
      columns: merged.conflicts.map(({ path }) => path.join('.')),
    });
  }
  const lacking = [...partitions].filter((name) => !result.fields.some((field) => field.name === name));
  if (lacking.length > 0) {
    throw new StepError(
      'SCHEMA',
      `the transform of the step ${rule.name} has no column ${lacking.join(', ')}, by which ${table.url} is partitioned`,
      { step: rule.name, table: table.url, columns: lacking },
    );
  }
  const shape = {
    table,
    head,
    partitionColumns: metadata.partitionColumns,
    configuration: metadata.configuration,
    resultColumns: result.fields.map(({ name }) => name),
    allColumns: all.fields.map(({ name }) => name),
  };
  if (merged.kind === 'same') return { ...shape, schema: head.schema, actions: [] };
  const next = upgradeProtocol({ protocol, schema: merged.schema });
  const metaData = { ...metadata, schemaString: serializeSchema(merged.schema) };
  const actions: Action[] = next === protocol ? [{ metaData }] : [{ protocol: next }, { metaData }];
  return { ...shape, schema: merged.schema, actions };
}

/** Nothing is cast to a type that would quietly change it. A column that the transform lacks is null. */
function assertTypes(rule: StepRule, { table, schema }: TargetShape, result: StructType): void {
  const names = new Set(result.fields.map(({ name }) => name));
  const lacking = schema.fields.filter(({ name }) => !names.has(name));
  const required = lacking.find(({ nullable }) => !nullable);
  const nameless = schema.fields.find(({ type }) => type === 'void');
  if (nameless !== undefined) {
    throw new StepError(
      'SCHEMA',
      `the column ${nameless.name} of the step ${rule.name} is only ever null: cast it to the type that it is to have in ${table.url}`,
      { step: rule.name, table: table.url, column: nameless.name },
    );
  }
  if (required !== undefined) {
    throw new StepError(
      'SCHEMA',
      `the transform of the step ${rule.name} lacks the column ${required.name}, which is NOT NULL in ${table.url}`,
      { step: rule.name, table: table.url, column: required.name },
    );
  }
  const fields = [...result.fields, ...lacking.map((field) => ({ ...field, type: 'void' as const }))];
  castColumns({ type: 'struct', fields }, schema, `the transform of the step ${rule.name}`);
}

/** The columns that the rule names are there. */
function assertNames(rule: StepRule, table: TableRef, schema: StructType): void {
  const { mode } = rule;
  const named = [
    ...rule.partitionBy,
    ...(mode.kind === 'merge' ? [...mode.keys, ...(mode.orderBy === undefined ? [] : [mode.orderBy])] : []),
    ...(mode.kind === 'aggregate'
      ? [...mode.keys, ...Object.keys(mode.combine), ...(mode.rowCount === undefined ? [] : [mode.rowCount])]
      : []),
  ];
  const lacking = named.filter((name) => !schema.fields.some((field) => field.name === name));
  if (lacking.length === 0) return;
  const has = schema.fields.map(({ name }) => name).join(', ');
  throw new StepError(
    'SCHEMA',
    `the step ${rule.name} names the columns ${lacking.join(', ')}, expected some of ${table.url}: ${has}`,
    { step: rule.name, table: table.url, columns: lacking },
  );
}

function assertTakesRows(rule: StepRule, table: TableRef, head: Snapshot, shape: TargetShape): void {
  const refuse = (what: string): never => {
    throw new StepError('TARGET', `the step ${rule.name} must not write to ${table.url}: ${what}`, {
      step: rule.name,
      table: table.url,
    });
  };
  if (rule.mode.kind !== 'append' && isAppendOnly(head.protocol, head.metadata)) {
    refuse(`the table is append-only, and the mode ${rule.mode.kind} replaces rows`);
  }
  const partitioned = head.metadata.partitionColumns;
  if (rule.partitionBy.length > 0 && JSON.stringify(rule.partitionBy) !== JSON.stringify(partitioned)) {
    refuse(`it is partitioned by ${partitioned.join(', ') || 'nothing'}, expected ${rule.partitionBy.join(', ')}`);
  }
  if (rule.mode.kind === 'replace-partitions' && partitioned.length === 0) refuse('it has no partitions to replace');
  const has = new Set(shape.resultColumns);
  const defaults = columnsWithDefault(head.protocol, head.schema).filter((name) => !has.has(name));
  if (defaults.length > 0) refuse(`the transform lacks ${defaults.join(', ')}, which the table has defaults for`);
  const nested = shape.schema.fields.find(({ type }) => hasRequiredParts(type));
  if (nested !== undefined) refuse(`parts of the column ${nested.name} of type ${typeName(nested.type)} are NOT NULL`);
  if (clusteringColumns(head.domains).length > 0) refuse('it is clustered, whose layout would be lost');
}

function hasRequiredParts(type: DataType): boolean {
  if (typeof type === 'string') return false;
  if (type.type === 'array') return !type.containsNull || hasRequiredParts(type.elementType);
  if (type.type === 'map') return !type.valueContainsNull || hasRequiredParts(type.valueType);
  return type.fields.some((field: StructField) => !field.nullable || hasRequiredParts(field.type));
}

function isNested(type: DataType): boolean {
  return typeof type !== 'string' && (isStruct(type) || type.type === 'array' || type.type === 'map');
}
