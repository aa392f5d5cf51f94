import type {
  Action,
  AddFile,
  CdcFile,
  CommitInfo,
  DeletionVector,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  Sidecar,
  Txn,
} from './actions.ts';

/** An action of a commit, or one of those that only stand in V2 checkpoints (PROTOCOL.md "V2 Spec"). */
export type LogAction = Action | { readonly sidecar: Sidecar };

/** What is wrong with a line of the log; the caller knows which line of which file it is. */
export class InvalidAction extends Error {
  override readonly name = 'InvalidAction';
}

/**
 * Checks the parsed JSON of one line and returns its action; undefined for an action of an unknown kind, which readers
 * must ignore (PROTOCOL.md "Protocol Evolution"). The fields that have a meaning here have the type that `actions.ts`
 * gives them; nulls are taken out; unknown fields are kept. The value given is used, not copied. Throws `InvalidAction`.
 */
export function parseAction(line: unknown): LogAction | undefined {
  const wrapper = asObject(line, 'the line');
  const kinds = Object.keys(wrapper).filter((key) => Object.hasOwn(PARSERS, key) && wrapper[key] !== null);
  const kind = kinds[0];
  if (kind === undefined) return undefined;
  if (kinds.length > 1) throw new InvalidAction(`it holds ${kinds.join(' and ')}, expected one action`);
  return PARSERS[kind]?.(withoutNulls(asObject(wrapper[kind], kind)));
}

type JsonObject = Record<string, unknown>;

const PARSERS: Readonly<Record<string, (fields: JsonObject) => LogAction>> = {
  add: (fields) => ({ add: parseAdd(fields) }),
  remove: (fields) => ({ remove: parseRemove(fields) }),
  metaData: (fields) => ({ metaData: parseMetadata(fields) }),
  protocol: (fields) => ({ protocol: parseProtocol(fields) }),
  txn: (fields) => ({ txn: parseTxn(fields) }),
  commitInfo: (fields) => ({ commitInfo: parseCommitInfo(fields) }),
  domainMetadata: (fields) => ({ domainMetadata: parseDomain(fields) }),
  cdc: (fields) => ({ cdc: parseCdc(fields) }),
  sidecar: (fields) => ({ sidecar: parseSidecar(fields) }),
};

function parseAdd(fields: JsonObject): AddFile {
  need(fields, 'add', 'string', 'path');
  need(fields, 'add', 'number', 'size', 'modificationTime');
  need(fields, 'add', 'boolean', 'dataChange');
  allow(fields, 'add', 'string', 'stats', 'clusteringProvider');
  allow(fields, 'add', 'number', 'baseRowId', 'defaultRowCommitVersion');
  needStringMap(fields, 'add', 'partitionValues');
  if (fields.tags !== undefined) needStringMap(fields, 'add', 'tags');
  parseDeletionVector(fields, 'add');
  return fields as unknown as AddFile;
}

function parseRemove(fields: JsonObject): RemoveFile {
  need(fields, 'remove', 'string', 'path');
  need(fields, 'remove', 'boolean', 'dataChange');
  allow(fields, 'remove', 'number', 'deletionTimestamp', 'size');
  allow(fields, 'remove', 'boolean', 'extendedFileMetadata');
  allow(fields, 'remove', 'string', 'stats');
  allow(fields, 'remove', 'number', 'baseRowId', 'defaultRowCommitVersion');
  if (fields.partitionValues !== undefined) needStringMap(fields, 'remove', 'partitionValues');
  if (fields.tags !== undefined) needStringMap(fields, 'remove', 'tags');
  parseDeletionVector(fields, 'remove');
  return fields as unknown as RemoveFile;
}

function parseDeletionVector(fields: JsonObject, action: string): void {
  if (fields.deletionVector === undefined) return;
  const where = `${action}.deletionVector`;
  const vector = withoutNulls(asObject(fields.deletionVector, where));
  need(vector, where, 'string', 'storageType', 'pathOrInlineDv');
  need(vector, where, 'number', 'sizeInBytes', 'cardinality');
  allow(vector, where, 'number', 'offset');
  fields.deletionVector = vector as unknown as DeletionVector;
}

/** Spark wrote tables without any column with no `schemaString` at all. */
const NO_COLUMNS = '{"type":"struct","fields":[]}';

function parseMetadata(fields: JsonObject): Metadata {
  need(fields, 'metaData', 'string', 'id');
  allow(fields, 'metaData', 'string', 'name', 'description', 'schemaString');
  allow(fields, 'metaData', 'number', 'createdTime');
  const columns = fields.partitionColumns ?? [];
  needStrings(columns, 'metaData.partitionColumns');
  const format = withoutNulls(asObject(fields.format ?? {}, 'metaData.format'));
  allow(format, 'metaData.format', 'string', 'provider');
  return {
    ...fields,
    format: {
      provider: typeof format.provider === 'string' ? format.provider : 'parquet',
      options: toStringMap(format.options ?? {}, 'metaData.format.options'),
    },
    schemaString: typeof fields.schemaString === 'string' ? fields.schemaString : NO_COLUMNS,
    partitionColumns: columns,
    configuration: toStringMap(fields.configuration ?? {}, 'metaData.configuration'),
  } as unknown as Metadata;
}

function parseProtocol(fields: JsonObject): Protocol {
  need(fields, 'protocol', 'number', 'minReaderVersion', 'minWriterVersion');
  if (fields.readerFeatures !== undefined) needStrings(fields.readerFeatures, 'protocol.readerFeatures');
  if (fields.writerFeatures !== undefined) needStrings(fields.writerFeatures, 'protocol.writerFeatures');
  return fields as unknown as Protocol;
}

function parseTxn(fields: JsonObject): Txn {
  need(fields, 'txn', 'string', 'appId');
  need(fields, 'txn', 'number', 'version');
  allow(fields, 'txn', 'number', 'lastUpdated');
  return fields as unknown as Txn;
}

/** Its content is free (PROTOCOL.md "Commit Provenance Information"): a known field of another type is dropped. */
function parseCommitInfo(fields: JsonObject): CommitInfo {
  for (const [field, type] of Object.entries(COMMIT_INFO_FIELDS)) {
    if (field in fields && !isOfType(fields[field], type)) delete fields[field];
  }
  return fields as CommitInfo;
}

const COMMIT_INFO_FIELDS = {
  timestamp: 'number',
  inCommitTimestamp: 'number',
  operation: 'string',
  operationParameters: 'object',
  operationMetrics: 'object',
  isBlindAppend: 'boolean',
  engineInfo: 'string',
  txnId: 'string',
} as const;

function parseDomain(fields: JsonObject): DomainMetadata {
  need(fields, 'domainMetadata', 'string', 'domain', 'configuration');
  need(fields, 'domainMetadata', 'boolean', 'removed');
  return fields as unknown as DomainMetadata;
}

function parseCdc(fields: JsonObject): CdcFile {
  need(fields, 'cdc', 'string', 'path');
  need(fields, 'cdc', 'number', 'size');
  need(fields, 'cdc', 'boolean', 'dataChange');
  needStringMap(fields, 'cdc', 'partitionValues');
  if (fields.tags !== undefined) needStringMap(fields, 'cdc', 'tags');
  return fields as unknown as CdcFile;
}

function parseSidecar(fields: JsonObject): Sidecar {
  need(fields, 'sidecar', 'string', 'path');
  need(fields, 'sidecar', 'number', 'sizeInBytes', 'modificationTime');
  return fields as unknown as Sidecar;
}

type FieldType = 'string' | 'number' | 'boolean' | 'object';

/** The fields must be there and have this type. */
function need(object: JsonObject, where: string, type: FieldType, ...fields: readonly string[]): void {
  for (const field of fields) {
    if (!isOfType(object[field], type)) throw mismatch(`${where}.${field}`, object[field], type);
  }
}

/** The fields have this type where they are there. */
function allow(object: JsonObject, where: string, type: FieldType, ...fields: readonly string[]): void {
  for (const field of fields) {
    if (object[field] !== undefined) need(object, where, type, field);
  }
}

function needStringMap(object: JsonObject, where: string, field: string): void {
  const map = asObject(object[field], `${where}.${field}`);
  for (const key in map) {
    const value = map[key];
    if (typeof value !== 'string' && value !== null) throw mismatch(`${where}.${field}.${key}`, value, 'string');
  }
}

/** A map whose nulls are left out, for maps in which a null value says nothing. */
function toStringMap(value: unknown, where: string): Record<string, string> {
  const map = withoutNulls(asObject(value, where));
  for (const [key, entry] of Object.entries(map)) {
    if (typeof entry !== 'string') throw mismatch(`${where}.${key}`, entry, 'string');
  }
  return map as Record<string, string>;
}

function needStrings(value: unknown, where: string): void {
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== 'string')) {
    throw mismatch(where, value, 'strings');
  }
}

function asObject(value: unknown, where: string): JsonObject {
  if (!isOfType(value, 'object')) throw mismatch(where, value, 'object');
  return value as JsonObject;
}

/** Numbers must be whole and exact: every number of the log is a long. */
function isOfType(value: unknown, type: FieldType): boolean {
  if (type === 'number') return Number.isSafeInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** A null in the log's JSON means the same as an absent field; in typed values there is only the latter. */
function withoutNulls(object: JsonObject): JsonObject {
  const entries = Object.entries(object);
  // Not `delete`, which turns an object into a slow and large one: delta-rs writes several nulls in every add.
  return entries.some(([, value]) => value === null)
    ? Object.fromEntries(entries.filter(([, value]) => value !== null))
    : object;
}

function mismatch(where: string, value: unknown, expected: FieldType | 'strings'): InvalidAction {
  const got = value === undefined ? 'missing' : JSON.stringify(value).slice(0, MAX_SHOWN);
  return new InvalidAction(`${where} is ${got}, expected ${EXPECTED[expected]}`);
}

const EXPECTED = {
  string: 'a string',
  number: 'a whole number below 2^53',
  boolean: 'true or false',
  object: 'an object',
  strings: 'an array of strings',
};

/** Characters of a wrong value that a message shows. */
const MAX_SHOWN = 100;
