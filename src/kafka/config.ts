import { propertyProblem } from '../delta/new-table.ts';
import type { SchemaPolicy } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';

/** How the bytes of a key or a value are kept. */
export type ByteFormat = 'binary' | 'string';

/** Which topics go into which table, and how. */
export interface TopicRule {
  /** Topic, or a pattern in which `*` stands for any characters. */
  readonly topic: string;
  /** Root of the table in the bucket; `{topic}` stands for the topic. @default 'bronze/{topic}' */
  readonly table: string;
  /** @default 'binary' */
  readonly key: ByteFormat;
  /** @default 'binary' */
  readonly value: ByteFormat;
  /**
   * `<app_id>` of kafka-delta-ingest, whose offsets are taken over where this application has none yet.
   * @default none
   */
  readonly continueFrom?: string;
  /**
   * Counts how often the topic was made anew: offsets of another generation are not compared with.
   * @default 0
   */
  readonly generation: number;
  /** How the table takes columns that it does not have. @default 'evolve' */
  readonly schemaPolicy: SchemaPolicy;
  /** Properties of a new table. @default {} */
  readonly properties: Readonly<Record<string, string>>;
}

export interface KafkaConfig {
  /** Name under which offsets are kept in the tables. Another name begins anew. @default 'resaca' */
  readonly application: string;
  /** Bucket of the tables. */
  readonly bucket: string;
  /** Tried in order; the first that fits wins. @default one rule for all topics */
  readonly topics: readonly TopicRule[];
  /** Tables written at the same time by one invocation. @default 4 */
  readonly tableConcurrency: number;
}

/** A configuration as a user writes it: what is left out has its default. */
export interface KafkaConfigInput extends Partial<Omit<KafkaConfig, 'topics'>> {
  readonly topics?: readonly (Partial<TopicRule> & Pick<TopicRule, 'topic'>)[];
}

/** Topics have only these characters (Kafka, `Topic.LEGAL_CHARS`). */
const TOPIC_PATTERN = /^[\w.*-]+$/;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseKafkaConfig(value: unknown): KafkaConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(['application', 'bucket', 'topics', 'tableConcurrency']);
  const config: KafkaConfig = {
    application: root.matching('application', /^[\w.-]{1,100}$/, '1-100 letters, digits, ".", "_" and "-"', 'resaca'),
    bucket: root.matching('bucket', /^[a-z0-9.-]{3,63}$/, 'the name of a bucket', ''),
    topics: root.has('topics')
      ? root.children('topics').map(readRule)
      : [readRule(new ConfigReader({ topic: '*' }, '', problems))],
    tableConcurrency: root.integer('tableConcurrency', 1, 64, 4),
  };
  if (config.bucket === '' && !root.has('bucket')) root.problem('bucket', 'is required');
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readRule(reader: ConfigReader): TopicRule {
  reader.onlyKnows(['topic', 'table', 'key', 'value', 'continueFrom', 'generation', 'schemaPolicy', 'properties']);
  if (!reader.has('topic')) reader.problem('topic', 'is required');
  const topic = reader.matching('topic', TOPIC_PATTERN, 'a topic, or a pattern with "*"', '*');
  const table = reader.optionalText('table') ?? 'bronze/{topic}';
  if (
    table.split('/').some((segment) => segment === '' || segment === '.' || segment === '..' || /^[._]/.test(segment))
  ) {
    reader.problem('table', `expected a path such as bronze/{topic}, without hidden or empty segments, got "${table}"`);
  }
  const unknown = [...table.matchAll(/\{(.*?)\}/g)].find(([, name]) => name !== 'topic');
  if (unknown !== undefined) reader.problem('table', `knows {topic} only, got ${unknown[0]}`);
  const properties = reader.strings('properties');
  for (const [key, property] of Object.entries(properties)) {
    const problem = propertyProblem(key, property);
    if (problem !== undefined) reader.problem('properties', problem);
  }
  const continueFrom = reader.optionalText('continueFrom');
  return {
    topic,
    table,
    key: reader.choice('key', ['binary', 'string'], 'binary'),
    value: reader.choice('value', ['binary', 'string'], 'binary'),
    generation: reader.integer('generation', 0, 1_000_000, 0),
    schemaPolicy: reader.choice('schemaPolicy', ['evolve', 'strict', 'fixed'], 'evolve'),
    properties,
    ...(continueFrom !== undefined && { continueFrom }),
  };
}

/** The rule for a topic and the root of its table; undefined where there is none. */
export function ruleOf({ topics }: KafkaConfig, topic: string): { rule: TopicRule; root: string } | undefined {
  const rule = topics.find((candidate) => matches(candidate.topic, topic));
  return rule && { rule, root: rule.table.replaceAll('{topic}', topic) };
}

function matches(pattern: string, topic: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[.-]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(topic);
}
