import { type CommitRule, commitsAt } from '../../src/ingest/config.ts';
import type { ConfigReader } from '../../src/ingest/config-reader.ts';
import { type BucketNames, type MedallionConfigInput, readSteps } from '../../src/medallion/config.ts';
import { sourcesOf, tableId, triggersOf } from '../../src/medallion/graph.ts';
import type { StepRule, TablePlace } from '../../src/medallion/rule.ts';
import { type KeyFilter, overlap, prefixProblem } from '../prefixes.ts';
import { readSpark, type SparkSettings } from './maintenance-config.ts';

/** Tables that follow from others: docs/medallion.md. */
export interface MedallionDeploymentConfig extends MedallionConfigInput {
  /** MB: 1024-10240. Also decides the share of a CPU. @default 2048 */
  readonly memorySize?: number;
  /** MB of `/tmp`, for files that are read, written and spilled: 512-10240. @default 4096 */
  readonly ephemeralStorage?: number;
  /** Seconds: 60-900. What it is not enough for goes on in the next invocation. @default 900 */
  readonly timeout?: number;
  /** Of the function. DuckDB is fetched from npm's registry at synthesis where it is not installed for it. @default 'arm64' */
  readonly architecture?: 'arm64' | 'x86_64';
  /** Seconds in which commits are gathered, which make one run of a step together: 0-300. @default 60 */
  readonly batchingWindow?: number;
  /** Runs at the same time at most, each of another target: 2-1000. @default 4 */
  readonly maxConcurrency?: number;
  /** Minutes between two runs of all steps, which make up for what events missed: 1-44640; 0 for none. @default 60 */
  readonly every?: number;
  /** How commits of sources are announced. @default landing.notifications */
  readonly notifications?: 's3' | 'eventbridge';
  /** Versions of a source that may be left after a run, before there is an alarm. @default 100 */
  readonly maxVersionsBehind?: number;
  /** An EMR Serverless application for batches that are beyond the function: docs/spark-jobs.md. @default none */
  readonly spark?: Partial<SparkSettings>;
  /** ARNs of the KMS keys with which buckets that steps name are encrypted, by the names of these buckets. @default S3's own keys */
  readonly keyArns?: Readonly<Record<string, string>>;
}

/** One that was checked, with what it leaves out filled in. */
export interface MedallionDeployment extends Required<Omit<MedallionDeploymentConfig, 'steps' | 'spark'>> {
  readonly spark?: SparkSettings;
  readonly steps: readonly StepRule[];
  /** As the function reads it. */
  readonly config: MedallionConfigInput;
}

export interface MedallionSurroundings {
  /** Names of the buckets, or what stands for those that are not there yet. */
  readonly buckets: BucketNames;
  readonly notifications: 's3' | 'eventbridge';
}

const SETTINGS = [
  'steps',
  'memorySize',
  'ephemeralStorage',
  'timeout',
  'architecture',
  'batchingWindow',
  'maxConcurrency',
  'every',
  'notifications',
  'maxVersionsBehind',
  'spark',
  'keyArns',
] as const satisfies readonly (keyof MedallionDeploymentConfig)[];
/** KMS developer guide, "Key ARN". */
const KEY_ARN = /^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/;
/** A month. */
const MAX_MINUTES = 44_640;
/** Of the 100 notifications that a bucket takes (S3 user guide, "Service quotas"): the rest is for files that land. */
const MAX_ANNOUNCED = 30;
/** Of commits. Checkpoints and data files end otherwise. */
const COMMIT_SUFFIX = '.json';

/** Reads the part for the medallion, as far as it stands for itself. */
export function readMedallion(reader: ConfigReader, surroundings: MedallionSurroundings): MedallionDeployment {
  reader.onlyKnows(SETTINGS);
  const steps = readSteps(reader, surroundings.buckets);
  const notifications = reader.choice('notifications', ['s3', 'eventbridge'], surroundings.notifications);
  for (const { prefix } of announcedTables(steps)) {
    const problem = prefix === '' ? undefined : prefixProblem(prefix, notifications);
    if (problem !== undefined) reader.problem('steps', `a source ${problem}`);
  }
  const spark = reader.has('spark') ? readSpark(reader.child('spark')) : undefined;
  for (const { name, engine } of steps) {
    if (engine === 'spark' && spark === undefined) {
      reader.problem('spark', `is missing, and the step "${name}" is to be run by it`);
    }
  }
  return {
    steps,
    ...(spark !== undefined && { spark }),
    config: reader.pick(['steps']) as unknown as MedallionConfigInput,
    memorySize: reader.integer('memorySize', 1_024, 10_240, 2_048),
    ephemeralStorage: reader.integer('ephemeralStorage', 512, 10_240, 4_096),
    timeout: reader.integer('timeout', 60, 900, 900),
    architecture: reader.choice('architecture', ['arm64', 'x86_64'], 'arm64'),
    batchingWindow: reader.integer('batchingWindow', 0, 300, 60),
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 4),
    every: reader.integer('every', 0, MAX_MINUTES, 60),
    notifications,
    maxVersionsBehind: reader.integer('maxVersionsBehind', 1, 1_000_000, 100),
    keyArns: readKeys(reader, steps, surroundings.buckets),
  };
}

/** KMS keys of buckets that steps name; those of the deployment's own are known. */
function readKeys(
  reader: ConfigReader,
  steps: readonly StepRule[],
  buckets: BucketNames,
): Readonly<Record<string, string>> {
  const keyArns = reader.strings('keyArns');
  const own = new Set<string>(Object.values(buckets));
  const places = steps.flatMap((step) => [step.target, ...sourcesOf(step)]);
  const named = [...new Set(places.map(({ bucket }) => bucket))].filter((bucket) => !own.has(bucket));
  for (const [bucket, arn] of Object.entries(keyArns)) {
    if (!named.includes(bucket)) {
      reader.problem('keyArns', `expected buckets that steps name (${named.join(', ') || 'none'}), got "${bucket}"`);
    }
    if (!KEY_ARN.test(arn)) {
      reader.problem('keyArns', `expected the ARN of a KMS key, not of an alias, for "${bucket}", got "${arn}"`);
    }
  }
  return keyArns;
}

/** Tables of whose commits the function is told, each once. */
export function announcedTables(steps: readonly StepRule[]): readonly TablePlace[] {
  return [...new Map(steps.flatMap(triggersOf).map((source) => [tableId(source), source])).values()];
}

/** Keys of the commits of tables of one bucket. */
export function commitFilters(tables: readonly TablePlace[]): KeyFilter[] {
  return tables.map(({ prefix }) => ({
    prefix: prefix === '' ? '_delta_log' : `${prefix}/_delta_log`,
    suffix: COMMIT_SUFFIX,
  }));
}

/**
 * Targets that maintenance would commit to through DynamoDB, by rules for the landing bucket or for Kafka's: steps commit by
 * conditional PUT, and a table must not have both.
 */
export function stepCommitProblems(
  { steps }: MedallionDeployment,
  rulesOf: ReadonlyMap<string, readonly CommitRule[]>,
): string[] {
  return steps.flatMap(({ name, target: { bucket, prefix } }) => {
    if (commitsAt(rulesOf.get(bucket) ?? [], prefix) === undefined) return [];
    return [
      `medallion.steps: the target "${prefix}" of the step "${name}" is to commit through DynamoDB by a commitProtocol of its bucket, ` +
        'and steps commit by conditional PUT: expected a target that no such rule fits',
    ];
  });
}

/** What keeps the landing bucket from announcing commits beside what else it announces, the `others`. */
export function medallionProblems(
  { steps, notifications }: MedallionDeployment,
  landingBucket: string | undefined,
  others: readonly KeyFilter[],
): string[] {
  if (notifications !== 's3') return [];
  const filters = commitFilters(announcedTables(steps).filter(({ bucket }) => bucket === landingBucket));
  const instead = "set medallion.notifications to 'eventbridge'";
  const problems = filters.flatMap((filter) => {
    const other = others.find((one) => overlap(one, filter));
    if (other === undefined) return [];
    const keys = `${other.prefix === '' ? '' : `${other.prefix}/`}*${other.suffix}`;
    return [`medallion.steps: commits in "${filter.prefix}" are announced as ${keys} already; ${instead}`];
  });
  if (filters.length > MAX_ANNOUNCED) {
    problems.push(
      `medallion.steps: read ${filters.length} tables of the landing bucket, whose notifications are enough for ${MAX_ANNOUNCED}; ${instead}`,
    );
  }
  return problems;
}
