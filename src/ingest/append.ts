import type { AddFile } from '../delta/actions.ts';
import type { FileAction } from '../delta/checkpoint.ts';
import type { OnDefinition } from '../delta/definition-requests.ts';
import { findNewest } from '../delta/replay.ts';
import { findActive, type Snapshot } from '../delta/snapshot.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { commit, type Decision } from '../delta/transaction.ts';
import { isStoreError } from '../storage/object-store.ts';
import { AdoptionPausedError, adoptFiles, isPending } from './adopt.ts';
import { type Candidate, createRecheck, keyFlaw, type LandedObject, readCandidates } from './candidate.ts';
import { mapConcurrently } from './concurrently.ts';
import type { TableRule, TableSettings } from './config.ts';
import type { TableEngine } from './engine.ts';
import type { FooterMemory, FooterShare } from './footer-memory.ts';
import { isCoveredByAdd, isOlder, versionOf } from './object-version.ts';
import { type DeletedObject, type Plan, planTable, toDecision } from './plan.ts';
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
  /** Told when a commit makes the table or changes its metadata. @default nobody */
  readonly onDefinition?: OnDefinition | undefined;
  /** The path below the root of any key of the bucket; undefined for keys that are no files of this table. */
  readonly relativePath: (key: string) => string | undefined;
}

export interface AppendOutcome {
  /** Undefined when it is not worth keeping. */
  readonly state: TableState | undefined;
  /** Paths of the objects that the store would not show; all others are done. */
  readonly failed: readonly string[];
  /** The time was up before all files were adopted that were there before the table; the next call goes on. */
  readonly paused?: AdoptionPausedError;
}

/**
 * Brings one table up to date with a batch of events: everything is read and prepared once, each attempt to commit
 * decides afresh on the newest head, and the put-if-absent inside `commit` is the point after which the files are in.
 * When this returns, every object is in the table, was there before, is gone, is in quarantine, or is named as failed.
 * It is one commit, or several where the footers are too large to be held together.
 * Throws what kept it from that; then nothing is lost, because the same events may be given again.
 */
export async function appendBatch(
  engine: TableEngine,
  batch: TableBatch,
  cached: TableState | undefined,
  deadline: number,
  memory: FooterMemory,
): Promise<AppendOutcome> {
  const { table } = batch;
  const failed: string[] = [];
  let round = batch;
  let state = cached;
  for (let isDone = false; !isDone; ) {
    const footers = memory.open();
    try {
      const outcome = await appendRound(engine, round, state, { deadline, footers });
      failed.push(...outcome.failed);
      state = outcome.state;
      round = { ...batch, landed: outcome.postponed, deleted: [] };
      isDone = outcome.postponed.length === 0;
    } finally {
      footers.release();
    }
  }
  if (state !== undefined && isPending(state.snapshot)) {
    try {
      await adoptFiles(engine, batch, state.snapshot, deadline, memory);
    } catch (error) {
      if (error instanceof AdoptionPausedError) return { state: undefined, failed, paused: error };
      throw error;
    }
    state = await currentState(table, engine.reader, state, engine.now());
  }
  if (state !== undefined) trimState(state);
  return { state, failed };
}

interface RoundOutcome {
  readonly state: TableState;
  readonly failed: readonly string[];
  /** Those that there was no memory for. */
  readonly postponed: readonly LandedObject[];
}

/** One commit. */
async function appendRound(
  engine: TableEngine,
  batch: TableBatch,
  cached: TableState | undefined,
  { deadline, footers }: { readonly deadline: number; readonly footers: FooterShare },
): Promise<RoundOutcome> {
  const { table } = batch;
  // To load a table that is not known yet takes its time, after which the objects would have to be looked at again.
  const loaded = cached === undefined ? await currentState(table, engine.reader, undefined, engine.now()) : undefined;
  const looked = engine.now();
  const [{ candidates, postponed }, deleted, state] = await Promise.all([
    readCandidates(table, batch.landed, engine.config, footers),
    stillDeleted(engine, batch, batch.deleted),
    loaded ?? currentState(table, engine.reader, cached, looked),
  ]);
  const result = await commitBatch(engine, batch, { candidates, deleted: deleted.gone, state, deadline });
  const { plan, snapshot, conflicts } = result;
  const quarantined = await quarantineRejected(engine, table, plan.rejected);
  report(engine, batch, plan, { conflicts, quarantined, version: snapshot?.version });

  const failed = [...deleted.failed, ...result.failed];
  let next: TableState = { snapshot, window: state.window };
  if (engine.now() - looked > TIME_TO_SETTLE) {
    const settled = await removeVanished(engine, batch, plan, next, deadline);
    next = settled.state;
    failed.push(...settled.failed);
  }
  for (const { path, error } of failed) {
    engine.telemetry.log('error', 'object cannot be looked at, its messages will come again', {
      table: table.url,
      path,
      error,
    });
  }
  return { state: next, failed: failed.map(({ path }) => path), postponed };
}

/**
 * A commit that follows the looks at its objects within this time (ms) needs no second look: a deletion in between
 * would have to be notified and handled by another invocation before the file was in the table.
 */
const TIME_TO_SETTLE = 1_000;

interface Prepared {
  readonly candidates: readonly Candidate[];
  readonly deleted: readonly DeletedObject[];
  readonly state: TableState;
  readonly deadline: number;
}

interface BatchResult {
  readonly plan: Plan;
  readonly snapshot: Snapshot | undefined;
  readonly conflicts: number;
  /** Objects that could not be looked at, at first or again after a lost race: the plan says nothing of them. */
  readonly failed: readonly FailedLook[];
}

interface FailedLook {
  readonly path: string;
  readonly error: unknown;
}

async function commitBatch(
  engine: TableEngine,
  batch: TableBatch,
  { candidates, deleted, state, deadline }: Prepared,
): Promise<BatchResult> {
  const { table, settings, rule } = batch;
  const { window } = state;
  const { footerConcurrency, maxFooterBytes, clockMargin } = engine.config;
  const newTableId = crypto.randomUUID();
  const recheck = createRecheck(table, window, maxFooterBytes, footerConcurrency);
  let landedNow = candidates;
  let deletedNow = deleted;
  let plan: Plan | undefined;
  const failedDeletes: FailedLook[] = [];

  const decide = async (head: Snapshot | undefined): Promise<Decision> => {
    if (head !== state.snapshot) {
      const again = await stillDeleted(engine, batch, deletedNow);
      deletedNow = again.gone;
      failedDeletes.push(...again.failed);
    }
    landedNow = await recheck(landedNow);
    const isComplete = await reachBack({ snapshot: head, window }, batch.oldest - clockMargin);
    const known = isComplete ? undefined : await newestActions(engine, head, landedNow);
    const planWith = (active: ReadonlyMap<string, AddFile>) =>
      planTable({
        head,
        settings,
        ...(rule !== undefined && { rule }),
        candidates: landedNow,
        deleted: deletedNow,
        active,
        handledIn: (object) => window.find(object.path, object) ?? coveredBy(known?.get(object.path), object, head),
        wasAdded: (path) => window.hasAdd(path) || known?.has(path) === true,
        now: engine.now(),
        newTableId,
      });
    plan = planWith(new Map());
    const inQuestion = new Set(plan.rejected.map(({ object }) => object.path));
    if (settings.deletes === 'apply') for (const { path } of deletedNow) inQuestion.add(path);
    if (head !== undefined && inQuestion.size > 0) plan = planWith(await findActive(head, engine.reader, inQuestion));
    return plan.actions.length === 0 ? { kind: 'skip' } : toDecision(plan);
  };
  const result = await commit(state.snapshot, table, engine.reader, decide, {
    deadline,
    now: () => engine.now(),
    sleep: (ms) => engine.sleep(ms),
    random: () => engine.random(),
    onCommit: (winner) => window.append(winner),
    onDefinition: batch.onDefinition,
  });
  if (plan === undefined) throw new Error('commit() returned without asking for a decision');
  if (result.kind === 'committed') window.append(result.commit);
  const failed = [...failedDeletes, ...failuresOf(landedNow)];
  return { plan, snapshot: result.snapshot, conflicts: result.conflicts, failed };
}

/** Where the commits do not reach back far enough: what the whole log has of these files, tombstones included. */
async function newestActions(engine: TableEngine, head: Snapshot | undefined, candidates: readonly Candidate[]) {
  if (head === undefined) return undefined;
  return findNewest(head, engine.reader, new Set(candidates.map(({ object }) => object.path)));
}

/** The head's version if the newest action on the path says that this version of the object, or a newer one, was handled. */
function coveredBy(
  action: FileAction | undefined,
  object: LandedObject,
  head: Snapshot | undefined,
): number | undefined {
  if (action === undefined) return undefined;
  if ('add' in action) return isCoveredByAdd(object, versionOf(action.add)) ? head?.version : undefined;
  const { remove } = action;
  const isNews = isOlder(versionOf(remove), object) || (remove.deletionTimestamp ?? 0) < object.time;
  return isNews ? undefined : head?.version;
}

interface Deletions {
  readonly gone: readonly DeletedObject[];
  readonly failed: readonly FailedLook[];
}

/** The deleted objects that are not there again: S3 answers with what is true now, whatever order the events came in. */
async function stillDeleted(
  engine: TableEngine,
  { table, settings }: TableBatch,
  deleted: readonly DeletedObject[],
): Promise<Deletions> {
  if (settings.deletes === 'ignore') return { gone: deleted, failed: [] };
  const gone: DeletedObject[] = [];
  const failed: FailedLook[] = [];
  // A key that no file can have was never added.
  const possible = deleted.filter(({ path }) => keyFlaw(path) === undefined);
  await mapConcurrently(possible, engine.config.footerConcurrency, async (object) => {
    try {
      if ((await table.store.head(tableKey(table, object.path))) === undefined) gone.push(object);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      failed.push({ path: object.path, error });
    }
  });
  return { gone, failed };
}

function failuresOf(candidates: readonly Candidate[]): FailedLook[] {
  return candidates.flatMap((candidate) =>
    candidate.kind === 'failed' ? [{ path: candidate.object.path, error: candidate.error }] : [],
  );
}

/**
 * Looks once more at the objects of a commit that took its time. One that was deleted meanwhile may have had its event
 * handled before the file was in the table, when there was nothing to remove yet.
 */
async function removeVanished(
  engine: TableEngine,
  batch: TableBatch,
  { added }: Plan,
  state: TableState,
  deadline: number,
): Promise<{ readonly state: TableState; readonly failed: readonly FailedLook[] }> {
  if (batch.settings.deletes === 'ignore') return { state, failed: [] };
  const objects = added.map(({ object }) => object);
  const { gone, failed } = await stillDeleted(engine, batch, objects);
  if (gone.length === 0) return { state, failed };
  const result = await commitBatch(engine, batch, { candidates: [], deleted: gone, state, deadline });
  const { plan, snapshot, conflicts } = result;
  report(engine, batch, plan, { conflicts, quarantined: 0, version: snapshot?.version });
  return { state: { snapshot, window: state.window }, failed: [...failed, ...result.failed] };
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
