import { join } from 'node:path';
import type { SparkJobOutcome, SparkJobs } from '../../../src/spark/jobs.ts';
import { REPOSITORY } from '../source-files.ts';
import type { LineProcess } from './line-process.ts';

/**
 * Runs jobs of `spark/step.py` in a Spark that runs already, each in a session of its own: they begin at once instead of
 * waiting for a Java process each. `wait` waits to the end, whatever the deadline is.
 */
export function createSparkSessionJobs(spark: LineProcess): SparkJobs {
  const tokens = new Map<string, string>();
  const ended = new Map<string, Promise<SparkJobOutcome>>();
  return {
    async start({ token, arguments: args }) {
      const id = tokens.get(token) ?? `job-${tokens.size + 1}`;
      if (tokens.has(token)) return id;
      tokens.set(token, id);
      ended.set(id, runIn(spark, args));
      return id;
    },
    async wait(id) {
      const outcome = ended.get(id);
      if (outcome === undefined) throw new Error(`there is no job ${id}`);
      return outcome;
    },
    async cancel() {},
  };
}

async function runIn(spark: LineProcess, args: readonly string[]): Promise<SparkJobOutcome> {
  const code = `
import sys
sys.path[:0] = [folder for folder in ${JSON.stringify([join(REPOSITORY, 'spark'), join(REPOSITORY, 'spark/lib')])} if folder not in sys.path]
import step
from resaca_spark.job import SETTINGS, describe
session = spark.newSession()
for name, value in {**SETTINGS, **step.SETTINGS}.items():
    if name not in ("spark.sql.extensions", "spark.sql.catalog.spark_catalog"):
        session.conf.set(name, value)
try:
    step.run(session, step.parse_arguments(${JSON.stringify(args)}))
    problem = None
except Exception as error:
    problem = describe(error)
problem`;
  const problem = await spark.call('python', { code });
  return problem === null ? { kind: 'succeeded' } : { kind: 'failed', state: 'FAILED', detail: String(problem) };
}
