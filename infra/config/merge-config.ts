import type { ConfigReader } from '../../src/ingest/config-reader.ts';
import {
  MERGE_SETTINGS,
  type MergeSettings,
  type MergeSettingsInput,
  readMergeSettings,
} from '../../src/merge/config.ts';
import { atMost, literalPrefix, outermost, prefixProblem } from '../prefixes.ts';
import type { LandingSurroundings } from './loader-config.ts';

/** Very small files that are merged before they come into tables: docs/merge.md. */
export interface MergeDeploymentConfig extends MergeSettingsInput {
  /** MB: 512-10240. Also decides the share of a CPU. @default 1024 */
  readonly memorySize?: number;
  /** Seconds: 30-900. @default 300 */
  readonly timeout?: number;
  /** How long files are gathered, seconds: 0-300. Longer: fewer and larger files. @default 300 */
  readonly batchingWindow?: number;
  /** Files of one invocation at most: 1-10000. @default 10000 */
  readonly batchSize?: number;
  /** Invocations at the same time at most: 2-1000. @default 2 */
  readonly maxConcurrency?: number;
}

export interface MergeDeployment {
  readonly settings: MergeSettings;
  readonly memorySize: number;
  readonly timeout: number;
  readonly batchingWindow: number;
  readonly batchSize: number;
  readonly maxConcurrency: number;
}

/** Notifications of a bucket (S3 user guide, "Service quotas"). */
const MAX_NOTIFICATIONS = 100;
/** As the append pipeline has them: three for each of its prefixes and endings. */
const MAX_LANDING_PREFIXES = 20;
/** The ending of the files that are announced. */
const SUFFIX = '.parquet';
/** A larger batch needs a window (Lambda guide, "Amazon SQS event source parameters"). */
const BATCH_WITHOUT_WINDOW = 10;

/** Reads the part for the merge, as far as it stands for itself. */
export function readMerge(reader: ConfigReader): MergeDeployment {
  reader.onlyKnows([...MERGE_SETTINGS, 'memorySize', 'timeout', 'batchingWindow', 'batchSize', 'maxConcurrency']);
  const batchingWindow = reader.integer('batchingWindow', 0, 300, 300);
  const most = batchingWindow === 0 ? BATCH_WITHOUT_WINDOW : 10_000;
  return {
    settings: readMergeSettings(reader),
    memorySize: reader.integer('memorySize', 512, 10_240, 1_024),
    timeout: reader.integer('timeout', 30, 900, 300),
    batchingWindow,
    batchSize: reader.integer('batchSize', 1, most, most),
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 2),
  };
}

/** Prefixes of whose files the function is told. */
export function stagedPrefixes({ rules }: Pick<MergeSettings, 'rules'>): string[] {
  return outermost(rules.map(({ prefix }) => literalPrefix(prefix)));
}

/** What keeps the rules from working beside the append function, and the loader's. */
export function mergeProblems(
  { rules }: MergeSettings,
  landing: Omit<LandingSurroundings, 'tables'>,
  loaded: readonly string[],
): string[] {
  const problems = rules.flatMap(({ prefix: pattern, table: root }, index) => {
    const at = `merge.rules[${index}]`;
    const found: string[] = [];
    const [prefix, table] = [literalPrefix(pattern), literalPrefix(root)];
    const problem = prefixProblem(prefix, landing.notifications);
    if (prefix === '') found.push(`${at}.prefix: expected it to begin with a literal segment`);
    else if (problem !== undefined) found.push(`${at}.prefix: ${problem}`);
    if (isTaken(prefix, landing)) {
      found.push(
        `${at}.prefix: files under "${prefix}" would be taken as files of tables, too: expected landing.prefixes without it`,
      );
    }
    if (landing.prefixes.length > 0 && !landing.prefixes.some((outer) => isWithin(table, outer))) {
      found.push(
        `${at}.table: expected it within the prefixes of tables (${landing.prefixes.join(', ')}), got "${root}"`,
      );
    }
    const other = loaded.find((one) => isWithin(one, prefix) || isWithin(prefix, one));
    if (other !== undefined) {
      found.push(`${at}.prefix: overlaps with "${other}", from which the loader takes files; expected one apart`);
    }
    return found;
  });
  const count =
    stagedPrefixes({ rules }).length +
    3 * Math.max(atMost(MAX_LANDING_PREFIXES, landing.prefixes).length, 1) * Math.max(landing.suffixes.length, 1);
  if (landing.notifications === 's3' && count > MAX_NOTIFICATIONS) {
    problems.push(
      `merge.rules: the bucket would have ${count} notifications, S3 takes ${MAX_NOTIFICATIONS}; give rules a common parent, ` +
        "or set landing.notifications to 'eventbridge'",
    );
  }
  return problems;
}

function isTaken(prefix: string, { prefixes, suffixes }: Omit<LandingSurroundings, 'tables'>): boolean {
  const inside = prefixes.length === 0 || prefixes.some((one) => isWithin(prefix, one) || isWithin(one, prefix));
  const ends = suffixes.length === 0 || suffixes.some((one) => SUFFIX.endsWith(one) || one.endsWith(SUFFIX));
  return inside && ends;
}

function isWithin(inner: string, outer: string): boolean {
  return `${inner}/`.startsWith(`${outer}/`);
}
