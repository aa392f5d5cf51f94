import { isDeepStrictEqual } from 'node:util';
import type { AppendConfig } from '../../src/ingest/config.ts';
import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import {
  endingsOf,
  LOADER_SETTINGS,
  type LoaderConfig,
  type LoaderConfigInput,
  type LoadRule,
  parseLoaderConfig,
} from '../../src/loader/config.ts';
import { atMost, literalPrefix, prefixProblem } from '../prefixes.ts';

/** Files of other formats that become rows of tables: docs/file-loader.md. */
export interface LoaderDeploymentConfig extends LoaderConfigInput {
  /** MB: 512-10240. Also decides the share of a CPU. @default 1024 */
  readonly memorySize?: number;
  /** Seconds: 60-900. A file that needs longer is gone on with by the next invocation. @default 900 */
  readonly timeout?: number;
  /** Files that are loaded at the same time at most: 2-1000. @default 4 */
  readonly maxConcurrency?: number;
}

export interface LoaderDeployment {
  readonly config: LoaderConfigInput;
  readonly memorySize: number;
  readonly timeout: number;
  readonly maxConcurrency: number;
}

/** Keys that are announced: those under a prefix, in whole path segments, with one of the endings. */
export interface Announced {
  readonly prefix: string;
  readonly suffixes: readonly string[];
}

/** What is to be known of the append function: whose files land where. */
export interface LandingSurroundings {
  readonly tables: AppendConfig;
  readonly notifications: 's3' | 'eventbridge';
  /** Key prefixes in which tables live; empty for the whole bucket. */
  readonly prefixes: readonly string[];
  /** Endings that are announced; empty for all. */
  readonly suffixes: readonly string[];
}

/** Notifications of a bucket (S3 user guide, "Service quotas"). */
const MAX_NOTIFICATIONS = 100;
/** As the append pipeline has them: three for each of its prefixes and endings. */
const MAX_LANDING_PREFIXES = 20;

/** Reads the part for the loader, as far as it stands for itself. */
export function readLoader(reader: ConfigReader): LoaderDeployment {
  reader.onlyKnows([...LOADER_SETTINGS, 'memorySize', 'timeout', 'maxConcurrency']);
  const config = reader.pick(LOADER_SETTINGS) as unknown as LoaderConfigInput;
  try {
    parseLoaderConfig(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) reader.problem('', problem);
  }
  return {
    config,
    memorySize: reader.integer('memorySize', 512, 10_240, 1_024),
    timeout: reader.integer('timeout', 60, 900, 900),
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 4),
  };
}

/** What the rules listen to, each prefix with all endings that some rule has for it. */
export function announcedBy({ rules }: LoaderConfig): Announced[] {
  const byPrefix = new Map<string, Set<string>>();
  for (const rule of rules) {
    const prefix = literalPrefix(rule.prefix);
    const suffixes = byPrefix.get(prefix) ?? new Set<string>();
    for (const suffix of rule.suffixes ?? endingsOf(rule.format)) suffixes.add(suffix);
    byPrefix.set(prefix, suffixes);
  }
  return [...byPrefix].map(([prefix, suffixes]) => ({ prefix, suffixes: [...suffixes].sort() }));
}

/** What keeps the rules from working beside the append function. */
export function loaderProblems(value: LoaderConfigInput, landing: LandingSurroundings): string[] {
  const config = parseLoaderConfig(value);
  const problems = config.rules.flatMap((rule, index) =>
    ruleProblems(rule, landing).map((problem) => `loader.rules[${index}].${problem}`),
  );
  const announced = announcedBy(config);
  for (const [index, one] of announced.entries()) {
    const overlap = announced.slice(index).map((other) => overlapOf(one, other, other === one));
    for (const text of overlap) if (text !== undefined) problems.push(`loader.rules: ${text}`);
  }
  const count =
    announced.reduce((sum, { suffixes }) => sum + suffixes.length, 0) +
    3 * Math.max(atMost(MAX_LANDING_PREFIXES, landing.prefixes).length, 1) * Math.max(landing.suffixes.length, 1);
  if (landing.notifications === 's3' && count > MAX_NOTIFICATIONS) {
    problems.push(
      `loader.rules: the bucket would have ${count} notifications, S3 takes ${MAX_NOTIFICATIONS}; give rules fewer suffixes, ` +
        "or set landing.notifications to 'eventbridge'",
    );
  }
  return problems;
}

function ruleProblems(rule: LoadRule, landing: LandingSurroundings): string[] {
  const problems: string[] = [];
  const prefix = literalPrefix(rule.prefix);
  const problem = prefixProblem(prefix, landing.notifications);
  if (prefix === '') problems.push('prefix: expected it to begin with a literal segment');
  else if (problem !== undefined) problems.push(`prefix: ${problem}`);
  const taken = (rule.suffixes ?? endingsOf(rule.format)).filter((suffix) => isTaken({ prefix, suffix }, landing));
  if (taken.length > 0) {
    problems.push(
      `prefix: files ${taken.map((suffix) => `*${suffix}`).join(', ')} under "${prefix}" would be taken as files of tables, too: ` +
        'expected landing.prefixes without it, and landing.suffixes that are no endings of its files',
    );
  }
  const table = literalPrefix(rule.table);
  if (landing.prefixes.length > 0 && !landing.prefixes.some((outer) => `${table}/`.startsWith(`${outer}/`))) {
    problems.push(
      `table: expected it within the prefixes of tables (${landing.prefixes.join(', ')}), got "${rule.table}"`,
    );
  }
  if (!hasPartitionTypes(rule, landing.tables)) {
    problems.push(
      `partitionBy: has types that the append function must know: expected a rule of tables with the root "${rule.table}" and ` +
        'the same partitionColumns',
    );
  }
  return problems;
}

/** Without a rule, the columns of a path are strings. */
function hasPartitionTypes({ partitionBy, table }: LoadRule, { tables }: AppendConfig): boolean {
  const columns = partitionBy.map(({ name, type }) => ({ name, type }));
  const names = (pattern: string) => pattern.replaceAll(/\{\w+\}/g, '{}');
  const rule = tables.find(({ root }) => names(root) === names(table));
  if (rule?.partitionColumns !== undefined) return isDeepStrictEqual([...rule.partitionColumns], columns);
  return columns.every(({ type }) => type === 'string');
}

function isTaken({ prefix, suffix }: { prefix: string; suffix: string }, landing: LandingSurroundings): boolean {
  const inside =
    landing.prefixes.length === 0 ||
    landing.prefixes.some((other) => isNested(prefix, other) || isNested(other, prefix));
  const ends =
    landing.suffixes.length === 0 || landing.suffixes.some((other) => suffix.endsWith(other) || other.endsWith(suffix));
  return inside && ends;
}

/** S3 refuses filters of which both the prefixes and the suffixes overlap. */
function overlapOf(a: Announced, b: Announced, isSame: boolean): string | undefined {
  if (!isNested(a.prefix, b.prefix) && !isNested(b.prefix, a.prefix)) return undefined;
  for (const suffix of a.suffixes) {
    const other = b.suffixes.find(
      (one) => (suffix.endsWith(one) || one.endsWith(suffix)) && !(isSame && one === suffix),
    );
    if (other === undefined) continue;
    return `"${a.prefix}/*${suffix}" and "${b.prefix}/*${other}" overlap, which S3 refuses`;
  }
  return undefined;
}

function isNested(inner: string, outer: string): boolean {
  return `${inner}/`.startsWith(`${outer}/`);
}
