import { createHash } from 'node:crypto';
import { isOutdated } from '../../delta/snapshot.ts';
import type { BatchOutcome } from '../commit/commit-batch.ts';
import type { Position } from '../position.ts';
import type { StepRule } from '../rule.ts';
import type { StepDeps } from '../step-run.ts';
import { VersionPins } from './pins.ts';
import { createReplaySession, type ReplaySession } from './replay-session.ts';
import type { StepSpark } from './step-spark.ts';

/** What one batch on Spark takes at most; its files are named in the plan, which the driver of the job holds. */
const REMOTE_LIMITS = { maxBytes: Number.POSITIVE_INFINITY, maxFiles: 100_000 };

/** Where the next batch of a step is worked out. */
export interface BatchPlace {
  readonly rule: StepRule;
  /** By these the step is looked at. */
  readonly deps: StepDeps;
  readonly isRemote: boolean;
  /** By these a batch is worked out that begins at a position. */
  depsFor(from: Position): StepDeps;
  /** The batch came to an end. */
  end(outcome: BatchOutcome['kind']): Promise<void>;
}

export function localPlace(rule: StepRule, deps: StepDeps): BatchPlace {
  return { rule, deps, isRemote: false, depsFor: () => deps, end: async () => {} };
}

/** On Spark: goes on with the batch that was begun there, as it was begun. */
export async function remotePlace(rule: StepRule, deps: StepDeps, spark: StepSpark): Promise<BatchPlace> {
  const target = deps.tableAt(rule.target);
  const batch = await spark.find(target, rule.name);
  const pins = new VersionPins(batch?.versions);
  const pinned: StepDeps = {
    ...deps,
    async snapshotAt(table) {
      try {
        return await pins.snapshotOf(table, deps.reader);
      } catch (error) {
        // The log no longer reaches back so far: the next call begins anew.
        if (batch !== undefined && isOutdated(error)) await spark.end(target, rule.name, batch, 'given-up');
        throw error;
      }
    },
  };
  let session: ReplaySession | undefined;
  return {
    rule: { ...rule, limits: { ...rule.limits, ...REMOTE_LIMITS } },
    deps: pinned,
    isRemote: true,
    depsFor: (from) => ({
      ...pinned,
      async openSession() {
        const local = await deps.openSession();
        const work = workOf(rule, from);
        session = createReplaySession({ spark, target, step: rule.name, work, pins, batch, local });
        return session;
      },
    }),
    // What came to nothing because of other writers begins anew with the tables as they are then, until it is given up.
    end: async (outcome) => session?.end(outcome === 'committed' ? 'committed' : 'overtaken'),
  };
}

function workOf(rule: StepRule, from: Position): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, from]))
    .digest('hex');
}
