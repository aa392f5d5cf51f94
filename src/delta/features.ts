import type { DomainMetadata, Metadata, Protocol } from './actions.ts';
import { DeltaError } from './errors.ts';
import type { ColumnPath, DataType, StructField, StructType } from './schema.ts';
import type { TableRef } from './table.ts';

/** What decides whether a feature is in use: supporting one is not using it (PROTOCOL.md "Active Features"). */
interface TableUse {
  readonly configuration: Readonly<Record<string, string>>;
  readonly partitionColumns: readonly string[];
  readonly schema: StructType;
}

export interface WritableTable {
  readonly table: TableRef;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: StructType;
}

/**
 * Throws `UNSUPPORTED_READER` naming the version or the features that this code cannot read. What only matters to whom
 * reads rows (column mapping, deletion vectors, ...) is no hindrance: the log can be read all the same.
 */
export function assertReadable(protocol: Protocol, table: TableRef): void {
  const { minReaderVersion } = protocol;
  if (!Number.isInteger(minReaderVersion) || minReaderVersion < 1 || minReaderVersion > MAX_READER_VERSION) {
    const message = `${table.url} needs reader version ${minReaderVersion}; versions 1 to ${MAX_READER_VERSION} are supported`;
    throw new DeltaError('UNSUPPORTED_READER', message, { table: table.url, minReaderVersion });
  }
  const listed = minReaderVersion === MAX_READER_VERSION ? (protocol.readerFeatures ?? []) : [];
  const unknown = listed.filter((name) => !FEATURES.has(name));
  if (unknown.length === 0) return;
  const message = `${table.url} needs reader features that are not supported: ${unknown.join(', ')}`;
  throw new DeltaError('UNSUPPORTED_READER', message, { table: table.url, features: unknown });
}

/**
 * Throws `UNSUPPORTED_READER`, or `UNSUPPORTED_WRITER` naming the version or each feature under which this code must not
 * add files, with the reason. A feature that is only supported but not in use is no hindrance.
 */
export function assertWritable({ table, protocol, metadata, schema }: WritableTable): void {
  assertReadable(protocol, table);
  assertWriterVersion(protocol, table);
  refuse([...supportedFeatures(protocol)], { ...metadata, schema }, table);
}

/**
 * Throws `UNSUPPORTED_READER`, or `UNSUPPORTED_WRITER` naming the version or the features under which this code must not
 * write a checkpoint. That is allowed under more features than adding files: a checkpoint says again what the log says,
 * so that rules for rows and files (constraints, column mapping, row ids, ...) do not matter. Features that are not known
 * do: they may add actions or fields that would be lost, or put the log somewhere else.
 */
export function assertCheckpointable({ table, protocol }: Pick<WritableTable, 'table' | 'protocol'>): void {
  assertReadable(protocol, table);
  assertWriterVersion(protocol, table);
  const unknown = [...supportedFeatures(protocol)].filter((name) => !FEATURES.has(name));
  if (unknown.length === 0) return;
  const message = `${table.url} cannot get a checkpoint because of table features that are not supported: ${unknown.join(', ')}`;
  throw new DeltaError('UNSUPPORTED_WRITER', message, { table: table.url, features: unknown });
}

export interface NewTableNeeds {
  readonly schema: StructType;
  /** Table properties; `delta.feature.<name>` asks for a feature that no property turns on. */
  readonly configuration: Readonly<Record<string, string>>;
}

/**
 * The lowest protocol that holds a new table: reader 1 and writer 2, as all writers start, unless the schema or the
 * properties need more. Throws `UNSUPPORTED_WRITER` for what this code could not write to afterwards.
 */
export function protocolForNewTable({ schema, configuration }: NewTableNeeds): Protocol {
  const use = { schema, configuration, partitionColumns: [] };
  const asked = Object.keys(configuration).filter((key) => key.startsWith(FEATURE_PREFIX));
  const needed = [...asked.map((key) => key.slice(FEATURE_PREFIX.length)), ...featuresInUse(use)];
  refuse(needed, use);
  return withFeatures({ minReaderVersion: 1, minWriterVersion: 2 }, needed);
}

/**
 * The protocol that a table needs for a schema with new columns: the same object where it holds them already. Throws
 * `UNSUPPORTED_WRITER` for columns that this code could not write to.
 */
export function upgradeProtocol({
  protocol,
  schema,
}: {
  readonly protocol: Protocol;
  readonly schema: StructType;
}): Protocol {
  const use = { schema, configuration: {}, partitionColumns: [] };
  const supported = supportedFeatures(protocol);
  const missing = featuresInUse(use).filter((name) => !supported.has(name) && !supported.has(`${name}-preview`));
  if (missing.length === 0) return protocol;
  refuse(missing, use);
  return withFeatures(protocol, missing);
}

/** Whether writers have to heed a feature: it is listed, or the writer version implies it (PROTOCOL.md "Writer Version Requirements"). */
export function supportsFeature(protocol: Protocol, feature: string): boolean {
  return supportedFeatures(protocol).has(feature);
}

/** Whether commits must not remove data. */
export function isAppendOnly(protocol: Protocol, { configuration }: Pick<Metadata, 'configuration'>): boolean {
  return supportsFeature(protocol, 'appendOnly') && isTrue(configuration, 'delta.appendOnly');
}

/** Whether every commit must carry its time. */
export function hasInCommitTimestamps(protocol: Protocol, { configuration }: Pick<Metadata, 'configuration'>): boolean {
  return supportsFeature(protocol, 'inCommitTimestamp') && isTrue(configuration, 'delta.enableInCommitTimestamps');
}

/** Whether the types of columns may be widened; not under the preview, whose clients expect more in the columns' metadata. */
export function hasTypeWidening(protocol: Protocol, { configuration }: Pick<Metadata, 'configuration'>): boolean {
  return supportsFeature(protocol, 'typeWidening') && isTrue(configuration, 'delta.enableTypeWidening');
}

/** Columns that a file must hold, because a writer would have to compute their defaults otherwise (PROTOCOL.md "Default Columns"). */
export function columnsWithDefault(protocol: Protocol, schema: StructType): readonly string[] {
  if (!supportsFeature(protocol, 'allowColumnDefaults')) return [];
  return schema.fields.filter(hasDefault).map(({ name }) => name);
}

/**
 * Columns whose statistics every add must have (PROTOCOL.md "Writer Requirements for Clustered Table").
 * Throws `CORRUPT_LOG` when the domain that names them is malformed.
 */
export function clusteringColumns(domains: ReadonlyMap<string, DomainMetadata>): readonly ColumnPath[] {
  const { configuration = '{}' } = domains.get('delta.clustering') ?? {};
  const columns = parseClustering(configuration);
  if (columns !== undefined) return columns;
  const message = `The domain delta.clustering is malformed: ${configuration}`;
  throw new DeltaError('CORRUPT_LOG', message, { configuration });
}

/** Each column is a name, or (Spark) the parts of the name of a possibly nested column. */
function parseClustering(configuration: string): readonly ColumnPath[] | undefined {
  try {
    const { clusteringColumns: columns = [] }: { clusteringColumns?: unknown } = JSON.parse(configuration);
    if (!Array.isArray(columns)) return undefined;
    const paths: unknown[][] = columns.map((column) => (Array.isArray(column) ? column : [column]));
    return paths.every(isColumnPath) ? paths : undefined;
  } catch {
    return undefined;
  }
}

function isColumnPath(path: readonly unknown[]): path is string[] {
  return path.length > 0 && path.every((name) => typeof name === 'string');
}

const MAX_READER_VERSION = 3;
const MAX_WRITER_VERSION = 7;
/** Writers before table features; from the next version on, features are listed. */
const MAX_LEGACY_WRITER_VERSION = 6;
const FEATURE_PREFIX = 'delta.feature.';

interface Feature {
  /** Whether readers must know it, too. */
  readonly scope: 'writer' | 'readerWriter';
  /** Protocol versions that imply it. */
  readonly impliedBy?: { readonly writer: number; readonly reader?: number };
  /** Whether a table with this schema and these properties uses it, so that its protocol must have it. */
  readonly isUsed?: (use: TableUse) => boolean;
  /** Why this code must not add files to such a table; undefined when it may. */
  readonly refusal?: (use: TableUse) => string | undefined;
}

/**
 * The features that are known. Of those missing here some are known by name only (catalog-managed commits, redirects,
 * row types not understood, ...); to a reader and a writer alike they are as good as unknown.
 * Source: PROTOCOL.md "Valid Feature Names in Table Features"; previews and later ones from Spark's TableFeature.scala.
 */
const FEATURES: ReadonlyMap<string, Feature> = new Map(
  Object.entries<Feature>({
    appendOnly: { scope: 'writer', impliedBy: { writer: 2 }, isUsed: property('delta.appendOnly') },
    invariants: unlessUsed(
      { scope: 'writer', impliedBy: { writer: 2 } },
      anyField(({ metadata }) => 'delta.invariants' in metadata),
      'a column has an invariant',
    ),
    checkConstraints: unlessUsed(
      { scope: 'writer', impliedBy: { writer: 3 } },
      ({ configuration }) => Object.keys(configuration).some((key) => key.startsWith('delta.constraints.')),
      'the table has CHECK constraints',
    ),
    changeDataFeed: { scope: 'writer', impliedBy: { writer: 4 }, isUsed: property('delta.enableChangeDataFeed') },
    generatedColumns: unlessUsed(
      { scope: 'writer', impliedBy: { writer: 4 } },
      anyField(({ metadata }) => 'delta.generationExpression' in metadata),
      'a column is generated',
    ),
    columnMapping: unlessUsed(
      { scope: 'readerWriter', impliedBy: { writer: 5, reader: 2 } },
      ({ configuration }) => (configuration['delta.columnMapping.mode'] ?? 'none') !== 'none',
      'columns are mapped to other names in the files',
    ),
    identityColumns: unlessUsed(
      { scope: 'writer', impliedBy: { writer: 6 } },
      anyField(({ metadata }) => Object.keys(metadata).some((key) => key.startsWith('delta.identity.'))),
      'a column is an identity column',
    ),
    // Whether a file holds the columns is for whom sees the file to check: see `columnsWithDefault`.
    allowColumnDefaults: {
      scope: 'writer',
      isUsed: anyField(hasDefault),
      refusal: ({ schema }) =>
        schema.fields.some(({ type }) => fieldsOf(type).some(hasDefault)) ? 'a nested column has a default' : undefined,
    },
    deletionVectors: { scope: 'readerWriter', isUsed: property('delta.enableDeletionVectors') },
    rowTracking: {
      scope: 'writer',
      isUsed: property('delta.enableRowTracking'),
      // Rows must be numbered as soon as the feature is supported (PROTOCOL.md "Row Tracking").
      refusal: ({ configuration }) =>
        isTrue(configuration, 'delta.rowTrackingSuspended') ? undefined : 'rows must be given ids',
    },
    domainMetadata: { scope: 'writer' },
    v2Checkpoint: { scope: 'readerWriter', isUsed: property('delta.checkpointPolicy', 'v2') },
    inCommitTimestamp: { scope: 'writer', isUsed: property('delta.enableInCommitTimestamps') },
    timestampNtz: { scope: 'readerWriter', isUsed: ({ schema }) => hasType(schema, 'timestamp_ntz') },
    variantType: unlessUsed({ scope: 'readerWriter' }, hasVariant, 'a column is a variant'),
    'variantType-preview': {
      scope: 'readerWriter',
      refusal: (use) => (hasVariant(use) ? 'a column is a variant' : undefined),
    },
    variantShredding: unlessUsed(
      { scope: 'readerWriter' },
      property('delta.enableVariantShredding'),
      'variants may be shredded',
    ),
    'variantShredding-preview': {
      scope: 'readerWriter',
      refusal: ({ configuration }) =>
        isTrue(configuration, 'delta.enableVariantShredding') ? 'variants may be shredded' : undefined,
    },
    typeWidening: { scope: 'readerWriter', isUsed: property('delta.enableTypeWidening') },
    'typeWidening-preview': { scope: 'readerWriter' },
    icebergCompatV1: icebergFeature('delta.enableIcebergCompatV1'),
    icebergCompatV2: icebergFeature('delta.enableIcebergCompatV2'),
    icebergCompatV3: icebergFeature('delta.enableIcebergCompatV3'),
    icebergWriterCompatV1: icebergFeature('delta.enableIcebergWriterCompatV1'),
    icebergWriterCompatV3: icebergFeature('delta.enableIcebergWriterCompatV3'),
    materializePartitionColumns: {
      scope: 'writer',
      refusal: ({ partitionColumns }) =>
        partitionColumns.length > 0 ? 'files must hold their partition columns' : undefined,
    },
    // Statistics of the clustering columns are mandatory: see `clusteringColumns`.
    clustering: { scope: 'writer' },
    vacuumProtocolCheck: { scope: 'readerWriter' },
    checkpointProtection: { scope: 'writer' },
  }),
);

function assertWriterVersion({ minWriterVersion }: Protocol, table: TableRef): void {
  if (Number.isInteger(minWriterVersion) && minWriterVersion >= 1 && minWriterVersion <= MAX_WRITER_VERSION) return;
  const message = `${table.url} needs writer version ${minWriterVersion}; versions 1 to ${MAX_WRITER_VERSION} are supported`;
  throw new DeltaError('UNSUPPORTED_WRITER', message, { table: table.url, minWriterVersion });
}

function unlessUsed(feature: Feature, isUsed: (use: TableUse) => boolean, reason: string): Feature {
  return { ...feature, isUsed, refusal: (use) => (isUsed(use) ? reason : undefined) };
}

function icebergFeature(key: string): Feature {
  return unlessUsed({ scope: 'writer' }, property(key), `${key} asks for more than is done here`);
}

function property(key: string, value = 'true') {
  return ({ configuration }: TableUse) => configuration[key]?.toLowerCase() === value;
}

function isTrue(configuration: Metadata['configuration'], key: string): boolean {
  return configuration[key]?.toLowerCase() === 'true';
}

function hasDefault({ metadata }: StructField): boolean {
  return 'CURRENT_DEFAULT' in metadata;
}

function hasVariant({ schema }: TableUse): boolean {
  return hasType(schema, 'variant');
}

function anyField(matches: (field: StructField) => boolean) {
  return ({ schema }: TableUse) => fieldsOf(schema).some(matches);
}

/** All fields of the structs in a type, nested ones too. */
function fieldsOf(type: DataType): StructField[] {
  if (typeof type === 'string') return [];
  if (type.type === 'array') return fieldsOf(type.elementType);
  if (type.type === 'map') return [...fieldsOf(type.keyType), ...fieldsOf(type.valueType)];
  return type.fields.flatMap((field) => [field, ...fieldsOf(field.type)]);
}

function hasType(type: DataType, wanted: DataType): boolean {
  if (typeof type === 'string') return type === wanted;
  if (type.type === 'array') return hasType(type.elementType, wanted);
  if (type.type === 'map') return hasType(type.keyType, wanted) || hasType(type.valueType, wanted);
  return type.fields.some((field) => hasType(field.type, wanted));
}

function supportedFeatures({ minWriterVersion, writerFeatures }: Protocol): ReadonlySet<string> {
  if (minWriterVersion > MAX_LEGACY_WRITER_VERSION) return new Set(writerFeatures);
  return new Set(featureNames(({ impliedBy }) => impliedBy !== undefined && impliedBy.writer <= minWriterVersion));
}

function featuresInUse(use: TableUse): string[] {
  return featureNames(({ isUsed }) => isUsed?.(use) === true);
}

function featureNames(matches: (feature: Feature) => boolean): string[] {
  return [...FEATURES].filter(([, feature]) => matches(feature)).map(([name]) => name);
}

/** Throws unless files may be added to a table that has these features. */
function refuse(names: readonly string[], use: TableUse, table?: TableRef): void {
  const refused = names.flatMap((name) => {
    const feature = FEATURES.get(name);
    const reason = feature === undefined ? 'not supported' : feature.refusal?.(use);
    return reason === undefined ? [] : [{ name, reason }];
  });
  if (refused.length === 0) return;
  const reasons = refused.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  const message = `${table?.url ?? 'A table'} cannot be written to because of table features: ${reasons}`;
  const features = refused.map(({ name }) => name);
  throw new DeltaError('UNSUPPORTED_WRITER', message, { ...(table && { table: table.url }), features });
}

/** The lowest protocol with all that `protocol` supports and these features. */
function withFeatures(protocol: Protocol, names: readonly string[]): Protocol {
  const legacy = names.map((name) => FEATURES.get(name)?.impliedBy).filter((versions) => versions !== undefined);
  if (legacy.length === names.length && protocol.minWriterVersion <= MAX_LEGACY_WRITER_VERSION) {
    return {
      minReaderVersion: Math.max(protocol.minReaderVersion, ...legacy.map(({ reader = 1 }) => reader)),
      minWriterVersion: Math.max(protocol.minWriterVersion, ...legacy.map(({ writer }) => writer)),
    };
  }
  const all = new Set([...supportedFeatures(protocol), ...names]);
  // Writer version 5 alone does not map columns: its readers do not know of it.
  if (protocol.minReaderVersion < 2 && protocol.minWriterVersion <= MAX_LEGACY_WRITER_VERSION)
    all.delete('columnMapping');
  const writerFeatures = [...all];
  const forReaders = writerFeatures.filter((name) => FEATURES.get(name)?.scope === 'readerWriter');
  const { minReaderVersion, readerFeatures = [] } = protocol;
  if (forReaders.length === 0 && minReaderVersion < MAX_READER_VERSION) {
    return { minReaderVersion, minWriterVersion: MAX_WRITER_VERSION, writerFeatures };
  }
  return {
    minReaderVersion: MAX_READER_VERSION,
    minWriterVersion: MAX_WRITER_VERSION,
    readerFeatures: [...new Set([...readerFeatures, ...forReaders])],
    writerFeatures,
  };
}
