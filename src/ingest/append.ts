import { findActive, type Snapshot } from '../delta/snapshot.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { commit, type Decision } from '../delta/transaction.ts';
import { adoptFiles, isPending } from './adopt.ts';
import { type Candidate, type LandedObject, readCandidate } from './candidate.ts';
import { mapConcurrently } from './concurrently.ts';
import type { TableRule, TableSettings } from './config.ts';
import type { TableEngine } from './engine.ts';
import { isCoveredByAdd, type ObjectVersion, versionOf } from './object-version.ts';
import { type Plan, planTable, type Removal, toDecision } from './plan.ts';
import { quarantineRejected } from './quarantine.ts';
import { currentState, reachBack, type TableState, trimState } from './table-state.ts';
import type { TableMetrics } from './telemetry.ts';

/** What one batch of events says about one table. */
export interface TableBatch {
  readonly table: TableRef;
  readonly settings: TableSettings;
  readonly rule?: TableRule;
  /** The newest event of each object, of those that created it. */
  readonly landed: readonly LandedObject[];
  /** The newest event of each object, of those that removed it. */
  readonly deleted: readonly DeletedObject[];
  /** Time of the oldest event, ms since the epoch, also of those that newer ones replaced. */
  readonly oldest: number;
  /** The path below the root of any key of the bucket; undefined for keys that are no files of this table. */
  readonly relativePath: (key: string) => string | undefined;
}

export interface DeletedObject {
  readonly path: string;
  readonly sequencer?: string;
  /** ms since the epoch. */
  readonly time: number;
}

/**
 * Brings one table up to date with a batch of events: everything is read and prepared once, each attempt to commit
 * decides afresh on the newest head, and the put-if-absent inside `commit` is the point after which the files are in.
 * When this returns, every object is in the table, was there before, is gone, or is in quarantine.
 * Throws what kept it from that; then nothing is lost, because the same events may be given again.
 */
export async function appendBatch(
  engine: TableEngine,
  batch: TableBatch,
  cached: TableState | undefined,
  deadline: number,
): Promise<TableState> {
  const { table } = batch;
  const [candidates, removals, state] = await Promise.all([
    mapConcurrently(batch.landed, engine.config.footerConcurrency, (object) =>
      readCandidate(table, object, engine.config.maxFooterBytes),
    ),
    stillDeleted(engine, batch),
    currentState(table, engine.reader, cached),
  ]);
  const isComplete = await reachBack(state, batch.oldest - engine.config.clockMargin);
  const { plan, snapshot, conflicts } = await commitBatch(engine, batch, {
    candidates,
    removals,
    state,
    isComplete,
    deadline,
  });

  const quarantined = await quarantineRejected(engine, table, plan.rejected);
  report(engine, batch, plan, { conflicts, quarantined, version: snapshot?.version });
  const next = { snapshot, window: state.window };
  trimState(next);
  if (!isPending(snapshot)) return next;
  await adoptFiles(engine, batch, snapshot, deadline);
  return currentState(table, engine.reader, next);
}

interface Prepared {
  readonly candidates: readonly Candidate[];
  readonly removals: readonly DeletedObject[];
  readonly state: TableState;
  /** Whether the window holds every commit in which an event of the batch can stand. */
  readonly isComplete: boolean;
  readonly deadline: number;
}

async function commitBatch(
  engine: TableEngine,
  batch: TableBatch,
  { candidates, removals, state, isComplete, deadline }: Prepared,
): Promise<{ plan: Plan; snapshot: Snapshot | undefined; conflicts: number }> {
  const { table, settings, rule } = batch;
  const { window } = state;
  const newTableId = crypto.randomUUID();
  let plan: Plan | undefined;
  const decide = async (head: Snapshot | undefined): Promise<Decision> => {
    const lookUp = isComplete ? [] : candidates.map(({ object }) => object.path);
    const active = await activeFiles(engine, head, [...lookUp, ...removals.map(({ path }) => path)]);
    const handledIn = (path: string, version: ObjectVersion): number | undefined => {
      const file = isComplete ? undefined : active.get(path);
      const isActive = file !== undefined && isCoveredByAdd(version, versionOf(file));
      return window.find(path, version) ?? (isActive ? head?.version : undefined);
    };
    plan = planTable({
      head,
      settings,
      ...(rule !== undefined && { rule }),
      candidates,
      removals: removals.map((removal): Removal => {
        const file = active.get(removal.path);
        return { ...removal, ...(file !== undefined && { active: file }) };
      }),
      handledIn,
      wasAdded: (path) => window.hasAdd(path) || (!isComplete && active.has(path)),
      now: engine.now(),
      newTableId,
    });
    return plan.actions.length === 0 ? { kind: 'skip' } : toDecision(plan);
  };
  const result = await commit(state.snapshot, table, engine.reader, decide, {
    deadline,
    now: () => engine.now(),
    sleep: (ms) => engine.sleep(ms),
    random: () => engine.random(),
    onCommit: (winner) => window.append(winner),
  });
  if (plan === undefined) throw new Error('commit() returned without asking for a decision');
  if (result.kind === 'committed') window.append(result.commit);
  return { plan, snapshot: result.snapshot, conflicts: result.conflicts };
}

async function activeFiles(engine: TableEngine, head: Snapshot | undefined, paths: readonly string[]) {
  if (head === undefined || paths.length === 0) return new Map<string, never>();
  return findActive(head, engine.reader, new Set(paths));
}

/** The deleted objects that are not there again: S3 answers with what is true now, whatever order the events came in. */
async function stillDeleted(
  engine: TableEngine,
  { table, settings, deleted }: TableBatch,
): Promise<readonly DeletedObject[]> {
  if (settings.deletes === 'ignore') return deleted;
  const found = await mapConcurrently(deleted, engine.config.footerConcurrency, ({ path }) =>
    table.store.head(tableKey(table, path)),
  );
  return deleted.filter((_, index) => found[index] === undefined);
}

function report(
  { telemetry, now }: TableEngine,
  { table, oldest }: TableBatch,
  plan: Plan,
  { conflicts, quarantined, version }: { conflicts: number; quarantined: number; version: number | undefined },
): void {
  const committed = plan.actions.length > 0;
  const metrics: Partial<TableMetrics> = {
    filesAppended: plan.added.length,
    bytesAppended: plan.added.reduce((sum, { add }) => sum + add.size, 0),
    filesRemoved: plan.removed.length,
    commits: committed ? 1 : 0,
    conflicts,
    quarantined,
    skipped: plan.skipped.length,
    ...(committed && { freshnessLag: Math.max(now() - oldest, 0) }),
  };
  for (const { object, overwrites } of plan.added) {
    if (overwrites) telemetry.log('info', 'overwritten object added again', { table: table.url, version, ...object });
  }
  for (const { path, reason, version: handledIn } of plan.skipped) {
    telemetry.log('info', 'object skipped', {
      table: table.url,
      path,
      reason,
      ...(handledIn !== undefined && { handledIn }),
    });
  }
  if (plan.schemaChanges.length > 0) {
    telemetry.log('info', 'table schema evolved', { table: table.url, version, changes: plan.schemaChanges });
  }
  telemetry.log('info', committed ? 'committed' : 'nothing to commit', { table: table.url, version, ...metrics });
  telemetry.metrics(table.url, metrics);
}
