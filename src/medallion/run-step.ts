import type { BatchOutcome } from './commit/commit-batch.ts';
import { isEngineError } from './engine/errors.ts';
import { isStepError, StepError } from './errors.ts';
import { assertRule } from './modes/prepare.ts';
import { type Look, lookAt, type NextBatch, nextBatch } from './next-batch.ts';
import type { StepRule } from './rule.ts';
import { runBatch } from './run-batch.ts';
import { type BatchPlace, localPlace, remotePlace } from './spark/remote.ts';
import { SparkPending } from './spark/replay-session.ts';
import type { StepSpark } from './spark/step-spark.ts';
import type { RunOptions, StepDeps, StepRun } from './step-run.ts';
import { Tally } from './tally.ts';

/** Times in a row that a batch comes to nothing because of other writers, after which a run gives up. */
const MAX_IDLE = 20;

/**
 * Brings a step's target up to its source: batch after batch, until there is none left or the time is up. Each batch is one
 * commit of the target, which also says how far the source is read, so that a run which ends anywhere, also by a crash,
 * is gone on with where its last commit left it.
 *
 * Throws StepError; CdfError for a source whose changes cannot be read (any more); EngineError for SQL and rows that cannot be
 * computed with; DeltaError for logs that cannot be read or written; the stores' errors. What batches before the failure
 * committed stays.
 */
export async function runStep(rule: StepRule, deps: StepDeps, options: RunOptions): Promise<StepRun> {
  assertRule(rule);
  const tally = new Tally();
  const { deadline, maxBatches = Number.POSITIVE_INFINITY } = options;
  const spark = await openSpark(rule, deps);
  let isBeyond = rule.engine === 'spark' || (await spark?.find(deps.tableAt(rule.target), rule.name)) !== undefined;
  for (let idle = 0; idle < MAX_IDLE; ) {
    const place = spark !== undefined && isBeyond ? await remotePlace(rule, deps, spark) : localPlace(rule, deps);
    const look = await lookAt(place.rule, place.deps);
    const isOver = deps.now() >= deadline || tally.metrics.batches >= maxBatches;
    const run = await tryNext(place, { deadline, tally, look, isOver, hasSpark: spark !== undefined });
    if (run === 'done' || run === 'more' || run === 'waiting') return report(rule, look, tally, run);
    idle = run === 'committed' || run === 'too-large' ? 0 : idle + 1;
    isBeyond = rule.engine === 'spark' || run === 'too-large';
  }
  const { url } = deps.tableAt(rule.target);
  throw new StepError(
    'CONTENTION',
    `the step ${rule.name} came to nothing ${MAX_IDLE} times: other writers change ${url}`,
    {
      step: rule.name,
      table: url,
    },
  );
}

interface Try {
  readonly deadline: number;
  readonly tally: Tally;
  readonly look: Look;
  /** Whether no batch is to begin any more. */
  readonly isOver: boolean;
  readonly hasSpark: boolean;
}

/** Works out and commits the next batch, if there is one. `too-large`: it is beyond what is here, and Spark may do it. */
async function tryNext(
  place: BatchPlace,
  { deadline, tally, look, isOver, hasSpark }: Try,
): Promise<BatchOutcome['kind'] | 'done' | 'more' | 'waiting' | 'too-large'> {
  const { rule, deps, isRemote } = place;
  // A batch that has to wait is counted when it is committed.
  const own = new Tally();
  try {
    const next = await nextBatch(rule, deps, look);
    if (next === undefined || canWait(look, next)) return 'done';
    if (isOver) return 'more';
    if (hasSpark && !isRemote && next.batch.bytes > rule.limits.maxBytes) return 'too-large';
    const { head, source } = look;
    const job = { rule, deps: place.depsFor(next.batch.from), deadline, tally: own, head, source, ...next };
    const outcome = await runBatch(job);
    tally.addAll(own.metrics);
    await place.end(outcome);
    return outcome;
  } catch (error) {
    if (error instanceof SparkPending) return 'waiting';
    if (hasSpark && !isRemote && isTooLarge(error)) return 'too-large';
    throw error;
  }
}

/** Whether a batch is more than the limits let this function try, or more than it can do. */
function isTooLarge(error: unknown): boolean {
  return (
    isStepError(error, 'BATCH_TOO_LARGE') || isEngineError(error, 'OUT_OF_MEMORY') || isEngineError(error, 'DISK_FULL')
  );
}

/** Spark, where the rule may be run by it. Throws StepError `UNSUPPORTED` for a rule that needs it where there is none. */
async function openSpark(rule: StepRule, deps: StepDeps): Promise<StepSpark | undefined> {
  const { engine, transform, name: step } = rule;
  if (engine === 'duckdb') return undefined;
  if (transform.kind === 'sql' && deps.openSpark !== undefined) return deps.openSpark();
  if (engine === 'auto') return undefined;
  const why = transform.kind === 'sql' ? 'there is none' : 'its transform is a function, which only runs here';
  throw new StepError('UNSUPPORTED', `the step ${step} is to be run by Spark, and ${why}`, { step });
}

/** Versions of the source without rows for the step that are let pass before its position is brought up to them. */
const EMPTY_VERSIONS = 20;

/** Whether a batch is nothing but compactions and the like, which are not worth a commit of the target. */
function canWait({ positions }: Look, { batch }: NextBatch): boolean {
  const { from, until, relation } = batch;
  const isEmpty = relation.files.length === 0 && batch.isLast;
  return isEmpty && positions.changes !== undefined && until.version - from.version < EMPTY_VERSIONS;
}

function report(rule: StepRule, { positions, source }: Look, tally: Tally, state: StepRun['state']): StepRun {
  const { changes, backfill } = positions;
  const { version } = source.latest;
  return {
    step: rule.name,
    state,
    position: changes,
    backfill: changes === undefined ? backfill : undefined,
    sourceVersion: version,
    versionsBehind: state === 'done' ? 0 : version + 1 - (changes?.version ?? 0),
    metrics: tally.metrics,
  };
}
