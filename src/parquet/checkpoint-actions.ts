import type {
  AddFile,
  DeletionVector,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  Sidecar,
  Txn,
} from '../delta/actions.ts';
import type { FileAction, ReadFilesOptions } from '../delta/checkpoint.ts';
import { ParquetError } from './errors.ts';
import { type RecordColumn, type RecordOf, recordColumn } from './record-columns.ts';

/**
 * The columns of a checkpoint and their fields, as far as this project reads them, and what they mean.
 *
 * Source: PROTOCOL.md, "Checkpoint Schema". Writers differ in the order of columns and fields, in which optional ones
 * they write, and in what they declare nullable. `stats_parsed` is only read where there are no `stats`, and
 * `partitionValues_parsed` never: it repeats `partitionValues`, which is always there.
 */
const DELETION_VECTOR = {
  storageType: 'string',
  pathOrInlineDv: 'string',
  offset: 'integer',
  sizeInBytes: 'integer',
  cardinality: 'integer',
} as const;

const ADD = {
  path: 'string',
  partitionValues: 'map',
  size: 'integer',
  modificationTime: 'integer',
  dataChange: 'boolean',
  stats: 'string',
  tags: 'map',
  deletionVector: DELETION_VECTOR,
  baseRowId: 'integer',
  defaultRowCommitVersion: 'integer',
  clusteringProvider: 'string',
} as const;

/** Of a table with `delta.checkpoint.writeStatsAsJson = false`. */
const ADD_WITH_PARSED_STATS = { ...ADD, stats_parsed: 'json' } as const;

const REMOVE = {
  path: 'string',
  deletionTimestamp: 'integer',
  dataChange: 'boolean',
  extendedFileMetadata: 'boolean',
  partitionValues: 'map',
  size: 'integer',
  stats: 'string',
  tags: 'map',
  deletionVector: DELETION_VECTOR,
  baseRowId: 'integer',
  defaultRowCommitVersion: 'integer',
} as const;

const METADATA = {
  id: 'string',
  name: 'string',
  description: 'string',
  format: { provider: 'string', options: 'map' },
  schemaString: 'string',
  partitionColumns: 'list',
  configuration: 'map',
  createdTime: 'integer',
} as const;

const PROTOCOL = {
  minReaderVersion: 'integer',
  minWriterVersion: 'integer',
  readerFeatures: 'list',
  writerFeatures: 'list',
} as const;

const TXN = { appId: 'string', version: 'integer', lastUpdated: 'integer' } as const;

const DOMAIN_METADATA = { domain: 'string', configuration: 'string', removed: 'boolean' } as const;

const SIDECAR = { path: 'string', sizeInBytes: 'integer', modificationTime: 'integer' } as const;

/** The schema of a table whose metadata has none, which Spark takes for one without columns. */
const EMPTY_SCHEMA = '{"type":"struct","fields":[]}';

/** The actions that are few whatever the table's size. */
export type ControlAction =
  | { readonly protocol: Protocol }
  | { readonly metaData: Metadata }
  | { readonly txn: Txn }
  | { readonly domainMetadata: DomainMetadata }
  | { readonly sidecar: Sidecar };

export const controlColumns: readonly RecordColumn<ControlAction>[] = [
  recordColumn('protocol', 'minReaderVersion', PROTOCOL, (record) => ({ protocol: toProtocol(record) })),
  recordColumn('metaData', 'id', METADATA, (record) => ({ metaData: toMetadata(record) })),
  recordColumn('txn', 'appId', TXN, (record) => ({ txn: toTxn(record) })),
  recordColumn('domainMetadata', 'domain', DOMAIN_METADATA, (record) => ({ domainMetadata: toDomainMetadata(record) })),
  recordColumn('sidecar', 'path', SIDECAR, (record) => ({ sidecar: toSidecar(record) })),
];

/**
 * The columns of the file actions; `stats`, which are most of a checkpoint's bytes, only where they are asked for. With
 * `parsedStats` they are made of `stats_parsed`.
 */
export function fileColumns(
  { stats = false, removes = false }: ReadFilesOptions = {},
  { parsedStats = false }: { readonly parsedStats?: boolean } = {},
): readonly RecordColumn<FileAction>[] {
  const { stats: addStats, ...addFields } = ADD;
  const { stats: removeStats, ...removeFields } = REMOVE;
  const addStatsColumn = parsedStats
    ? recordColumn('add', 'path', ADD_WITH_PARSED_STATS, withParsedStats)
    : recordColumn('add', 'path', ADD, toAdd);
  const add = stats ? addStatsColumn : recordColumn('add', 'path', addFields, toAdd);
  const remove = stats
    ? recordColumn('remove', 'path', REMOVE, toRemove)
    : recordColumn('remove', 'path', removeFields, toRemove);
  return removes ? [add, remove] : [add];
}

function toAdd(record: RecordOf<typeof ADD>): FileAction {
  return { add: toAddFile(record) };
}

function withParsedStats({ stats_parsed: parsed, ...record }: RecordOf<typeof ADD_WITH_PARSED_STATS>): FileAction {
  return toAdd(parsed === undefined ? record : { ...record, stats: parsed });
}

function toRemove(record: RecordOf<typeof REMOVE>): FileAction {
  return { remove: toRemoveFile(record) };
}

/** `dataChange` has no meaning in a checkpoint, and some writers leave it out. */
function toAddFile(record: RecordOf<typeof ADD>): AddFile {
  const { partitionValues, size, modificationTime, dataChange, deletionVector, ...rest } = record;
  return {
    ...rest,
    path: required(record.path, 'add.path'),
    partitionValues: partitionValues ?? {},
    size: required(size, 'add.size'),
    modificationTime: required(modificationTime, 'add.modificationTime'),
    dataChange: dataChange ?? false,
    ...(deletionVector && { deletionVector: toDeletionVector(deletionVector, 'add.deletionVector') }),
  };
}

function toRemoveFile(record: RecordOf<typeof REMOVE>): RemoveFile {
  const { dataChange, deletionVector, ...rest } = record;
  return {
    ...rest,
    path: required(record.path, 'remove.path'),
    dataChange: dataChange ?? false,
    ...(deletionVector && { deletionVector: toDeletionVector(deletionVector, 'remove.deletionVector') }),
  };
}

function toMetadata(record: RecordOf<typeof METADATA>): Metadata {
  const { format, schemaString, partitionColumns, configuration, ...rest } = record;
  return {
    ...rest,
    id: required(record.id, 'metaData.id'),
    format: { provider: format?.provider ?? 'parquet', options: withoutNulls(format?.options) },
    schemaString: schemaString ?? EMPTY_SCHEMA,
    partitionColumns: strings(partitionColumns ?? []),
    configuration: withoutNulls(configuration),
  };
}

/** An empty feature list stays one: a table of reader version 3 may need no reader feature. */
function toProtocol(record: RecordOf<typeof PROTOCOL>): Protocol {
  const { readerFeatures, writerFeatures } = record;
  return {
    minReaderVersion: required(record.minReaderVersion, 'protocol.minReaderVersion'),
    minWriterVersion: required(record.minWriterVersion, 'protocol.minWriterVersion'),
    ...(readerFeatures && { readerFeatures: strings(readerFeatures) }),
    ...(writerFeatures && { writerFeatures: strings(writerFeatures) }),
  };
}

function toTxn(record: RecordOf<typeof TXN>): Txn {
  return {
    ...record,
    appId: required(record.appId, 'txn.appId'),
    version: required(record.version, 'txn.version'),
  };
}

function toDomainMetadata(record: RecordOf<typeof DOMAIN_METADATA>): DomainMetadata {
  return {
    domain: required(record.domain, 'domainMetadata.domain'),
    configuration: record.configuration ?? '',
    removed: record.removed ?? false,
  };
}

function toSidecar(record: RecordOf<typeof SIDECAR>): Sidecar {
  return {
    path: required(record.path, 'sidecar.path'),
    sizeInBytes: required(record.sizeInBytes, 'sidecar.sizeInBytes'),
    modificationTime: required(record.modificationTime, 'sidecar.modificationTime'),
  };
}

function toDeletionVector(record: RecordOf<typeof DELETION_VECTOR>, column: string): DeletionVector {
  return {
    ...record,
    storageType: required(record.storageType, `${column}.storageType`),
    pathOrInlineDv: required(record.pathOrInlineDv, `${column}.pathOrInlineDv`),
    sizeInBytes: required(record.sizeInBytes, `${column}.sizeInBytes`),
    cardinality: required(record.cardinality, `${column}.cardinality`),
  };
}

function required<T>(value: T | undefined, column: string): T {
  if (value === undefined) {
    throw new ParquetError('CORRUPT', `a row has no ${column}, which the protocol requires`, { column });
  }
  return value;
}

function strings(values: readonly (string | null)[]): readonly string[] {
  return values.filter((value) => value !== null);
}

function withoutNulls(map: Readonly<Record<string, string | null>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map).filter((entry): entry is [string, string] => entry[1] !== null));
}
