import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type AppendConfig, parseAppendConfig } from '../ingest/config.ts';
import { ConfigError } from '../ingest/config-reader.ts';
import type { LogLevel } from '../ingest/telemetry.ts';
import { type MaintenanceConfig, parseMaintenanceConfig } from '../maintenance/config.ts';
import { type EmrServerlessApplication, emrServerlessEnvironment, SPARK_VARIABLES } from './emr-env.ts';

/** What a function takes from its environment. The AWS SDK reads its own variables (region, credentials, endpoint). */
export interface FunctionEnvironment<Config> {
  readonly config: Config;
  readonly logLevel: LogLevel;
  /** Name of the pipeline in metrics, which several pipelines of an account share. */
  readonly pipeline: string;
  /** Whether each table has metrics of its own, beside those of the pipeline. */
  readonly metricsByTable: boolean;
  /** URL of the queue of the maintenance function, where there is one. */
  readonly maintenanceQueueUrl: string | undefined;
  /** URL of the queue of the catalog function, where there is one. */
  readonly catalogQueueUrl: string | undefined;
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const KNOWN = [
  'RESACA_CATALOG_QUEUE_URL',
  'RESACA_CONFIG',
  'RESACA_CONFIG_FILE',
  'RESACA_LOG_LEVEL',
  'RESACA_MAINTENANCE_QUEUE_URL',
  'RESACA_METRICS_BY_TABLE',
  'RESACA_PIPELINE',
];

/** The environment of the append function; see `readEnvironment`. */
export function appendEnvironment(env: NodeJS.ProcessEnv = process.env): FunctionEnvironment<AppendConfig> {
  return readEnvironment(env, parseAppendConfig);
}

/**
 * The environment of the maintenance function; see `readEnvironment`. `RESACA_PLACES` are the buckets and prefixes of the
 * tables as JSON, whose names are often known at the deployment only; the configuration may name them instead.
 * `RESACA_SPARK_*` are those of `emrServerlessEnvironment`; with them `RESACA_POSTPONED_QUEUE_URL` is the queue of work
 * that waits for Spark.
 */
export function maintenanceEnvironment(env: NodeJS.ProcessEnv = process.env): MaintenanceEnvironment {
  const { RESACA_PLACES: places, RESACA_POSTPONED_QUEUE_URL: postponedQueueUrl, ...rest } = env;
  const spark = emrServerlessEnvironment(rest);
  for (const name of SPARK_VARIABLES) delete rest[name];
  const environment = readEnvironment(rest, (value) =>
    parseMaintenanceConfig(places && isObject(value) ? { places: parseJson(places), ...value } : value),
  );
  if (spark !== undefined && !postponedQueueUrl) {
    throw new ConfigError(['RESACA_POSTPONED_QUEUE_URL: is missing, but the variables of Spark are there']);
  }
  return { ...environment, postponedQueueUrl: postponedQueueUrl || undefined, spark };
}

export interface MaintenanceEnvironment extends FunctionEnvironment<MaintenanceConfig> {
  /** URL of the queue of work that waits for Spark. */
  readonly postponedQueueUrl: string | undefined;
  /** Where Spark runs what is beyond the function; undefined where it does not. */
  readonly spark: EmrServerlessApplication | undefined;
}

/**
 * Reads the variables `RESACA_*`; an empty one counts as absent. Throws ConfigError naming each that is unknown or bad.
 *
 * - `RESACA_CATALOG_QUEUE_URL`: the queue that is told of tables that are made or change. @default none
 * - `RESACA_CONFIG`: the configuration of the function as JSON, see `AppendConfig` and `KafkaConfig`. @default {}
 * - `RESACA_CONFIG_FILE`: a file with that JSON instead, relative to the function's code. A function's variables hold
 *   4 kB together, a file what its package holds.
 * - `RESACA_LOG_LEVEL`: debug, info, warn or error. @default info
 * - `RESACA_MAINTENANCE_QUEUE_URL`: the queue that is asked for checkpoints. @default none
 * - `RESACA_METRICS_BY_TABLE`: true or false. @default false
 * - `RESACA_PIPELINE`: value of the metrics' dimension `pipeline`. @default resaca
 */
export function readEnvironment<Config>(
  env: NodeJS.ProcessEnv,
  parse: (value: unknown) => Config,
): FunctionEnvironment<Config> {
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('RESACA_') && !KNOWN.includes(name))
    .map((name) => `${name}: is not a variable of this function; known: ${KNOWN.join(', ')}`);
  const level = env.RESACA_LOG_LEVEL || 'info';
  const logLevel = LOG_LEVELS.find((known) => known === level.toLowerCase());
  if (logLevel === undefined) problems.push(`RESACA_LOG_LEVEL: expected ${LOG_LEVELS.join(' or ')}, got "${level}"`);
  const byTable = (env.RESACA_METRICS_BY_TABLE || 'false').toLowerCase();
  if (byTable !== 'true' && byTable !== 'false') {
    problems.push(`RESACA_METRICS_BY_TABLE: expected true or false, got "${env.RESACA_METRICS_BY_TABLE}"`);
  }
  const config = readConfig(env, parse, problems);
  if (problems.length > 0 || config === undefined || logLevel === undefined) throw new ConfigError(problems);
  return {
    config,
    logLevel,
    pipeline: env.RESACA_PIPELINE || 'resaca',
    metricsByTable: byTable === 'true',
    maintenanceQueueUrl: env.RESACA_MAINTENANCE_QUEUE_URL || undefined,
    catalogQueueUrl: env.RESACA_CATALOG_QUEUE_URL || undefined,
  };
}

function readConfig<Config>(
  env: NodeJS.ProcessEnv,
  parse: (value: unknown) => Config,
  problems: string[],
): Config | undefined {
  const { RESACA_CONFIG: inline, RESACA_CONFIG_FILE: file } = env;
  const source = file ? `RESACA_CONFIG_FILE: ${file}` : 'RESACA_CONFIG';
  try {
    if (inline && file) throw new ConfigError(['is given, and so is RESACA_CONFIG; expected one of them']);
    return parse(parseJson(file ? readText(resolve(env.LAMBDA_TASK_ROOT ?? '', file)) : inline || '{}'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems.map((problem) => `${source}: ${problem}`));
    return undefined;
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigError([`cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError([`is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
}
