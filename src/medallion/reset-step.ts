import type { Action, Txn } from '../delta/actions.ts';
import { toRemove } from '../delta/remove-file.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import { commit } from '../delta/transaction.ts';
import { filesOf, sideTable, snapshotOf } from './commit/side-table.ts';
import { StepError } from './errors.ts';
import { changesAppId, encodePosition } from './position.ts';
import type { StepRule } from './rule.ts';
import { clearFailures } from './spark/failures.ts';
import { stepRuns } from './spark/step-folder.ts';
import type { StepDeps } from './step-run.ts';

export interface ResetOptions {
  /** Version of the source that is read next. @default the step forgets what it has read, and begins anew */
  readonly version?: number;
  /** Whether all rows of the target, and of the tables beside it, go. */
  readonly empties: boolean;
  /** ms since the epoch. */
  readonly deadline: number;
}

export interface ResetTable {
  /** For people. */
  readonly table: string;
  /** That was committed. */
  readonly version: number;
  readonly filesRemoved: number;
}

/**
 * Has steps of one target begin anew, or at a version of their source, by a commit to each table that tells how far they are:
 * the tables beside the target first, so that a crash between leaves none of them ahead of it. Each step's next run goes on
 * from there, and Spark tries again what was given up. Throws StepError `SOURCE_NOT_FOUND` for a version of a source that is not there; DeltaError for lost races up to
 * the deadline and logs that cannot be written; the stores' errors.
 */
export async function resetSteps(
  rules: readonly StepRule[],
  deps: StepDeps,
  options: ResetOptions,
): Promise<readonly ResetTable[]> {
  const targets = new Map(rules.map(({ target }) => [deps.tableAt(target).url, deps.tableAt(target)]));
  const done: ResetTable[] = [];
  for (const target of targets.values()) {
    const tables = [sideTable(target, 'quarantine'), sideTable(target, 'tombstones'), target];
    for (const table of tables) done.push(...(await resetTable(table, rules, deps, options)));
  }
  for (const { name, target } of rules) await clearFailures(stepRuns(deps.tableAt(target), name));
  return done;
}

async function resetTable(
  table: TableRef,
  rules: readonly StepRule[],
  deps: StepDeps,
  options: ResetOptions,
): Promise<ResetTable[]> {
  const head = await snapshotOf(table, deps);
  if (head === undefined) return [];
  let filesRemoved = 0;
  const result = await commit(
    head,
    table,
    deps.reader,
    async (now) => {
      if (now === undefined) return { kind: 'skip' };
      const files = options.empties ? await filesOf(now, deps) : [];
      filesRemoved = files.length;
      const actions: Action[] = [
        ...(await positionsAfter(now, rules, deps, options)).map((txn) => ({ txn })),
        ...files.map((file) => ({ remove: toRemove(file, deps.now(), true) })),
      ];
      const operationParameters = { steps: rules.map(({ name }) => name), fromVersion: options.version ?? 'beginning' };
      const operation = options.empties ? 'TRUNCATE' : 'RESET STEP';
      return { kind: 'commit', actions, operation, operationParameters, isBlindAppend: false };
    },
    { deadline: options.deadline, now: deps.now, sleep: deps.sleep, random: deps.random },
  );
  return result.kind === 'committed' ? [{ table: table.url, version: result.version, filesRemoved }] : [];
}

/** A negative version stands for none. */
async function positionsAfter(
  head: Snapshot,
  rules: readonly StepRule[],
  deps: StepDeps,
  { version }: ResetOptions,
): Promise<Txn[]> {
  const txns = new Map<string, number>();
  for (const rule of rules) {
    const prefix = changesAppId(rule.name, '');
    for (const appId of head.txns.keys()) if (appId.startsWith(prefix)) txns.set(appId, -1);
    if (version === undefined) continue;
    const source = await snapshotOf(deps.tableAt(rule.source), deps);
    if (source === undefined) {
      const { url } = deps.tableAt(rule.source);
      throw new StepError('SOURCE_NOT_FOUND', `the step ${rule.name} reads ${url}, and there is no table`, {
        table: url,
      });
    }
    txns.set(changesAppId(rule.name, source.metadata.id), encodePosition({ version, files: 0 }));
  }
  const lastUpdated = deps.now();
  return [...txns].map(([appId, number]) => ({ appId, version: number, lastUpdated }));
}
