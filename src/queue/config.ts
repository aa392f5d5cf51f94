import type { CommitProtocolInput, CommitRule } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';
import { readRule } from '../kafka/config-rule.ts';
import { DEAD_LETTERS } from '../kafka/dead-letters.ts';
import type { TopicRule, TopicRuleInput } from '../kafka/topic-rule.ts';
import type { Wrapper } from './decode-message.ts';
import { SOURCES, type Source } from './source-columns.ts';

/** More messages than an invocation was given, from the same queue. */
export interface DrainConfig {
  /** Messages of one invocation at most, with those that it was given. @default 10,000 */
  readonly maxMessages: number;
  /** Bytes of their bodies. @default 32 MiB */
  readonly maxBytes: number;
}

/** A queue whose messages become rows of a table. */
export interface QueueConfig {
  /** Name of the queue in rows and dead letters. */
  readonly name: string;
  /** Bucket of the table. */
  readonly bucket: string;
  /** Root of the table in the bucket. */
  readonly table: string;
  /** Name of the writer in commits. @default 'resaca' */
  readonly application: string;
  /** @default 'none' */
  readonly wrapper: Wrapper;
  /** Columns that say where a row comes from, by their names. @default none */
  readonly sourceColumns: Readonly<Record<string, Source>>;
  /** How messages become rows, in the words of the Kafka path. */
  readonly rows: TopicRule;
  /** Whether the queue is FIFO. @default false */
  readonly fifo: boolean;
  /** Undefined for none: only messages that the invocation was given. */
  readonly drain: DrainConfig | undefined;
  /** Hours in which the name that a sender gave to a message, or SNS, stands for the same message. @default 24 */
  readonly keyWindow: number;
  /** How much the clocks of SQS and S3 may differ, ms. @default 60,000 */
  readonly clockMargin: number;
}

/** The settings of the Kafka path that decide about rows and the table. */
const ROW_SETTINGS = [
  'columns',
  'maxColumns',
  'timestampUnit',
  'transforms',
  'filter',
  'partitionBy',
  'schemaPolicy',
  'properties',
] as const satisfies readonly (keyof TopicRuleInput)[];

const SETTINGS = [
  'name',
  'bucket',
  'table',
  'application',
  'wrapper',
  'sourceColumns',
  'fifo',
  'drain',
  'keyWindow',
  'clockMargin',
  'commitProtocol',
  ...ROW_SETTINGS,
];

/** A configuration as a user writes it: what is left out has its default. */
export interface QueueConfigInput
  extends Partial<Omit<QueueConfig, 'rows' | 'drain' | 'name' | 'table'>>,
    Pick<TopicRuleInput, (typeof ROW_SETTINGS)[number]> {
  readonly name: string;
  readonly table: string;
  /** `true` for the defaults. */
  readonly drain?: Partial<DrainConfig> | boolean;
  readonly commitProtocol?: CommitProtocolInput;
}

/** The longest that SQS keeps a message: a log has to remember commits for as long. Days. */
const LONGEST_RETENTION = 14;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseQueueConfig(value: unknown): QueueConfig {
  const problems: string[] = [];
  const config = readQueueConfig(new ConfigReader(value, '', problems));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Reads the configuration of a queue; mistakes are collected by the reader. */
export function readQueueConfig(reader: ConfigReader): QueueConfig {
  reader.onlyKnows(SETTINGS);
  const sourceColumns = readSources(reader);
  const fifo = reader.boolean('fifo', false);
  const name = reader.matching('name', /^[\w-]{1,75}$/, '1-75 letters, digits, "_" and "-"', '');
  const table = readTable(reader);
  for (const required of ['name', 'table', 'bucket']) {
    if (!reader.has(required)) reader.problem(required, 'is required');
  }
  return {
    name,
    bucket: reader.matching('bucket', /^[a-z0-9.-]{3,63}$/, 'the name of a bucket', ''),
    table,
    application: reader.matching('application', /^[\w.-]{1,100}$/, '1-100 letters, digits, ".", "_" and "-"', 'resaca'),
    wrapper: reader.choice('wrapper', ['none', 'records'], 'none'),
    sourceColumns,
    rows: readRows(reader, { name, table, sourceColumns }),
    fifo,
    drain: readDrain(reader, fifo),
    keyWindow: reader.integer('keyWindow', 1, LONGEST_RETENTION * 24, 24),
    clockMargin: reader.integer('clockMargin', 1_000, 86_400_000, 60_000),
  };
}

function readTable(reader: ConfigReader): string {
  const table = (reader.optionalText('table') ?? '').replace(/^\/+|\/+$/g, '');
  const isRoot = table.split('/').every((segment) => /^[\w=.-]+$/.test(segment) && !/^[._]/.test(segment));
  if (reader.has('table') && (!isRoot || table.endsWith(DEAD_LETTERS))) {
    reader.problem('table', `expected the root of a table such as bronze/orders, got ${JSON.stringify(table)}`);
  }
  return table;
}

function readSources(reader: ConfigReader): Readonly<Record<string, Source>> {
  const sources: [string, Source][] = [];
  for (const [column, text] of Object.entries(reader.strings('sourceColumns'))) {
    const source = SOURCES.find((one) => one === text);
    if (source === undefined) {
      reader.problem(`sourceColumns.${column}`, `expected ${SOURCES.join(' or ')}, got ${JSON.stringify(text)}`);
    } else sources.push([column, source]);
  }
  const folded = new Set(sources.map(([column]) => column.toLowerCase()));
  if (folded.size < sources.length) reader.problem('sourceColumns', 'has two columns that differ in case only');
  return Object.fromEntries(sources);
}

/** The rule for rows, read by what reads that of a topic. */
function readRows(
  reader: ConfigReader,
  { name, table, sourceColumns }: Pick<QueueConfig, 'name' | 'table' | 'sourceColumns'>,
): TopicRule {
  const problems: string[] = [];
  const settings = {
    ...reader.pick([...ROW_SETTINGS, 'commitProtocol']),
    topic: name === '' ? 'queue' : name,
    table: table === '' ? 'table' : table,
    format: 'json',
    key: 'omit',
    value: 'omit',
    headers: 'omit',
  };
  const rule = readRule(new ConfigReader(settings, '', problems), undefined, () => Object.keys(sourceColumns));
  for (const problem of problems) {
    const [, setting = '', text = problem] = /^([^:]+): (.*)$/s.exec(problem) ?? [];
    reader.problem(
      setting,
      text.replace("is one of Kafka's columns; metadataPrefix gives these other names", 'is one of sourceColumns'),
    );
  }
  const retention = rule.properties['delta.logRetentionDuration'];
  if (retention !== undefined && daysOf(retention) < LONGEST_RETENTION) {
    reader.problem(
      'properties',
      `delta.logRetentionDuration: expected at least ${LONGEST_RETENTION} days, for which SQS keeps messages, got "${retention}"`,
    );
  }
  return rule;
}

const DAYS: Readonly<Record<string, number>> = { week: 7, day: 1, hour: 1 / 24, minute: 1 / 1_440, second: 1 / 86_400 };

/** Of an interval such as `interval 2 weeks 1 day`; smaller units count as nothing. */
function daysOf(interval: string): number {
  const parts = interval.matchAll(/(\d+)\s+(week|day|hour|minute|second)/gi);
  return [...parts].reduce((sum, [, count, unit = '']) => sum + Number(count) * (DAYS[unit.toLowerCase()] ?? 0), 0);
}

function readDrain(parent: ConfigReader, fifo: boolean): DrainConfig | undefined {
  if (!parent.has('drain') || parent.isFalse('drain')) return undefined;
  if (fifo) {
    parent.problem(
      'drain',
      'is for standard queues: what is received beside the mapping would break the order of groups',
    );
  }
  const isDefault = parent.pick(['drain']).drain === true;
  const reader = isDefault ? new ConfigReader({}, 'drain', []) : parent.child('drain');
  reader.onlyKnows(['maxMessages', 'maxBytes']);
  return {
    maxMessages: reader.integer('maxMessages', 1, 100_000, 10_000),
    maxBytes: reader.integer('maxBytes', 2 ** 20, 2 ** 28, 32 * 2 ** 20),
  };
}

/** How the table of a queue commits, and its dead letters. */
export function queueCommitRules({ table, rows }: Pick<QueueConfig, 'table' | 'rows'>): CommitRule[] {
  const { commitProtocol } = rows;
  return [table, table + DEAD_LETTERS].map((root) => ({
    root,
    ...(commitProtocol !== undefined && { commitProtocol }),
  }));
}
