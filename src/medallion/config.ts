import { parseType } from '../delta/ddl.ts';
import { isDeltaError } from '../delta/errors.ts';
import { propertyProblem } from '../delta/new-table.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { stepProblems } from './config-checks.ts';
import { readQuality } from './config-quality.ts';
import { MAX_FILES_OF_VERSION } from './position.ts';
import type { StepLimits, StepMode, StepRule, StepSource, TablePlace, Transform } from './rule.ts';

export type { MedallionConfigInput, QualityInput, SourceInput, StepInput, TableInput } from './config-input.ts';

export interface MedallionConfig {
  readonly steps: readonly StepRule[];
}

/** The names that configurations have for buckets which are known at the deployment only. */
export type BucketAlias = 'landing' | 'kafka';
export type BucketNames = Readonly<Partial<Record<BucketAlias, string>>>;

/** Settings of a step: see `StepInput`. */
const STEP_SETTINGS = [
  'name',
  'target',
  'source',
  'lookups',
  'sql',
  'sparkSql',
  'function',
  'columns',
  'mode',
  'partitionBy',
  'properties',
  'schema',
  'changes',
  'start',
  'quality',
  'limits',
  'engine',
] as const;
const FILE_SETTINGS = ['sqlFile', 'sparkSqlFile'] as const;
const MODE_SETTINGS = {
  append: [],
  merge: ['keys', 'orderBy', 'deleteWhen', 'deletes', 'lateness'],
  'replace-partitions': ['unchanged'],
  aggregate: ['keys', 'combine', 'rowCount', 'unchanged'],
  replace: [],
} as const satisfies Record<StepMode['kind'], readonly string[]>;

const STEP_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const SOURCE_NAME = /^[a-z_][a-z0-9_]{0,62}$/;
/** Whole path segments without what keys cannot have in a pattern. */
const PREFIX = /^[^*?{}\\:]*[^*?{}\\:/][^*?{}\\:]*$/;
/** S3 user guide, "Bucket naming rules"; also the aliases. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const HOUR = 3_600_000;
/** Hours of a leap year. */
const MAX_LATENESS = 8_784;
/** By default: what fits a function of 2 GB. docs/medallion.md has the measurements. */
const DEFAULT_LIMITS: StepLimits = { maxBytes: 268_435_456, maxFiles: 1_000, maxVersions: 1_000 };

/**
 * Parses a configuration given as plain data (from JSON), files read already (see `inlineStepFiles`). `buckets` are the
 * names of those that are known at the deployment only. Throws ConfigError naming all that is wrong.
 */
export function parseMedallionConfig(value: unknown, buckets: BucketNames): MedallionConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(['steps']);
  const steps = readSteps(root, buckets);
  if (problems.length > 0) throw new ConfigError(problems);
  return { steps };
}

/** The steps of a part that has them among other settings. What is wrong becomes problems of the reader. */
export function readSteps(root: ConfigReader, buckets: BucketNames): readonly StepRule[] {
  const readers = root.children('steps');
  if (readers.length === 0) root.problem('steps', 'expected at least one step');
  const targets = new Map(readers.map((reader) => targetByName(reader, buckets)));
  const steps = readers.map((reader) => readStep(reader, buckets, targets));
  for (const { step, name, text } of stepProblems(steps)) readers[step]?.problem(name, text);
  return steps;
}

/** Without telling of problems: `readStep` does. */
function targetByName(reader: ConfigReader, buckets: BucketNames): [name: string, target: TablePlace] {
  const quiet = new ConfigReader(reader.pick(['name', 'target']), '', []);
  const target = readPlace(quiet.child('target', prefixOnly), buckets);
  return [quiet.optionalText('name') ?? defaultName(target), target];
}

function readStep(reader: ConfigReader, buckets: BucketNames, targets: ReadonlyMap<string, TablePlace>): StepRule {
  const kind = reader.choice('mode', ['append', 'merge', 'replace-partitions', 'aggregate', 'replace'], 'append');
  knowSettings(reader, kind);
  const target = readTarget(reader, buckets);
  const expected = '1-64 lower-case letters, digits, "-" and "_", the first a letter or digit';
  const name = reader.matching('name', STEP_NAME, expected, defaultName(target));
  const lookups = reader.children('lookups', prefixOnly).map((one) => readSource(one, buckets, targets));
  if (!reader.has('source')) reader.problem('source', 'is required: the prefix of a table, or {"step": name}');
  return {
    name,
    target,
    source: readSource(reader.child('source', prefixOnly), buckets, targets),
    lookups,
    transform: readTransform(reader),
    mode: readMode(reader, kind),
    partitionBy: unique(reader, 'partitionBy'),
    properties: readProperties(reader),
    schema: reader.choice('schema', ['evolve', 'fixed'], 'evolve'),
    changes: reader.choice('changes', ['fail', 'skip'], 'fail'),
    start: reader.choice('start', ['beginning', 'latest'], 'beginning'),
    quality: readQuality(reader, lookups),
    limits: readLimits(reader.child('limits')),
    engine: reader.choice('engine', ['auto', 'duckdb', 'spark'], 'auto'),
  };
}

function knowSettings(reader: ConfigReader, kind: StepMode['kind']): void {
  const ofModes = new Set<string>(Object.values(MODE_SETTINGS).flat());
  reader.onlyKnows([...STEP_SETTINGS, ...FILE_SETTINGS, ...ofModes]);
  const own: readonly string[] = MODE_SETTINGS[kind];
  for (const name of ofModes) {
    if (reader.has(name) && !own.includes(name)) reader.problem(name, `is not a setting of the mode "${kind}"`);
  }
  for (const name of FILE_SETTINGS) {
    if (reader.has(name)) reader.problem(name, 'is for configuration files, relative to which it is read');
  }
}

function readTarget(reader: ConfigReader, buckets: BucketNames): TablePlace {
  if (!reader.has('target')) reader.problem('target', 'is required, such as "silver/orders"');
  const target = reader.child('target', prefixOnly);
  target.onlyKnows(['bucket', 'prefix']);
  if (reader.has('target') && !target.has('prefix')) target.problem('prefix', 'is required');
  return readPlace(target, buckets);
}

function prefixOnly(prefix: string): object {
  return { prefix };
}

function readPlace(reader: ConfigReader, buckets: BucketNames): TablePlace {
  const text = reader.matching('bucket', BUCKET, 'landing, kafka or the name of a bucket', 'landing');
  const bucket = text === 'landing' || text === 'kafka' ? buckets[text] : text;
  if (bucket === undefined) reader.problem('bucket', `is "${text}", and there is no such bucket in this deployment`);
  const prefix = reader.matching('prefix', PREFIX, 'a prefix such as "silver/orders"', '');
  return { bucket: bucket ?? text, prefix: prefix.replace(/^\/+|\/+$/g, '') };
}

function readSource(reader: ConfigReader, buckets: BucketNames, targets: ReadonlyMap<string, TablePlace>): StepSource {
  reader.onlyKnows(['name', 'bucket', 'prefix', 'step']);
  const place = reader.has('step') ? readReference(reader, targets) : readPlace(reader, buckets);
  if (!reader.has('step') && !reader.has('prefix') && reader.names().length > 0) {
    reader.problem('prefix', 'is required, or step');
  }
  const fallback = place.prefix
    .slice(place.prefix.lastIndexOf('/') + 1)
    .toLowerCase()
    .replaceAll(/\W/g, '_');
  const expected = 'lower-case letters, digits and "_", the first no digit';
  const name = reader.matching('name', SOURCE_NAME, expected, fallback);
  if (place.prefix !== '' && !SOURCE_NAME.test(name) && !reader.has('name')) {
    reader.problem('name', `is required: the prefix "${place.prefix}" gives none of ${expected}`);
  }
  return { name, ...place };
}

function readReference(reader: ConfigReader, targets: ReadonlyMap<string, TablePlace>): TablePlace {
  for (const name of ['bucket', 'prefix']) if (reader.has(name)) reader.problem(name, 'is that of the step');
  const step = reader.optionalText('step') ?? '';
  const target = targets.get(step);
  if (target === undefined) {
    reader.problem('step', `expected the name of a step (${[...targets.keys()].join(', ')}), got "${step}"`);
  }
  return target ?? { bucket: '', prefix: '' };
}

function readTransform(reader: ConfigReader): Transform {
  const module = reader.optionalText('function');
  if (module === undefined) return readSql(reader);
  for (const name of ['sql', 'sparkSql']) {
    if (reader.has(name)) reader.problem(name, 'is given, and so is function; expected one of them');
  }
  const columns = reader.optionalText('columns') ?? '';
  if (columns === '') reader.problem('columns', 'is required with function: DDL such as "id BIGINT, name STRING"');
  else checkDdl(reader, columns);
  return { kind: 'function', module, columns };
}

function readSql(reader: ConfigReader): Transform {
  if (reader.has('columns')) reader.problem('columns', 'is for function; those of SQL are known');
  const sql = reader.optionalText('sql') ?? '';
  if (sql.trim() === '' && !reader.has('sqlFile')) reader.problem('sql', 'is required, or sqlFile, or function');
  const sparkSql = reader.optionalText('sparkSql');
  return { kind: 'sql', sql: statement(sql), ...(sparkSql !== undefined && { sparkSql: statement(sparkSql) }) };
}

/** As it can stand within another: without what ends it. */
function statement(sql: string): string {
  return sql.replace(/[\s;]+$/, '');
}

function checkDdl(reader: ConfigReader, columns: string): void {
  try {
    parseType(`struct<${columns}>`);
  } catch (error) {
    if (!isDeltaError(error, 'INVALID_SCHEMA')) throw error;
    reader.problem('columns', `is no DDL such as "id BIGINT, name STRING": ${error.message}`);
  }
}

function readMode(reader: ConfigReader, kind: StepMode['kind']): StepMode {
  if (kind === 'replace-partitions') {
    if (reader.texts('partitionBy').length === 0) reader.problem('partitionBy', `is required for the mode "${kind}"`);
    return { kind, ...readUnchanged(reader, reader.texts('partitionBy'), 'partitionBy') };
  }
  if (kind !== 'merge' && kind !== 'aggregate') return { kind };
  const keys = unique(reader, 'keys');
  if (keys.length === 0) reader.problem('keys', `is required for the mode "${kind}": columns of the target`);
  if (kind === 'aggregate') return readAggregate(reader, keys);
  const orderBy = reader.optionalText('orderBy');
  const deleteWhen = reader.optionalText('deleteWhen');
  const lateness = reader.integer('lateness', 0, MAX_LATENESS, 0);
  if (lateness > 0 && orderBy === undefined) reader.problem('lateness', 'needs orderBy');
  if (orderBy !== undefined && keys.includes(orderBy)) {
    reader.problem('orderBy', `expected another column than the keys, got "${orderBy}"`);
  }
  return {
    kind,
    keys,
    ...(orderBy !== undefined && { orderBy }),
    ...(deleteWhen !== undefined && { deleteWhen }),
    deletes: reader.choice('deletes', ['apply', 'ignore'], 'apply'),
    lateness: lateness * HOUR,
  };
}

function readAggregate(reader: ConfigReader, keys: readonly string[]): StepMode {
  const combine: Record<string, 'sum' | 'min' | 'max'> = {};
  const given = reader.child('combine');
  for (const column of given.names()) {
    combine[column] = given.choice(column, ['sum', 'min', 'max'], 'sum');
    if (keys.includes(column)) given.problem(column, 'is a key, which is the same in all parts');
  }
  const rowCount = reader.optionalText('rowCount');
  if (rowCount !== undefined && (keys.includes(rowCount) || (combine[rowCount] ?? 'sum') !== 'sum')) {
    reader.problem('rowCount', `expected a column that is summed up, got "${rowCount}"`);
  }
  const unchanged = readUnchanged(reader, keys, 'keys');
  return { kind: 'aggregate', keys, combine, ...(rowCount !== undefined && { rowCount }), ...unchanged };
}

/** Columns that rows have from their source as they are there, so that the others of its files need not be read. */
function readUnchanged(reader: ConfigReader, columns: readonly string[], of: string) {
  if (!reader.has('unchanged')) return {};
  const unchanged = unique(reader, 'unchanged');
  const other = unchanged.find((column) => !columns.includes(column));
  if (other !== undefined) reader.problem('unchanged', `expected columns of ${of}, got "${other}"`);
  return { unchanged };
}

function readProperties(reader: ConfigReader): Readonly<Record<string, string>> {
  const properties = reader.strings('properties');
  for (const [key, value] of Object.entries(properties)) {
    const problem = propertyProblem(key, value);
    if (problem !== undefined) reader.problem('properties', problem);
  }
  return properties;
}

function readLimits(reader: ConfigReader): StepLimits {
  reader.onlyKnows(['maxBytes', 'maxFiles', 'maxVersions']);
  return {
    maxBytes: reader.integer('maxBytes', 1, Number.MAX_SAFE_INTEGER, DEFAULT_LIMITS.maxBytes),
    maxFiles: reader.integer('maxFiles', 1, MAX_FILES_OF_VERSION, DEFAULT_LIMITS.maxFiles),
    maxVersions: reader.integer('maxVersions', 1, 100_000, DEFAULT_LIMITS.maxVersions),
  };
}

/** Column names, each once. */
function unique(reader: ConfigReader, name: string): readonly string[] {
  const names = reader.texts(name);
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice !== undefined) reader.problem(name, `"${twice}" is there twice`);
  return names;
}

function defaultName({ prefix }: TablePlace): string {
  return prefix
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '-')
    .replace(/^[-_]+|-+$/g, '')
    .slice(0, 64);
}
