import { type CommitProtocolInput, type DynamoDbCommits, readCommitProtocol } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { conflictingCommits } from './commit-protocols.ts';
import { readRule } from './config-rule.ts';
import type { TopicRule, TopicRuleInput } from './topic-rule.ts';

export { bronzeCommitRules } from './commit-protocols.ts';
export type { PayloadFormat, TopicRule, TopicRuleInput } from './topic-rule.ts';

/** Under this prefix of the bucket are the descriptions of files that wait for the committer. */
export const PENDING_PREFIX = '_resaca/pending/';

/** Confluent's registry, or another one with its API. */
export interface RegistryConfig {
  readonly url: string;
  /**
   * Where the credentials are, `user:password` or a token: a secret of Secrets Manager, or a variable of the
   * environment. @default none
   */
  readonly secretArn?: string;
  readonly secretVariable?: string;
}

export interface KafkaConfig {
  /** Name under which offsets are kept in the tables. Another name begins anew. @default 'resaca' */
  readonly application: string;
  /** Bucket of the tables. */
  readonly bucket: string;
  /** Tried in order; the first that fits wins. @default one rule for all topics */
  readonly topics: readonly TopicRule[];
  /**
   * Who commits: the writer of the files, or the committer for many of them, so that many pollers do not fight for the
   * log. @default 'direct'
   */
  readonly commits: 'direct' | 'deferred';
  /** How versions are claimed among the writers of a table, where its rule does not say it. @default by conditional PUT */
  readonly commitProtocol?: DynamoDbCommits;
  /** For the format `confluent`. */
  readonly registry?: RegistryConfig;
  /** Tables written at the same time by one invocation. @default 4 */
  readonly tableConcurrency: number;
  /**
   * Whether the mapping of the function takes the offsets that failed, in place of an invocation that fails.
   * @default false
   */
  readonly reportBatchItemFailures: boolean;
}

/** A configuration as a user writes it: what is left out has its default. */
export interface KafkaConfigInput extends Partial<Omit<KafkaConfig, 'topics' | 'commitProtocol'>> {
  readonly commitProtocol?: CommitProtocolInput;
  readonly topics?: readonly TopicRuleInput[];
}

const NAMES = [
  'application',
  'bucket',
  'topics',
  'commits',
  'commitProtocol',
  'registry',
  'tableConcurrency',
  'reportBatchItemFailures',
];

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseKafkaConfig(value: unknown): KafkaConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(NAMES);
  const registry = root.has('registry') ? readRegistry(root.child('registry')) : undefined;
  const commitProtocol = readCommitProtocol(root);
  const config: KafkaConfig = {
    application: root.matching('application', /^[\w.-]{1,100}$/, '1-100 letters, digits, ".", "_" and "-"', 'resaca'),
    bucket: root.matching('bucket', /^[a-z0-9.-]{3,63}$/, 'the name of a bucket', ''),
    topics: root.has('topics')
      ? root.children('topics').map((rule) => readRule(rule, commitProtocol))
      : [readRule(new ConfigReader({ topic: '*' }, '', problems), commitProtocol)],
    commits: root.choice('commits', ['direct', 'deferred'], 'direct'),
    tableConcurrency: root.integer('tableConcurrency', 1, 64, 4),
    reportBatchItemFailures: root.boolean('reportBatchItemFailures', false),
    ...(commitProtocol !== undefined && { commitProtocol }),
    ...(registry !== undefined && { registry }),
  };
  if (problems.length === 0) problems.push(...conflictingCommits(config.topics));
  if (config.bucket === '' && !root.has('bucket')) root.problem('bucket', 'is required');
  if (registry === undefined && config.topics.some(({ format }) => format.type === 'confluent')) {
    root.problem('registry', 'is required for the format "confluent"');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readRegistry(reader: ConfigReader): RegistryConfig {
  reader.onlyKnows(['url', 'secretArn', 'secretVariable']);
  if (!reader.has('url')) reader.problem('url', 'is required');
  const secretArn = reader.optionalText('secretArn');
  const secretVariable = reader.optionalText('secretVariable');
  if (secretArn !== undefined && secretVariable !== undefined) {
    reader.problem('secretVariable', 'is given, and so is secretArn; expected one of them');
  }
  return {
    // Credentials in a URL end up in logs.
    url: reader.matching('url', /^https?:\/\/[^\s/@]+(\/[^\s@]*)?$/, 'a URL without credentials', ''),
    ...(secretArn !== undefined && { secretArn }),
    ...(secretVariable !== undefined && { secretVariable }),
  };
}

/** The rule for a topic; undefined where there is none. */
export function ruleOf({ topics }: KafkaConfig, topic: string): TopicRule | undefined {
  return topics.find((rule) => matchesTopic(rule.topic, topic));
}

/** Whether a topic fits a pattern in which `*` stands for any characters. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[.-]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(topic);
}
