import { parseType } from '../delta/ddl.ts';
import { propertyProblem } from '../delta/new-table.ts';
import { isPartitionType } from '../delta/partition.ts';
import { type DataType, findIllegalName, formatPath, type PrimitiveType } from '../delta/schema.ts';
import { type DynamoDbCommits, readCommitProtocol } from '../ingest/config.ts';
import type { ConfigReader } from '../ingest/config-reader.ts';
import { parseAvroSchema } from './decode/avro/parse-schema.ts';
import { createAvroReader } from './decode/avro/reader.ts';
import { DATE_COLUMN } from './rows/layout.ts';
import { metadataColumns } from './rows/metadata-columns.ts';
import type { ByteFormat, PartitionRule, PayloadFormat, TopicRule } from './topic-rule.ts';
import { compileFilter } from './transform/filter.ts';
import { compilePartition } from './transform/partition.ts';
import { compileTarget } from './transform/target.ts';
import { compileTransforms } from './transform/transforms.ts';

/** Topics have only these characters (Kafka, `Topic.LEGAL_CHARS`). */
const TOPIC_PATTERN = /^[\w.*-]+$/;

const NAMES = [
  'topic',
  'table',
  'key',
  'value',
  'headers',
  'metadataPrefix',
  'format',
  'compression',
  'maxPayloadBytes',
  'columns',
  'maxColumns',
  'timestampUnit',
  'envelope',
  'transforms',
  'filter',
  'tombstones',
  'partitionBy',
  'continueFrom',
  'generation',
  'schemaPolicy',
  'properties',
  'commitProtocol',
];

/**
 * Reads the rule of a topic, in which what is left out has its default; mistakes are collected by the reader. `metadata` are
 * the columns that say where a row comes from.
 */
export function readRule(
  reader: ConfigReader,
  commits?: DynamoDbCommits | undefined,
  metadata: (rule: TopicRule) => readonly string[] = kafkaColumns,
): TopicRule {
  reader.onlyKnows(NAMES);
  if (!reader.has('topic')) reader.problem('topic', 'is required');
  const format = readFormat(reader);
  const isDecoded = format.type !== 'raw';
  for (const name of ['envelope', 'transforms', 'filter', 'columns', 'compression'] as const) {
    if (!isDecoded && reader.has(name)) reader.problem(name, 'is for decoded values; expected a format beside it');
  }
  const continueFrom = reader.optionalText('continueFrom');
  const topic = reader.matching('topic', TOPIC_PATTERN, 'a topic, or a pattern with "*"', '*');
  const table = readTable(reader);
  if (continueFrom !== undefined && topic.includes('*') && !table.includes('{topic}')) {
    // Its offsets name no topic.
    reader.problem('continueFrom', 'is for one topic of a table; expected no "*" in topic, or {topic} in table');
  }
  const filter = reader.optionalText('filter');
  if (filter !== undefined) check(reader, 'filter', () => compileFilter(filter));
  const commitProtocol = readCommitProtocol(reader, commits);
  const rule: TopicRule = {
    topic,
    table,
    key: reader.choice<ByteFormat>('key', ['binary', 'string', 'omit'], 'binary'),
    value: reader.choice<ByteFormat>('value', ['binary', 'string', 'omit'], isDecoded ? 'omit' : 'binary'),
    headers: reader.choice('headers', ['list', 'map', 'omit'], 'list'),
    metadataPrefix: reader.matching('metadataPrefix', /^\w{0,30}$/, 'up to 30 letters, digits and "_"', ''),
    format,
    compression: reader.choice('compression', ['none', 'gzip', 'zstd', 'auto'], 'none'),
    maxPayloadBytes: reader.integer('maxPayloadBytes', 1, 256 * 1024 * 1024, 8 * 1024 * 1024),
    columns: readColumns(reader),
    maxColumns: reader.integer('maxColumns', 1, 10_000, 1_000),
    timestampUnit: reader.choice('timestampUnit', ['s', 'ms', 'us', 'ns'], 'ms'),
    envelope: reader.choice('envelope', ['none', 'debezium'], 'none'),
    transforms: readTransforms(reader),
    tombstones: reader.choice('tombstones', ['keep', 'marker', 'drop'], 'keep'),
    partitionBy: readPartitions(reader),
    generation: reader.integer('generation', 0, 1_000_000, 0),
    schemaPolicy: reader.choice('schemaPolicy', ['evolve', 'strict', 'fixed'], 'evolve'),
    properties: readProperties(reader),
    ...(filter !== undefined && { filter }),
    ...(continueFrom !== undefined && { continueFrom }),
    ...(commitProtocol !== undefined && { commitProtocol }),
  };
  checkNames(reader, rule, metadata(rule));
  return rule;
}

function kafkaColumns(rule: TopicRule): string[] {
  return metadataColumns(rule).fields.map(({ name }) => name);
}

/** Columns that are named must not be Kafka's, and have names that tables can have. */
function checkNames(reader: ConfigReader, rule: TopicRule, reserved: readonly string[]): void {
  const metadata = new Set(reserved.map((name) => name.toLowerCase()));
  const named = [
    ...Object.entries(rule.columns).map(([name, type]) => ({ setting: 'columns', name, type })),
    ...rule.partitionBy.map(({ name, type }) => ({ setting: 'partitionBy', name, type })),
  ];
  for (const { setting, name, type } of named) {
    const field = { name, type, nullable: true, metadata: {} };
    const illegal = findIllegalName({ type: 'struct', fields: [field] });
    if (illegal !== undefined) reader.problem(setting, `"${formatPath(illegal)}" cannot be the name of a column`);
    if (metadata.has(name.toLowerCase())) {
      reader.problem(setting, `"${name}" is one of Kafka's columns; metadataPrefix gives these other names`);
    }
  }
}

function readTable(reader: ConfigReader): string {
  const table = reader.optionalText('table') ?? 'bronze/{topic}';
  check(reader, 'table', () => compileTarget(table));
  return table;
}

function readFormat(parent: ConfigReader): PayloadFormat {
  const simple = ['raw', 'json', 'json-lines', 'confluent', 'glue'] as const;
  if (!parent.has('format')) return { type: 'raw' };
  if (parent.isText('format')) return { type: parent.choice('format', simple, 'raw') };
  const reader = parent.child('format');
  const type = reader.choice('type', [...simple, 'avro', 'avro-single-object', 'protobuf'], 'raw');
  const text = (name: string): string => {
    const value = reader.optionalText(name);
    if (value === undefined) reader.problem(name, `is required for the format "${type}"`);
    return value ?? '';
  };
  switch (type) {
    case 'avro': {
      reader.onlyKnows(['type', 'schema']);
      const schema = text('schema');
      checkAvro(reader, 'schema', schema);
      return { type, schema };
    }
    case 'avro-single-object': {
      reader.onlyKnows(['type', 'schemas']);
      const schemas = reader.texts('schemas');
      if (schemas.length === 0) reader.problem('schemas', 'expected one at least');
      for (const schema of schemas) checkAvro(reader, 'schemas', schema);
      return { type, schemas };
    }
    case 'protobuf':
      reader.onlyKnows(['type', 'proto', 'message']);
      return { type, proto: text('proto'), message: text('message') };
    default:
      reader.onlyKnows(['type']);
      return { type };
  }
}

function checkAvro(reader: ConfigReader, name: string, schema: string): void {
  if (schema !== '') check(reader, name, () => createAvroReader(parseAvroSchema(schema)));
}

export function readColumns(reader: ConfigReader): Readonly<Record<string, DataType>> {
  const columns: Record<string, DataType> = {};
  const seen = new Set<string>();
  for (const [name, text] of Object.entries(reader.strings('columns'))) {
    if (name === '' || seen.has(name.toLowerCase())) reader.problem('columns', `names the column "${name}" twice`);
    seen.add(name.toLowerCase());
    check(reader, `columns.${name}`, () => {
      Object.defineProperty(columns, name, { value: parseType(text), enumerable: true });
    });
  }
  return columns;
}

function readTransforms(reader: ConfigReader): Readonly<Record<string, string>> {
  const transforms = reader.strings('transforms');
  for (const [name, text] of Object.entries(transforms)) {
    check(reader, `transforms.${name}`, () => compileTransforms({ [name]: text }));
  }
  return transforms;
}

function readPartitions(reader: ConfigReader): readonly PartitionRule[] {
  if (!reader.has('partitionBy')) return [{ name: DATE_COLUMN, type: 'date' }];
  const seen = new Set<string>();
  return reader.children('partitionBy').map((column) => {
    column.onlyKnows(['name', 'type', 'expression']);
    const name = column.optionalText('name') ?? '';
    if (name === '' || seen.has(name.toLowerCase())) column.problem('name', 'expected a name that no other has');
    seen.add(name.toLowerCase());
    const expression = column.optionalText('expression');
    if (expression === undefined && name !== DATE_COLUMN) {
      column.problem('expression', `is required; only "${DATE_COLUMN}" has a value of its own`);
    }
    const type = readPartitionType(column, expression === undefined ? 'date' : 'string');
    if (expression !== undefined) check(column, 'expression', () => compilePartition({ name, type, expression }));
    return { name, type, ...(expression !== undefined && { expression }) };
  });
}

function readPartitionType(reader: ConfigReader, fallback: PrimitiveType): PrimitiveType {
  const text = reader.optionalText('type');
  if (text === undefined) return fallback;
  let type: DataType = fallback;
  check(reader, 'type', () => {
    type = parseType(text);
  });
  if (typeof type === 'string' && isPartitionType(type)) return type;
  reader.problem('type', `expected a type that can partition a table, got "${text}"`);
  return fallback;
}

function readProperties(reader: ConfigReader): Readonly<Record<string, string>> {
  const properties = reader.strings('properties');
  for (const [key, property] of Object.entries(properties)) {
    const problem = propertyProblem(key, property);
    if (problem !== undefined) reader.problem('properties', problem);
    if (key === 'delta.setTransactionRetentionDuration') {
      reader.problem('properties', `${key} makes tables forget the offsets that they have`);
    }
  }
  return properties;
}

function check(reader: ConfigReader, name: string, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    reader.problem(name, error instanceof Error ? error.message : String(error));
  }
}
