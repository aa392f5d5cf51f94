import { isDeepStrictEqual } from 'node:util';
import { propertyProblem } from '../delta/new-table.ts';
import type { PrimitiveType } from '../delta/schema.ts';
import {
  type CommitProtocolInput,
  type CommitRule,
  type DynamoDbCommits,
  readCommitProtocol,
} from './commit-protocol.ts';
import { ConfigError, ConfigReader } from './config-reader.ts';

export {
  type CommitProtocolInput,
  type CommitRule,
  commitsAt,
  type DynamoDbCommits,
  readCommitProtocol,
  readCommitRules,
} from './commit-protocol.ts';

/** How a table takes files whose schema is not the table's. */
export type SchemaPolicy =
  /** New columns are added to the table; types widen where the protocol lets them. */
  | 'evolve'
  /** A file with any other column is quarantined. */
  | 'strict'
  /** Columns that the table does not have are ignored. */
  | 'fixed';

export type DeletePolicy =
  /** A deleted object becomes a `remove`, if the file is active. */
  | 'apply'
  /** Delete events are ignored. */
  | 'ignore';

export interface PartitionColumn {
  readonly name: string;
  readonly type: PrimitiveType;
}

/** What can be said of a table, by a rule or as the default for all. */
export interface TableSettings {
  /** @default 'evolve' */
  readonly schemaPolicy: SchemaPolicy;
  /** @default 'apply' */
  readonly deletes: DeletePolicy;
  /** When the table is created, take the files that are under its prefix already. @default false */
  readonly adoptExisting: boolean;
  /** Table properties (`delta.*` and others) of a new table. @default {} */
  readonly properties: Readonly<Record<string, string>>;
  /** How versions are claimed among writers; all writers of a table must do it alike. @default by conditional PUT */
  readonly commitProtocol?: DynamoDbCommits;
}

/** What a user writes otherwise than it is kept. */
interface CommitSettingsInput {
  readonly commitProtocol?: CommitProtocolInput;
}

/** Which keys belong to a table, and how that table is kept. */
export interface TableRule extends TableSettings {
  /** Bucket the rule is for. @default any */
  readonly bucket?: string;
  /**
   * Prefix of the keys, in whole path segments. `{name}` stands for one segment, each value being a table of its own:
   * `tenants/{tenant}/orders`.
   */
  readonly prefix: string;
  /** The table's root; may use the prefix's `{name}`s, and must be the prefix or a parent of it. @default the prefix */
  readonly root: string;
  /** Partition columns of a new table, in order. @default those of the first file's path, as strings */
  readonly partitionColumns?: readonly PartitionColumn[];
  /** Globs (`*` within a segment, `**` over segments) on the path below the root; such keys are left alone. @default [] */
  readonly exclude: readonly string[];
  /** Comment of a new table. */
  readonly description?: string;
  /** Comments of a new table's columns, by column name. @default {} */
  readonly columnComments: Readonly<Record<string, string>>;
}

export interface AppendConfig {
  /** Tried in order before the convention; the first that fits wins. @default [] */
  readonly tables: readonly TableRule[];
  /**
   * What keys without a rule mean. `hive`: the table's root is the path before the first `name=value` segment, or the
   * file's folder. `none`: they are ignored. @default 'hive'
   */
  readonly convention: 'hive' | 'none';
  /** For the tables found by convention, and what rules leave out. */
  readonly defaults: TableSettings;
  /** Footers read at the same time by one invocation. @default 32 */
  readonly footerConcurrency: number;
  /** Tables committed at the same time by one invocation. @default 8 */
  readonly tableConcurrency: number;
  /** Largest Parquet footer taken, bytes. @default 16 MiB */
  readonly maxFooterBytes: number;
  /**
   * Footers held until their commit by one invocation, bytes; what does not fit waits for the next commit. With copies on
   * the way it may be three times as much for moments. @default 64 MiB
   */
  readonly footerMemory: number;
  /**
   * How much the clocks of the event and of the log's objects may differ, ms. Both are S3's own, in whole seconds.
   * Commits newer than the oldest event less this margin are searched for duplicates. @default 60,000
   */
  readonly clockMargin: number;
}

/** A rule as a user writes it: what is left out has its default. */
export interface TableRuleInput
  extends Partial<Omit<TableRule, 'partitionColumns' | 'commitProtocol'>>,
    CommitSettingsInput {
  readonly prefix: string;
  /** The type of a column is `string` unless it is given. */
  readonly partitionColumns?: readonly { readonly name: string; readonly type?: PrimitiveType }[];
}

/** A configuration as a user writes it: what is left out has its default. */
export interface AppendConfigInput extends Partial<Omit<AppendConfig, 'tables' | 'defaults'>> {
  readonly tables?: readonly TableRuleInput[];
  readonly defaults?: Partial<Omit<TableSettings, 'commitProtocol'>> & CommitSettingsInput;
}

/** Settings of a whole deployment beside those of tables, which `infra/config/parse-config.ts` reads. */
export const DEPLOYMENT_PARTS: readonly string[] = [
  'stage',
  'landing',
  'append',
  'alarms',
  'kafka',
  'queues',
  'webhooks',
  'webhookFunction',
  'loader',
  'merge',
  'maintenance',
  'medallion',
  'tagging',
  'catalog',
  'exports',
  'commitTables',
  'dashboard',
  'encryption',
];

/** The names of the settings, in a configuration that holds others beside them. */
export const APPEND_SETTINGS = [
  'tables',
  'convention',
  'defaults',
  'footerConcurrency',
  'tableConcurrency',
  'maxFooterBytes',
  'footerMemory',
  'clockMargin',
] as const satisfies readonly (keyof AppendConfig)[];

const PARTITION_TYPES =
  /^(string|long|integer|short|byte|float|double|boolean|binary|date|timestamp|timestamp_ntz|decimal\(\d{1,2},\d{1,2}\))$/;

/** Parses a configuration given as plain data (from JSON); throws ConfigError naming all that is wrong. */
export function parseAppendConfig(value: unknown): AppendConfig {
  const problems: string[] = [];
  const root = new ConfigReader(value, '', problems);
  root.onlyKnows(APPEND_SETTINGS);
  const defaults = readSettings(root.child('defaults'), BUILT_IN_SETTINGS, ['defaults']);
  const config: AppendConfig = {
    tables: root.children('tables').map((rule) => readRule(rule, defaults)),
    convention: root.choice('convention', ['hive', 'none'], 'hive'),
    defaults,
    footerConcurrency: root.integer('footerConcurrency', 1, 256, 32),
    tableConcurrency: root.integer('tableConcurrency', 1, 64, 8),
    maxFooterBytes: root.integer('maxFooterBytes', 1024, 256 * 2 ** 20, 16 * 2 ** 20),
    footerMemory: root.integer('footerMemory', 2 ** 20, 2 ** 33, 64 * 2 ** 20),
    clockMargin: root.integer('clockMargin', 1_000, 86_400_000, 60_000),
  };
  // Only of rules that could be read: what is missing in others would look the same.
  if (problems.length === 0) problems.push(...conflictingRules(config.tables));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** How the tables of a bucket, or of all, commit: as the first rule whose root fits, else as the defaults. */
export function appendCommitRules({ tables, defaults }: AppendConfig, bucket?: string): CommitRule[] {
  const own = tables.filter((rule) => rule.bucket === undefined || bucket === undefined || rule.bucket === bucket);
  return [
    ...own.map(({ root, ...rule }) => commitRule(root.replaceAll(/\{\w+\}/g, '*'), rule)),
    commitRule('**', defaults),
  ];
}

function commitRule(root: string, { commitProtocol }: Pick<TableSettings, 'commitProtocol'>): CommitRule {
  return { root, ...(commitProtocol !== undefined && { commitProtocol }) };
}

/** What must be the same in all rules for a table: else the table would be kept by whichever rule's file came first. */
const SHARED_BY_TABLE = [
  'schemaPolicy',
  'deletes',
  'adoptExisting',
  'properties',
  'commitProtocol',
  'partitionColumns',
  'description',
  'columnComments',
] as const satisfies readonly (keyof TableRule)[];

/** The rules that give one table different settings, each named with the first rule before it that it differs from. */
function conflictingRules(rules: readonly TableRule[]): string[] {
  return rules.flatMap((rule, index) => {
    for (const [earlier, other] of rules.slice(0, index).entries()) {
      if (!canShareTable(other, rule)) continue;
      const different = SHARED_BY_TABLE.filter((name) => !isDeepStrictEqual(other[name], rule[name]));
      if (different.length === 0) continue;
      const names = different.join(', ');
      return [`tables[${index}]: has the same root as tables[${earlier}], but differs from it in ${names}`];
    }
    return [];
  });
}

function canShareTable(earlier: TableRule, later: TableRule): boolean {
  if (earlier.bucket !== undefined && later.bucket !== undefined && earlier.bucket !== later.bucket) return false;
  if (withoutNames(earlier.root) !== withoutNames(later.root)) return false;
  // A rule for one bucket before the one for the others: in its bucket the later one gets no keys.
  return !(earlier.bucket !== undefined && later.bucket === undefined && coversPrefix(earlier.prefix, later.prefix));
}

/** The pattern whatever its captures are called. */
function withoutNames(pattern: string): string {
  return pattern.replaceAll(/\{\w+\}/g, '{}');
}

/** Whether every key that fits the prefix `narrow` also fits `wide`. */
function coversPrefix(wide: string, narrow: string): boolean {
  const segments = narrow === '' ? [] : narrow.split('/');
  const pattern = wide === '' ? [] : wide.split('/');
  if (pattern.length > segments.length) return false;
  return pattern.every((expected, index) => expected.startsWith('{') || expected === segments[index]);
}

const BUILT_IN_SETTINGS: TableSettings = {
  schemaPolicy: 'evolve',
  deletes: 'apply',
  adoptExisting: false,
  properties: {},
};
const SETTING_NAMES = ['schemaPolicy', 'deletes', 'adoptExisting', 'properties', 'commitProtocol'];

function readSettings(reader: ConfigReader, fallback: TableSettings, kind: readonly string[] = []): TableSettings {
  if (kind.length > 0) reader.onlyKnows(SETTING_NAMES);
  const properties = reader.strings('properties');
  for (const [key, value] of Object.entries(properties)) {
    const problem = propertyProblem(key, value);
    if (problem !== undefined) reader.problem('properties', problem);
  }
  const commitProtocol = readCommitProtocol(reader, fallback.commitProtocol);
  return {
    schemaPolicy: reader.choice('schemaPolicy', ['evolve', 'strict', 'fixed'], fallback.schemaPolicy),
    deletes: reader.choice('deletes', ['apply', 'ignore'], fallback.deletes),
    adoptExisting: reader.boolean('adoptExisting', fallback.adoptExisting),
    properties: { ...fallback.properties, ...properties },
    ...(commitProtocol !== undefined && { commitProtocol }),
  };
}

function readRule(reader: ConfigReader, defaults: TableSettings): TableRule {
  reader.onlyKnows([
    ...SETTING_NAMES,
    'bucket',
    'prefix',
    'root',
    'partitionColumns',
    'exclude',
    'description',
    'columnComments',
  ]);
  const prefix = readPrefix(reader, 'prefix');
  if (prefix === undefined) reader.problem('prefix', 'is required');
  const root = readPrefix(reader, 'root') ?? prefix ?? '';
  if (prefix !== undefined && root !== '' && !`${prefix}/`.startsWith(`${root}/`)) {
    reader.problem('root', `expected the prefix "${prefix}" or a parent of it, got "${root}"`);
  }
  const bucket = reader.optionalText('bucket');
  const description = reader.optionalText('description');
  const partitionColumns = readPartitionColumns(reader);
  return {
    ...readSettings(reader, defaults),
    prefix: prefix ?? '',
    root,
    exclude: reader.texts('exclude'),
    columnComments: reader.strings('columnComments'),
    ...(bucket !== undefined && { bucket }),
    ...(description !== undefined && { description }),
    ...(partitionColumns !== undefined && { partitionColumns }),
  };
}

/** A prefix in whole path segments, some of which may be a `{name}`; undefined where there is none. */
export function readPrefix(reader: ConfigReader, name: string): string | undefined {
  const text = reader.optionalText(name);
  if (text === undefined) return undefined;
  const trimmed = text.replace(/^\/+|\/+$/g, '');
  const names = new Set<string>();
  for (const segment of trimmed === '' ? [] : trimmed.split('/')) {
    const capture = /^\{([A-Za-z_]\w*)\}$/.exec(segment)?.[1];
    const bad =
      segment === '' || segment === '.' || segment === '..' || (capture === undefined && /[{}]/.test(segment));
    if (segment.includes('*')) reader.problem(name, `has the segment "${segment}"; a {name} stands for any segment`);
    if (bad) reader.problem(name, `has the segment "${segment}"; expected text, or one {name} alone`);
    if (capture !== undefined && names.has(capture)) reader.problem(name, `has {${capture}} twice`);
    if (capture !== undefined) names.add(capture);
  }
  return trimmed;
}

function readPartitionColumns(reader: ConfigReader): readonly PartitionColumn[] | undefined {
  if (!reader.has('partitionColumns')) return undefined;
  const columns = reader.children('partitionColumns').map((column) => {
    column.onlyKnows(['name', 'type']);
    const name = column.optionalText('name') ?? '';
    if (name === '') column.problem('name', 'is required');
    const type = column.optionalText('type') ?? 'string';
    if (!PARTITION_TYPES.test(type))
      column.problem('type', `expected a Delta type such as string, date, long, got "${type}"`);
    return { name, type: type as PrimitiveType };
  });
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (seen.has(name.toLowerCase())) reader.problem('partitionColumns', `names "${name}" twice`);
    seen.add(name.toLowerCase());
  }
  return columns;
}
