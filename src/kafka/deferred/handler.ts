import { type CommitterDeps, commitPending } from './committer.ts';

/** Kept back of the invocation's time, to end by itself instead of being cut off. ms. */
const TIME_RESERVE = 5_000;

/** The committer function: one turn over all tables with files that wait. Throws CommitterError. */
export function createCommitterHandler(deps: CommitterDeps) {
  return async function handleSchedule(
    _event: unknown,
    context: { getRemainingTimeInMillis(): number },
  ): Promise<void> {
    await commitPending(deps, deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0));
  };
}
