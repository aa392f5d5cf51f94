import type { Action, Metadata } from './actions.ts';
import { DeltaError, isDeltaError } from './errors.ts';
import { protocolForNewTable } from './features.ts';
import { isPartitionType } from './partition.ts';
import {
  type ColumnPath,
  type DataType,
  findIllegalName,
  formatPath,
  parseSchema,
  type StructType,
  serializeSchema,
  typeName,
} from './schema.ts';

export interface NewTable {
  /** Data and partition columns. */
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  /** Table properties. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly name?: string;
  /** Comment of the table. */
  readonly description?: string;
  /** Comments by column, nested ones by their dotted path; those of columns that the schema lacks are left out. */
  readonly columnComments?: Readonly<Record<string, string>>;
  /** The table's id, a UUID. */
  readonly id: string;
  /** ms since the epoch. */
  readonly createdTime: number;
}

/**
 * The `protocol` and `metaData` with which version 0 makes a table; the protocol is the lowest that holds it.
 * Throws `INVALID_SCHEMA` for columns that cannot be, and `UNSUPPORTED_WRITER` for table properties that are unknown
 * or have a bad value.
 */
export function newTableActions(table: NewTable): Action[] {
  checkSchema(table.schema);
  checkPartitionColumns(table);
  for (const [key, value] of Object.entries(table.configuration)) checkProperty(key, value);

  const { configuration } = table;
  const metaData: Metadata = {
    id: table.id,
    ...(table.name !== undefined && { name: table.name }),
    ...(table.description !== undefined && { description: table.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: serializeSchema(withComments(table.schema, table.columnComments ?? {})),
    partitionColumns: table.partitionColumns,
    configuration: Object.fromEntries(Object.entries(configuration).filter(([key]) => !key.startsWith(FEATURE_PREFIX))),
    createdTime: table.createdTime,
  };
  return [{ protocol: protocolForNewTable({ schema: table.schema, configuration }) }, { metaData }];
}

/** Why no new table can have this property, whatever its schema; undefined if it can. */
export function propertyProblem(key: string, value: string): string | undefined {
  try {
    checkProperty(key, value);
    protocolForNewTable({ schema: { type: 'struct', fields: [] }, configuration: { [key]: value } });
    return undefined;
  } catch (error) {
    if (isDeltaError(error, 'UNSUPPORTED_WRITER')) return error.message;
    throw error;
  }
}

/** The schema with comments by column (nested ones by their dotted path), where Spark and others look for them. */
export function withComments(schema: StructType, comments: Readonly<Record<string, string>>): StructType {
  const byColumn = new Map(Object.entries(comments));
  return byColumn.size === 0 ? schema : comment(schema, [], byColumn);
}

function comment<T extends DataType>(type: T, path: ColumnPath, comments: ReadonlyMap<string, string>): T;
function comment(type: DataType, path: ColumnPath, comments: ReadonlyMap<string, string>): DataType {
  if (typeof type === 'string') return type;
  switch (type.type) {
    case 'array':
      return { ...type, elementType: comment(type.elementType, [...path, 'element'], comments) };
    case 'map':
      return {
        ...type,
        keyType: comment(type.keyType, [...path, 'key'], comments),
        valueType: comment(type.valueType, [...path, 'value'], comments),
      };
    case 'struct': {
      const fields = type.fields.map((field) => {
        const fieldPath = [...path, field.name];
        const text = comments.get(formatPath(fieldPath));
        const metadata = text === undefined ? field.metadata : { ...field.metadata, comment: text };
        return { ...field, type: comment(field.type, fieldPath, comments), metadata };
      });
      return { type: 'struct', fields };
    }
  }
}

/** Parsing finds all but illegal names, so that no schema is written which this code would not read. */
function checkSchema(schema: StructType): void {
  parseSchema(serializeSchema(schema));
  const illegal = findIllegalName(schema);
  if (illegal === undefined) return;
  const column = formatPath(illegal);
  throw invalid(`The column "${column}" has a name that a table without column mapping cannot have`, { column });
}

function checkPartitionColumns({ schema, partitionColumns }: NewTable): void {
  const seen = new Set<string>();
  for (const column of partitionColumns) {
    const field = schema.fields.find(({ name }) => name === column);
    if (field === undefined) throw invalid(`The partition column "${column}" is not in the schema`, { column });
    if (seen.has(column)) throw invalid(`The partition column "${column}" is named twice`, { column });
    if (!isPartitionType(field.type)) {
      const type = typeName(field.type);
      throw invalid(`The column "${column}" of type ${type} cannot partition a table`, { column, type });
    }
    seen.add(column);
  }
  if (seen.size === schema.fields.length) {
    throw invalid('The table has no columns beside its partition columns', { partitionColumns });
  }
}

/** `delta.feature.<name>` asks for a feature when a table is made; it goes into the protocol and is not kept. */
const FEATURE_PREFIX = 'delta.feature.';

interface PropertyRule {
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}

function checkProperty(key: string, value: string): void {
  if (!key.toLowerCase().startsWith('delta.')) return;
  const rule = key.startsWith(FEATURE_PREFIX) ? FEATURE : PROPERTIES.get(key);
  if (rule === undefined) {
    const right = [...PROPERTIES.keys()].find((name) => name.toLowerCase() === key.toLowerCase());
    const hint = right === undefined ? '' : `; it is spelled "${right}"`;
    throw new DeltaError('UNSUPPORTED_WRITER', `The table property "${key}" is not known${hint}`, { property: key });
  }
  if (rule.accepts(value)) return;
  throw new DeltaError('UNSUPPORTED_WRITER', `The table property "${key}" is "${value}", expected ${rule.expected}`, {
    property: key,
    value,
  });
}

const BOOLEAN = oneOf('true', 'false');
const FEATURE = oneOf('supported', 'enabled');
const INTERVAL: PropertyRule = {
  expected: 'an interval such as "interval 7 days", without months and years',
  accepts: (value) => {
    return /^(interval\s+)?(\d+\s+(week|day|hour|minute|second|millisecond|microsecond)s?\s*)+$/i.test(value.trim());
  },
};
const TEXT: PropertyRule = { expected: 'a text', accepts: (value) => value !== '' };

function oneOf(...choices: string[]): PropertyRule {
  return {
    expected: choices.map((choice) => `"${choice}"`).join(' or '),
    accepts: (value) => choices.includes(value),
  };
}

function integerFrom(minimum: number): PropertyRule {
  return {
    expected: `an integer of ${minimum} or more`,
    accepts: (value) => /^-?\d{1,10}$/.test(value) && Number(value) >= minimum && Number(value) < 2 ** 31,
  };
}

/** The properties that a new table may have (docs.delta.io "Table properties", DeltaConfig.scala). */
const PROPERTIES: ReadonlyMap<string, PropertyRule> = new Map([
  ['delta.appendOnly', BOOLEAN],
  ['delta.autoOptimize.autoCompact', oneOf('true', 'false', 'auto', 'legacy')],
  ['delta.autoOptimize.optimizeWrite', BOOLEAN],
  ['delta.checkpoint.writeStatsAsJson', BOOLEAN],
  ['delta.checkpoint.writeStatsAsStruct', BOOLEAN],
  ['delta.checkpointInterval', integerFrom(1)],
  ['delta.checkpointPolicy', oneOf('classic', 'v2')],
  ['delta.columnMapping.mode', oneOf('none')],
  ['delta.dataSkippingNumIndexedCols', integerFrom(-1)],
  ['delta.dataSkippingStatsColumns', TEXT],
  ['delta.dataSkippingStringPrefixLength', integerFrom(0)],
  ['delta.deletedFileRetentionDuration', INTERVAL],
  ['delta.enableChangeDataFeed', BOOLEAN],
  ['delta.enableDeletionVectors', BOOLEAN],
  ['delta.enableExpiredLogCleanup', BOOLEAN],
  ['delta.enableFullRetentionRollback', BOOLEAN],
  ['delta.enableInCommitTimestamps', BOOLEAN],
  ['delta.enableTypeWidening', BOOLEAN],
  ['delta.isolationLevel', oneOf('Serializable', 'WriteSerializable', 'SnapshotIsolation')],
  ['delta.logRetentionDuration', INTERVAL],
  ['delta.parquet.compression.codec', TEXT],
  ['delta.randomizeFilePrefixes', BOOLEAN],
  ['delta.randomPrefixLength', integerFrom(1)],
  ['delta.sampleRetentionDuration', INTERVAL],
  ['delta.setTransactionRetentionDuration', INTERVAL],
  ['delta.targetFileSize', TEXT],
  ['delta.tuneFileSizesForRewrites', BOOLEAN],
]);

function invalid(message: string, data: Readonly<Record<string, unknown>>): DeltaError {
  return new DeltaError('INVALID_SCHEMA', message, data);
}
