import { randomUUID } from 'node:crypto';
import { loadSnapshot } from '../delta/snapshot.ts';
import { type BatchOutcome, commitBatch } from './commit/commit-batch.ts';
import { filesOf, relationOf, tableOf } from './commit/side-table.ts';
import { shapeTarget, type TargetShape } from './commit/target-shape.ts';
import { assertLateness } from './commit/tombstones.ts';
import type { EngineSession } from './engine.ts';
import { StepError } from './errors.ts';
import type { BatchContext, BatchJob, ModeCommit } from './modes/batch-context.ts';
import { assertFits } from './modes/candidates.ts';
import { needsOf, prepareMode } from './modes/prepare.ts';
import { createTransformer } from './modes/transformer.ts';
import { NAMES } from './plan/names.ts';
import { createCheck, lookupsOfQuarantine } from './quality/run-checks.ts';
import { Tally } from './tally.ts';

/** Tries to work a batch out again because other writers changed what it had read. */
const MAX_TRIES = 20;

/**
 * Works out a batch and commits it. Any other outcome: nothing was committed, and what is to be done is to be seen afresh. Throws what `runStep` throws.
 */
export async function runBatch(job: BatchJob): Promise<BatchOutcome['kind']> {
  const session = await job.deps.openSession();
  try {
    return await work(job, session);
  } finally {
    await session.close();
  }
}

async function work(job: BatchJob, session: EngineSession): Promise<BatchOutcome['kind']> {
  const { rule, deps, tally } = job;
  // What the quality rules found counts once the batch is in the target.
  const found = new Tally();
  const context = await prepare({ ...job, tally: found }, session);
  const run = await prepareMode(context);
  let { shape } = context;
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const made = await run(shape, attempt);
    const outcome = await commitMade(job, shape, made, found.metrics.violations);
    tally.add({ conflicts: outcome.conflicts });
    if (outcome.kind === 'committed') {
      count(job, made, outcome.removed.length);
      tally.addAll(found.metrics);
      return 'committed';
    }
    // Another job on the target as it is now is no longer the batch that was begun.
    if (outcome.kind !== 'disturbed' || session.isRemote === true) return outcome.kind;
    deps.log('info', 'the target changed, the batch is worked out again', { step: rule.name, table: shape.table.url });
    shape = { ...shape, head: outcome.head };
  }
  throw new StepError(
    'CONTENTION',
    `nothing was committed to ${shape.table.url}: other writers changed what the step ${rule.name} had read, ${MAX_TRIES} times`,
    { step: rule.name, table: shape.table.url },
  );
}

function commitMade(
  { rule, deps, deadline, txns, begun, source, batch }: BatchJob,
  shape: TargetShape,
  made: ModeCommit,
  violations: Readonly<Record<string, number>>,
): Promise<BatchOutcome> {
  const onDefinition = deps.definitionsOf?.(rule.target.bucket);
  const lastUpdated = deps.now();
  return commitBatch(
    { deps, deadline, onDefinition },
    {
      ...made,
      shape,
      begun,
      txns: txns.map((txn) => ({ ...txn, lastUpdated })),
      operationParameters: {
        ...made.operationParameters,
        step: rule.name,
        source: source.table.url,
        sourceFromVersion: batch.fromVersion,
        sourceUntilVersion: batch.untilVersion,
        ...(Object.keys(violations).length > 0 && { quality: violations }),
      },
    },
  );
}

function count({ tally, batch }: BatchJob, { adds, rows }: ModeCommit, filesRemoved: number): void {
  tally.add({
    batches: 1,
    commits: 1,
    filesRead: batch.relation.files.length,
    bytesRead: batch.bytes,
    filesAdded: adds.length,
    bytesAdded: adds.reduce((sum, { size }) => sum + size, 0),
    filesRemoved,
    ...rows,
  });
}

async function prepare(job: BatchJob, session: EngineSession): Promise<BatchContext> {
  const { rule, deps, head, batch } = job;
  const lookups = await addInputs(job, session);
  const transformer = await createTransformer(job, session);
  const { result } = transformer;
  const table = deps.tableAt(rule.target);
  const shape = shapeTarget({ rule, table, head, result, newTableId: randomUUID(), now: deps.now() });
  assertLateness(rule, shape.schema);
  const hasWent = needsOf(rule).went && batch.removesAt !== undefined;
  await transformer.runSide('plus');
  if (hasWent) await transformer.runSide('minus');
  const went = hasWent ? NAMES.went : undefined;
  return {
    ...job,
    session,
    transformer,
    shape,
    went,
    check: createCheck({ ...job, session, shape, transformer, lookups }),
  };
}

/** Adds the source's changes and the lookups; gives the versions of the lookups by their names. */
async function addInputs(job: BatchJob, session: EngineSession): Promise<ReadonlyMap<string, number>> {
  const { rule, deps, batch } = job;
  await session.addRelation(batch.relation);
  const known = await lookupsOfQuarantine(job);
  const versions = new Map<string, number>();
  for (const lookup of rule.lookups) {
    const table = deps.tableAt(lookup);
    const version = known.get(lookup.name);
    const snapshot =
      version === undefined ? await tableOf(rule, table, deps) : await loadSnapshot(table, deps.reader, { version });
    versions.set(lookup.name, snapshot.version);
    const files = await filesOf(snapshot, deps);
    assertFits({ rule }, files, { url: table.url, what: 'as a lookup' });
    await session.addRelation(relationOf(lookup.name, snapshot, files));
  }
  return versions;
}
