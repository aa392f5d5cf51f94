import { createHash, type Hash } from 'node:crypto';
import type { StructType } from '../../delta/schema.ts';
import type { TableRef } from '../../delta/table.ts';
import { EngineError } from '../engine/errors.ts';
import type { EnginePlan, EngineRun, EngineSession, Output, Relation, Result, Stage, Statement } from '../engine.ts';
import type { VersionPins } from './pins.ts';
import { contents } from './plan-lines.ts';
import type { OpenBatch, StepSpark } from './step-spark.ts';

/** A job has to be waited for: whoever began the batch ends here, and does the same again later. */
export class SparkPending extends Error {
  override readonly name = 'SparkPending';
  readonly job: string;
  /** The platform's word for it. */
  readonly jobState: string;

  constructor(job: string, jobState: string) {
    super(`The Spark job ${job} is ${jobState}`);
    this.job = job;
    this.jobState = jobState;
  }
}

export interface ReplayOptions {
  readonly spark: StepSpark;
  readonly target: TableRef;
  readonly step: string;
  /** Tells the work from other work. */
  readonly work: string;
  readonly pins: VersionPins;
  /** The batch that an earlier invocation has begun. */
  readonly batch: OpenBatch | undefined;
  /** Tells the columns of queries, by relations without any file. */
  readonly local: EngineSession;
}

export interface ReplaySession extends EngineSession {
  /** Ends the batch, so that the next one begins. */
  end(outcome: 'committed' | 'overtaken'): Promise<void>;
}

/**
 * A session whose questions Spark answers: a stage with results or outputs is a job. While it runs there is no answer, but
 * `SparkPending` is thrown; the same calls, made again by a later invocation, come to the same question and find the answer.
 * What an earlier job has answered is not asked again. Throws also what `StepSpark` and the local session throw.
 */
export function createReplaySession(options: ReplayOptions): ReplaySession {
  const { spark, target, step, work, pins, local } = options;
  const relations: Relation[] = [];
  const statements: Statement[] = [];
  const answers = new Map(options.batch?.answers);
  let { batch } = options;
  const asked = createHash('sha256');

  async function ask(stage: Stage): Promise<EngineRun> {
    const { results = [], outputs = [] } = stage;
    const plan = { relations, statements, results, outputs };
    extend(asked, { relations: [], statements: [], results, outputs });
    const question = asked.copy().digest('hex');
    const known = answers.get(question);
    if (known !== undefined) return known;
    const open = await openBatch(question, plan);
    const state = await spark.look(target, step, open, plan);
    if (state.kind === 'running') throw new SparkPending(state.job, state.jobState);
    answers.set(question, state.run);
    return state.run;
  }

  /** The batch that asks this; one that asks something else is of another plan, or is answered. */
  async function openBatch(question: string, plan: EnginePlan): Promise<OpenBatch> {
    if (batch?.question === question) return batch;
    if (batch !== undefined) await spark.end(target, step, batch, 'given-up');
    batch = await spark.begin(target, step, plan, {
      work,
      versions: pins.versions,
      question,
      answers: new Map(answers),
    });
    return batch;
  }

  return {
    isRemote: true,
    describe: (sql: string): Promise<StructType> => local.describe(sql),
    async addRelation(relation) {
      relations.push(relation);
      extend(asked, { relations: [relation], statements: [], results: [], outputs: [] });
      await local.addRelation({ ...relation, files: [] });
    },
    async addStatement(statement) {
      statements.push(statement);
      extend(asked, { relations: [], statements: [statement], results: [], outputs: [] });
      await local.addStatement(statement);
    },
    async addFunction() {
      throw new EngineError('FUNCTION', `the step ${step} makes rows by a function, which Spark cannot run`, { step });
    },
    stage: ask,
    query: async (result: Result) => (await ask({ results: [result] })).results.get(result.name) ?? [],
    write: async (output: Output) => (await ask({ outputs: [output] })).outputs.get(output.name) ?? [],
    async end(outcome) {
      if (batch !== undefined) await spark.end(target, step, batch, outcome);
      batch = undefined;
    },
    close: () => local.close(),
  };
}

function extend(hash: Hash, plan: EnginePlan): void {
  for (const line of contents(plan)) hash.update(`${JSON.stringify(line)}\n`);
}
