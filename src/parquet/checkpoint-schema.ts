import type { DomainMetadata, Metadata, Protocol, Txn } from '../delta/actions.ts';
import type { FileAction } from '../delta/checkpoint.ts';
import type { DataType, StructType } from '../delta/schema.ts';
import type { CellValue } from './write/cell.ts';

/** One row of a checkpoint that is written. */
export type CheckpointRow =
  | FileAction
  | { readonly protocol: Protocol }
  | { readonly metaData: Metadata }
  | { readonly txn: Txn }
  | { readonly domainMetadata: DomainMetadata };

export type CheckpointColumn = 'add' | 'remove' | 'txn' | 'domainMetadata' | 'metaData' | 'protocol';

/** A column of `add` that says typed what another one says as text. */
export interface ParsedColumn {
  readonly type: StructType;
  /** The value for an add; undefined for none. Throws nothing: what is no value of its type is null. */
  parse(add: Extract<FileAction, { readonly add: unknown }>['add']): CellValue;
}

/** Which columns a checkpoint of a table has, beside those that every one has. */
export interface CheckpointLayout {
  /** The feature lists are columns only where the protocol has them (PROTOCOL.md "Checkpoint Schema"). */
  readonly readerFeatures: boolean;
  readonly writerFeatures: boolean;
  /** `add.stats`. */
  readonly stats: boolean;
  /** `add.partitionValues_parsed`; undefined for none. */
  readonly partitionValuesParsed?: ParsedColumn;
  /** `add.stats_parsed`; undefined for none. */
  readonly statsParsed?: ParsedColumn;
}

/** A column of actions: its type, and the values of an action in the order of the type's fields. */
export interface ActionColumn {
  readonly name: CheckpointColumn;
  readonly type: StructType;
  /** Undefined for an action of another column. */
  values(row: CheckpointRow): CellValue[] | undefined;
}

/**
 * The columns of a classic checkpoint (PROTOCOL.md "Checkpoint Schema"). Those of the few actions are last, and so are
 * their rows: then they are near the footer, and come with it when a table is loaded.
 */
export function actionColumns(layout: CheckpointLayout): readonly ActionColumn[] {
  return [...fileActionColumns(layout), TXN, DOMAIN_METADATA, METADATA, protocolColumn(layout)];
}

/** The columns of a sidecar. */
export function fileActionColumns(layout: CheckpointLayout): readonly ActionColumn[] {
  return [addColumn(layout), REMOVE];
}

/** All columns as one schema; every row has a value in one of them. */
export function checkpointSchema(columns: readonly ActionColumn[]): StructType {
  return struct(Object.fromEntries(columns.map(({ name, type }) => [name, type])));
}

/** Everything nullable, as Spark writes it: a reader decides by the values whether there is an action. */
function struct(fields: Readonly<Record<string, DataType>>): StructType {
  return {
    type: 'struct',
    fields: Object.entries(fields).map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
  };
}

const STRING_MAP: DataType = { type: 'map', keyType: 'string', valueType: 'string', valueContainsNull: true };
const STRINGS: DataType = { type: 'array', elementType: 'string', containsNull: true };
const DELETION_VECTOR: DataType = struct({
  storageType: 'string',
  pathOrInlineDv: 'string',
  offset: 'integer',
  sizeInBytes: 'integer',
  cardinality: 'long',
});

function addColumn({ stats, partitionValuesParsed, statsParsed }: CheckpointLayout): ActionColumn {
  const type = struct({
    path: 'string',
    partitionValues: STRING_MAP,
    size: 'long',
    modificationTime: 'long',
    dataChange: 'boolean',
    tags: STRING_MAP,
    deletionVector: DELETION_VECTOR,
    baseRowId: 'long',
    defaultRowCommitVersion: 'long',
    clusteringProvider: 'string',
    ...(stats ? { stats: 'string' } : {}),
    ...(partitionValuesParsed === undefined ? {} : { partitionValues_parsed: partitionValuesParsed.type }),
    ...(statsParsed === undefined ? {} : { stats_parsed: statsParsed.type }),
  });
  return {
    name: 'add',
    type,
    values(row) {
      if (!('add' in row)) return undefined;
      const { add } = row;
      const values: CellValue[] = [
        add.path,
        entries(add.partitionValues),
        add.size,
        add.modificationTime,
        // A checkpoint changes no data.
        false,
        entries(add.tags),
        deletionVector(add.deletionVector),
        add.baseRowId,
        add.defaultRowCommitVersion,
        add.clusteringProvider,
      ];
      if (stats) values.push(add.stats);
      if (partitionValuesParsed !== undefined) values.push(partitionValuesParsed.parse(add));
      if (statsParsed !== undefined) values.push(statsParsed.parse(add));
      return values;
    },
  };
}

/** Without `stats` and `tags`, which a tombstone is not to have (PROTOCOL.md "Checkpoints"). */
const REMOVE: ActionColumn = {
  name: 'remove',
  type: struct({
    path: 'string',
    deletionTimestamp: 'long',
    dataChange: 'boolean',
    extendedFileMetadata: 'boolean',
    partitionValues: STRING_MAP,
    size: 'long',
    deletionVector: DELETION_VECTOR,
    baseRowId: 'long',
    defaultRowCommitVersion: 'long',
  }),
  values(row) {
    if (!('remove' in row)) return undefined;
    const { remove } = row;
    return [
      remove.path,
      remove.deletionTimestamp,
      false,
      remove.extendedFileMetadata,
      entries(remove.partitionValues),
      remove.size,
      deletionVector(remove.deletionVector),
      remove.baseRowId,
      remove.defaultRowCommitVersion,
    ];
  },
};

const TXN: ActionColumn = {
  name: 'txn',
  type: struct({ appId: 'string', version: 'long', lastUpdated: 'long' }),
  values: (row) => ('txn' in row ? [row.txn.appId, row.txn.version, row.txn.lastUpdated] : undefined),
};

const DOMAIN_METADATA: ActionColumn = {
  name: 'domainMetadata',
  type: struct({ domain: 'string', configuration: 'string', removed: 'boolean' }),
  values(row) {
    if (!('domainMetadata' in row)) return undefined;
    const { domain, configuration, removed } = row.domainMetadata;
    return [domain, configuration, removed];
  },
};

const METADATA: ActionColumn = {
  name: 'metaData',
  type: struct({
    id: 'string',
    name: 'string',
    description: 'string',
    format: struct({ provider: 'string', options: STRING_MAP }),
    schemaString: 'string',
    partitionColumns: STRINGS,
    configuration: STRING_MAP,
    createdTime: 'long',
  }),
  values(row) {
    if (!('metaData' in row)) return undefined;
    const { id, name, description, format, schemaString, partitionColumns, configuration, createdTime } = row.metaData;
    return [
      id,
      name,
      description,
      { provider: format.provider, options: entries(format.options) },
      schemaString,
      partitionColumns,
      entries(configuration),
      createdTime,
    ];
  },
};

function protocolColumn({ readerFeatures, writerFeatures }: CheckpointLayout): ActionColumn {
  return {
    name: 'protocol',
    type: struct({
      minReaderVersion: 'integer',
      minWriterVersion: 'integer',
      ...(readerFeatures ? { readerFeatures: STRINGS } : {}),
      ...(writerFeatures ? { writerFeatures: STRINGS } : {}),
    }),
    values(row) {
      if (!('protocol' in row)) return undefined;
      const { protocol } = row;
      const values: CellValue[] = [protocol.minReaderVersion, protocol.minWriterVersion];
      // Not null where the column is there.
      if (readerFeatures) values.push(protocol.readerFeatures ?? []);
      if (writerFeatures) values.push(protocol.writerFeatures ?? []);
      return values;
    },
  };
}

function entries(map: Readonly<Record<string, string | null>> | undefined): CellValue {
  return map === undefined ? undefined : Object.entries(map);
}

function deletionVector(vector: Extract<FileAction, { readonly add: unknown }>['add']['deletionVector']): CellValue {
  if (vector === undefined) return undefined;
  const { storageType, pathOrInlineDv, offset, sizeInBytes, cardinality } = vector;
  return { storageType, pathOrInlineDv, offset, sizeInBytes, cardinality };
}
