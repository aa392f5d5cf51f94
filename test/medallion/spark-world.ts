/** Jobs of `spark/step.py` that run in this process, by DuckDB: for tests of what is around them. */
import { decodePath } from '../../src/delta/path.ts';
import { parseSchema } from '../../src/delta/schema.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createDuckDbEngine } from '../../src/medallion/engine/session.ts';
import type { EngineSession, Output, Relation, RelationFile, Result, Statement } from '../../src/medallion/engine.ts';
import { stepRuns } from '../../src/medallion/spark/step-folder.ts';
import { createStepSpark } from '../../src/medallion/spark/step-spark.ts';
import type { StepDeps } from '../../src/medallion/step-run.ts';
import type { SparkJobOutcome, SparkJobs } from '../../src/spark/jobs.ts';
import { runKeys } from '../../src/spark/run-folder.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { BUCKET } from './step-world.ts';

const engine = createDuckDbEngine({ tempDir: makeTempFolder(), memoryLimit: 256 * 1024 * 1024 });

export interface StandInJobs extends SparkJobs {
  /** Runs of the plan, by their tokens. */
  readonly started: readonly string[];
  /** Looks at a job that find it running, and then what becomes of it. */
  plan: { running: number; fails?: string };
}

export function createStandInJobs(store: ObjectStore): StandInJobs {
  const started: string[] = [];
  const ended = new Map<string, SparkJobOutcome>();
  const looks = new Map<string, number>();
  const args = new Map<string, readonly string[]>();
  const jobs: StandInJobs = {
    started,
    plan: { running: 0 },
    async start({ token, arguments: given }) {
      if (!started.includes(token)) started.push(token);
      args.set(token, given);
      return token;
    },
    async wait(id) {
      const known = ended.get(id);
      if (known !== undefined) return known;
      const seen = looks.get(id) ?? 0;
      looks.set(id, seen + 1);
      if (seen < jobs.plan.running) return { kind: 'running', state: 'PENDING' };
      const { fails } = jobs.plan;
      if (fails === undefined) await runJob(store, args.get(id) ?? []);
      const outcome: SparkJobOutcome =
        fails === undefined ? { kind: 'succeeded' } : { kind: 'failed', state: 'FAILED', detail: fails };
      ended.set(id, outcome);
      return outcome;
    },
    async cancel() {},
  };
  return jobs;
}

/** Dependencies of a step with these jobs. */
export function withSpark(deps: StepDeps, jobs: SparkJobs): StepDeps {
  return { ...deps, openSpark: async () => createStepSpark({ jobs, now: deps.now }) };
}

interface Line {
  readonly relation?: Omit<Relation, 'files'>;
  readonly file?: Omit<RelationFile, 'table'> & { readonly table: string };
  readonly statement?: Statement;
  readonly result?: Result;
  readonly output?: Omit<Output, 'table'> & { readonly table: string };
}

async function runJob(store: ObjectStore, args: readonly string[]): Promise<void> {
  const option = (name: string) => args[args.indexOf(name) + 1] ?? '';
  const tableAt = (url: string): TableRef => ({ store, root: url.replace(`s3://${BUCKET}/`, ''), url });
  const keys = runKeys(stepRuns(tableAt(option('--table')), option('--step')), option('--run'));
  const text = new TextDecoder().decode((await store.get(keys.plan)).body);
  const lines = text
    .trim()
    .split('\n')
    .slice(1, -1)
    .map((line): Line => JSON.parse(line, (name, value) => (name === 'sql' ? forDuckDb(value) : value)));
  const session = await engine.open();
  try {
    const answers = await answer(session, lines, tableAt);
    const all = [{ format: 1, run: option('--run') }, ...answers, { end: true, lines: answers.length }];
    await store.put(keys.result, new TextEncoder().encode(all.map((line) => `${jsonOf(line)}\n`).join('')));
  } finally {
    await session.close();
  }
}

/** Spark's name for a struct of names and values in turn, and without options of JSON, which DuckDB has not. */
function forDuckDb(sql: string): string {
  return sql
    .replace(/, map\('ignoreNullFields'[^()]*\)/g, '')
    .replace(/named_struct\(([^()]*)\)/g, (_, pairs: string) => {
      return `struct_pack(${pairs.replace(/'([^']*)', ("[^"]*")/g, '"$1" := $2')})`;
    });
}

async function answer(session: EngineSession, lines: readonly Line[], tableAt: (url: string) => TableRef) {
  const answers: unknown[] = [];
  for (const [index, { relation, statement, result, output }] of lines.entries()) {
    if (relation !== undefined) {
      const end = lines.findIndex(({ file }, at) => at > index && file === undefined);
      const files = lines.slice(index + 1, end < 0 ? lines.length : end).flatMap(({ file }) => (file ? [file] : []));
      await session.addRelation({
        ...relation,
        schema: parseSchema(JSON.stringify(relation.schema)),
        files: files.map((file) => ({ ...file, table: tableAt(file.table), path: decodePath(file.path) })),
      });
    }
    if (statement !== undefined) await session.addStatement(statement);
    if (result !== undefined) answers.push({ result: result.name, rows: await session.query(result) });
    if (output === undefined) continue;
    const schema = parseSchema(JSON.stringify(output.schema));
    const written = await session.write({ ...output, schema, table: tableAt(output.table) });
    const files = written.map(({ path, size, partitionValues }) => ({ path: decodePath(path), size, partitionValues }));
    answers.push({ output: output.name, files });
  }
  return answers;
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? { long: String(one) } : one));
}
