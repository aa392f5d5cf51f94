import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { ConfigError } from '../ingest/config-reader.ts';
import { type BucketNames, type MedallionConfig, parseMedallionConfig } from '../medallion/config.ts';
import type { DuckDbOptions } from '../medallion/engine/session.ts';
import { type EmrServerlessApplication, emrServerlessEnvironment, SPARK_VARIABLES } from './emr-env.ts';
import { type FunctionEnvironment, isObject, readEnvironment } from './env.ts';

export interface MedallionEnvironment extends FunctionEnvironment<MedallionConfig> {
  /** URL of the queue of the runs. */
  readonly queueUrl: string;
  readonly engine: DuckDbOptions;
  /** For batches that are beyond the function. @default there is none */
  readonly spark: EmrServerlessApplication | undefined;
}

const MEGABYTE = 2 ** 20;
/** MB that the function needs beside DuckDB, and for what it uploads. */
const BESIDE_DUCKDB = 450;
/** MB of the disk that are left for files that are written. */
const FREE_DISK = 128;
/** MB with which a function has a whole CPU (Lambda guide, "Configure Lambda function memory"). */
const CPU = 1_769;

/**
 * The environment of the medallion function; see `readEnvironment`. `RESACA_STEP_QUEUE_URL` is the queue of its runs, and
 * `RESACA_STEP_BUCKETS` the names of the buckets that are known at the deployment only, as JSON: `{"landing": name}`. `RESACA_STEP_DISK`
 * has the MB of the temporary folder. The modules of functions are found beside the function's code.
 */
export function medallionEnvironment(env: NodeJS.ProcessEnv = process.env): MedallionEnvironment {
  const { RESACA_STEP_QUEUE_URL: queueUrl, RESACA_STEP_BUCKETS: buckets, RESACA_STEP_DISK: disk, ...rest } = env;
  if (!queueUrl) throw new ConfigError(['RESACA_STEP_QUEUE_URL: is missing']);
  const names = readBuckets(buckets);
  const parse = (value: unknown) => withModules(parseMedallionConfig(value, names), env.LAMBDA_TASK_ROOT ?? '');
  const engine = engineOf(Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE || 2_048), Number(disk || 512));
  const spark = emrServerlessEnvironment(rest);
  const own = Object.fromEntries(Object.entries(rest).filter(([name]) => !SPARK_VARIABLES.includes(name)));
  return { ...readEnvironment(own, parse), queueUrl, engine, spark };
}

/** What DuckDB may take of a function with so many MB of memory and of disk. */
function engineOf(memory: number, disk: number): DuckDbOptions {
  return {
    tempDir: tmpdir(),
    memoryLimit: Math.max(memory - BESIDE_DUCKDB, memory / 4) * MEGABYTE,
    // As many for what is fetched, and for what is spilled.
    diskLimit: Math.floor((disk - FREE_DISK) / 2) * MEGABYTE,
    threads: Math.ceil(memory / CPU),
  };
}

function withModules({ steps }: MedallionConfig, folder: string): MedallionConfig {
  return {
    steps: steps.map((step) => {
      const { transform } = step;
      if (transform.kind !== 'function') return step;
      return { ...step, transform: { ...transform, module: resolve(folder, transform.module) } };
    }),
  };
}

function readBuckets(text: string | undefined): BucketNames {
  try {
    const value: unknown = JSON.parse(text || '{}');
    if (isObject(value) && Object.values(value).every((name) => typeof name === 'string')) return value;
  } catch {
    // Told below, like every other text that is no object of names.
  }
  throw new ConfigError([`RESACA_STEP_BUCKETS: expected {"landing": name, "kafka": name}, got ${text?.slice(0, 200)}`]);
}
