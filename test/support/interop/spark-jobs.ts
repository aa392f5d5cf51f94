import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SparkJob, SparkJobOutcome, SparkJobs } from '../../../src/spark/jobs.ts';
import { pythonEnv } from '../python-env.ts';
import type { S3Server } from '../s3-server.ts';
import { REPOSITORY } from '../source-files.ts';
import { makeTempFolder } from '../temp-folder.ts';
import { SPARK_PACKAGES } from './engines.ts';
import { mavenJars } from './maven-jars.ts';

export interface LocalSparkJobs extends SparkJobs {
  /** What the script printed as its last line, by the id of the job. */
  readonly reports: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** Runs the script to its end and returns its exit code and its last line. */
  run(args: readonly string[]): Promise<{ readonly code: number; readonly last: string; readonly errors: string }>;
}

/** Settings for the script's Java process beside those that it makes itself. */
const SETTINGS: Readonly<Record<string, string>> = {
  'spark.master': 'local[2]',
  'spark.ui.enabled': 'false',
  'spark.sql.shuffle.partitions': '2',
  // The listing of a vacuum would be cut into ten thousand tasks.
  'spark.sql.sources.parallelPartitionDiscovery.parallelism': '2',
  'spark.databricks.delta.snapshotPartitions': '1',
  'spark.driver.memory': '1g',
  'spark.driver.extraJavaOptions':
    '-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -Dlog4j2.level=error',
  'spark.driver.host': '127.0.0.1',
  'spark.driver.bindAddress': '127.0.0.1',
  'spark.log.level': 'ERROR',
  // As on EMR from release 7.10 on, where S3A serves s3:// as well.
  'spark.hadoop.fs.s3.impl': 'org.apache.hadoop.fs.s3a.S3AFileSystem',
};

/** By what Hadoop's file system for S3 finds a local server; `endpoint` is its own, or that of what stands before it. */
export function s3aSettings(
  { env, endpoint: own }: Pick<S3Server, 'env' | 'endpoint'>,
  endpoint = own,
): Readonly<Record<string, string>> {
  const { AWS_REGION: region = '', AWS_ACCESS_KEY_ID: key = '', AWS_SECRET_ACCESS_KEY: secret = '' } = env;
  return {
    'fs.s3a.endpoint': endpoint,
    'fs.s3a.endpoint.region': region,
    'fs.s3a.path.style.access': 'true',
    'fs.s3a.access.key': key,
    'fs.s3a.secret.key': secret,
  };
}

/**
 * Runs a script of `spark/` on this machine as EMR Serverless would: each job is a process of its own. `hadoop` are
 * properties such as `fs.s3a.endpoint`. Throws `UnavailableError` without Python, Java or Maven.
 */
export async function createLocalSparkJobs(
  hadoop: Readonly<Record<string, string>> = {},
  script: 'optimize.py' | 'step.py' = 'optimize.py',
): Promise<LocalSparkJobs> {
  const [python, jars] = await Promise.all([
    pythonEnv('spark', SPARK_PACKAGES),
    mavenJars(join(import.meta.dirname, 'pom.xml')),
  ]);
  const files = readdirSync(jars).filter((name) => name.endsWith('.jar'));
  const settings = {
    ...SETTINGS,
    'spark.jars': files.map((name) => join(jars, name)).join(','),
    ...Object.fromEntries(Object.entries(hadoop).map(([name, value]) => [`spark.hadoop.${name}`, value])),
  };
  const submit = Object.entries(settings).flatMap(([name, value]) => ['--conf', `"${name}=${value}"`]);
  const tokens = new Map<string, string>();
  const ended = new Map<string, Promise<SparkJobOutcome>>();
  const children = new Map<string, ChildProcess>();
  const reports = new Map<string, Readonly<Record<string, unknown>>>();

  function launch(args: readonly string[]) {
    const folder = makeTempFolder();
    const child = spawn(join(python, 'bin/python'), [join(REPOSITORY, 'spark', script), ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        TMPDIR: folder,
        LANG: 'C.UTF-8',
        // As elsewhere than in UTC, which the script must not depend on.
        TZ: 'America/New_York',
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONPATH: join(REPOSITORY, 'spark/lib'),
        PYSPARK_SUBMIT_ARGS: [...submit, 'pyspark-shell'].join(' '),
      },
    });
    const output = { out: '', errors: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.errors = (output.errors + text).slice(-4_000);
    });
    const end = new Promise<{ code: number; last: string; errors: string }>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        resolve({ code: code ?? -1, last: output.out.trim().split('\n').at(-1) ?? '', errors: output.errors });
      });
    });
    return { child, end };
  }

  return {
    reports,
    run: (args) => launch(args).end,
    async start(job: SparkJob) {
      const known = tokens.get(job.token);
      if (known !== undefined) return known;
      const id = `job-${tokens.size + 1}`;
      tokens.set(job.token, id);
      const { child, end } = launch(job.arguments);
      children.set(id, child);
      const outcome = end.then(({ code, last, errors }): SparkJobOutcome => {
        if (last.startsWith('{')) reports.set(id, JSON.parse(last));
        if (code === 0) return { kind: 'succeeded' };
        return { kind: 'failed', state: 'FAILED', detail: last === '' ? errors : last };
      });
      ended.set(id, outcome);
      return id;
    },
    async wait(id, deadline) {
      const outcome = ended.get(id);
      if (outcome === undefined) throw new Error(`there is no job ${id}`);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<SparkJobOutcome>((resolve) => {
        timer = setTimeout(() => resolve({ kind: 'running', state: 'RUNNING' }), Math.max(deadline - Date.now(), 0));
      });
      const first = await Promise.race([outcome, late]);
      clearTimeout(timer);
      return first;
    },
    async cancel(id) {
      children.get(id)?.kill();
    },
  };
}
