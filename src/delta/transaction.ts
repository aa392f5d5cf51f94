import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import project from '../../package.json' with { type: 'json' };
import type { Action, CommitInfo, Metadata, Protocol } from './actions.ts';
import type { CheckpointReader } from './checkpoint.ts';
import { assertCommittable, backOff, type RetryOptions, tryCommit } from './commit.ts';
import { type Commit, serializeCommit } from './commit-file.ts';
import { assertBuiltOn, assertNoConflict, assertSameTable, noWinners, recordWinner, type Winners } from './conflict.ts';
import type { OnDefinition } from './definition-requests.ts';
import { DeltaError } from './errors.ts';
import { assertWritable, hasInCommitTimestamps, isAppendOnly, upgradeProtocol } from './features.ts';
import { parseSchema } from './schema.ts';
import { applyCommit, loadSnapshot, refreshSnapshot, type Snapshot } from './snapshot.ts';
import type { TableRef } from './table.ts';

export type Decision =
  | {
      readonly kind: 'commit';
      /** Without `commitInfo`. */
      readonly actions: readonly Action[];
      /** As `DESCRIBE HISTORY` shows it: `WRITE`, `CREATE TABLE`, … */
      readonly operation: string;
      readonly operationParameters: Readonly<Record<string, unknown>>;
      readonly operationMetrics?: Readonly<Record<string, number | bigint | string>>;
      /** What else the commit says of itself, in the `tags` of its `commitInfo`, which no checkpoint keeps. */
      readonly tags?: Readonly<Record<string, string>>;
      /** Whether the commit only adds data, and read none of the table to decide what. */
      readonly isBlindAppend: boolean;
    }
  | { readonly kind: 'skip' };

/** Decides what to commit to a table as it is; undefined when there is no table yet. Called again after a lost race. */
export type Decide = (head: Snapshot | undefined) => Decision | Promise<Decision>;

export type CommitResult =
  | {
      readonly kind: 'committed';
      readonly version: number;
      /** The table with our commit. */
      readonly snapshot: Snapshot;
      /** Our commit; `modified` is our clock's time, not the store's. */
      readonly commit: Commit;
      /** Lost races. */
      readonly conflicts: number;
    }
  | { readonly kind: 'skipped'; readonly snapshot: Snapshot | undefined; readonly conflicts: number };

export interface CommitOptions extends RetryOptions {
  /** Called with the commits that other writers won with, in order, before `decide` is called again. */
  readonly onCommit?: (commit: Commit) => void;
  /** Called, and waited for, when the commit made the table or changed its metadata. @default nobody */
  readonly onDefinition?: OnDefinition | undefined;
  /** `txnId` of the commit, never used before. @default a random UUID */
  readonly token?: string;
}

/**
 * Commits to a table what `decide` decides, as the next version after `head`, or as version 0 where there is no table.
 *
 * `head` must have been loaded or refreshed in this invocation. A lost race is not a failure: the winners are read, and
 * `decide` is called again with the new head, until the deadline. Throws
 * - `COMMIT_CONTENTION` when the deadline comes first, with the number of lost races; nothing was committed;
 * - `UNSUPPORTED_WRITER` when the table as it is, or as the decision would make it, is not one we may write;
 * - `CONFLICT` when a winner made the commit impossible (see `conflict.ts`); nothing was committed;
 * - `CORRUPT_LOG` when the decision has actions that may not stand in one commit; nothing was committed;
 * - the store's errors. After `UNAVAILABLE` from `putIfAbsent` the commit may be in the log or not.
 */
export async function commit(
  head: Snapshot | undefined,
  table: TableRef,
  reader: CheckpointReader,
  decide: Decide,
  options: CommitOptions,
): Promise<CommitResult> {
  const {
    deadline,
    now = Date.now,
    sleep = wait,
    random = Math.random,
    token = randomUUID(),
    onCommit,
    onDefinition,
  } = options;
  const winners = noWinners();
  let current = head;

  for (let conflicts = 0; ; conflicts++) {
    if (current !== undefined) assertWritable(current);
    const decision = await decide(current);
    if (decision.kind === 'skip') return { kind: 'skipped', snapshot: current, conflicts };
    if (now() >= deadline) throw contention(table, current, conflicts);

    const version = current === undefined ? 0 : current.version + 1;
    const state = stateAfter(table, current, decision.actions);
    const seenAt = now();
    const commitInfo = describeCommit(decision, { state, current, token, time: seenAt });
    const actions: readonly Action[] = [{ commitInfo }, ...decision.actions];
    check(winners, table, current, state, actions);

    // ---- the commit point ----
    const body = serializeCommit(actions);
    const outcome = await tryCommit(table, version, actions, options, body);
    if (outcome === 'committed') {
      const modified = now();
      const timestamp = commitInfo.inCommitTimestamp ?? modified;
      const ours: Commit = { version, timestamp, modified, actions, size: body.byteLength };
      const snapshot = applyOwn(table, current, state, ours, seenAt);
      if (state.metadata !== current?.metadata) await onDefinition?.(snapshot);
      return { kind: 'committed', version, snapshot, commit: ours, conflicts };
    }

    const delay = backOff(conflicts, random);
    if (now() + delay >= deadline) throw contention(table, current, conflicts + 1);
    await sleep(delay);
    current = await readWinners(current, table, reader, (winner) => {
      recordWinner(winners, table, winner);
      onCommit?.(winner);
    });
  }
}

/** What a table would be with the decision's changes to it. */
interface TableState {
  readonly table: TableRef;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: Snapshot['schema'];
}

function stateAfter(table: TableRef, head: Snapshot | undefined, actions: readonly Action[]): TableState {
  let protocol = head?.protocol;
  let metadata = head?.metadata;
  for (const action of actions) {
    if ('protocol' in action) protocol = action.protocol;
    else if ('metaData' in action) metadata = action.metaData;
  }
  if (protocol === undefined || metadata === undefined) {
    throw new DeltaError('CORRUPT_LOG', `The first commit to ${table.url} needs a protocol and a metaData`, {
      table: table.url,
      version: 0,
    });
  }
  const schema = head !== undefined && metadata === head.metadata ? head.schema : parseSchema(metadata.schemaString);
  return { table, protocol, metadata, schema };
}

/** All that can be known to be wrong before anything is written. */
function check(
  winners: Winners,
  table: TableRef,
  head: Snapshot | undefined,
  state: TableState,
  actions: readonly Action[],
): void {
  if (head !== undefined) assertBuiltOn(head, actions);
  assertWritable(state);
  if (state.metadata !== head?.metadata) assertHoldsColumns(state);
  assertCommittable(table, actions, state.metadata.partitionColumns);
  assertKeepsData(state, actions);
  assertNoConflict(winners, table, actions);
}

/** Types such as `timestamp_ntz` need a feature, which a decision that adds such a column must add, too. */
function assertHoldsColumns({ table, protocol, schema }: TableState): void {
  const needed = upgradeProtocol({ protocol, schema });
  if (needed === protocol) return;
  const features = needed.writerFeatures?.join(', ') ?? `of writer version ${needed.minWriterVersion}`;
  throw new DeltaError('CORRUPT_LOG', `The new columns of ${table.url} need a protocol with the features ${features}`, {
    table: table.url,
  });
}

/** PROTOCOL.md "Append-only Tables". */
function assertKeepsData({ table, protocol, metadata }: TableState, actions: readonly Action[]): void {
  if (!isAppendOnly(protocol, metadata)) return;
  for (const action of actions) {
    if (!('remove' in action) || !action.remove.dataChange) continue;
    const { path } = action.remove;
    throw new DeltaError('UNSUPPORTED_WRITER', `The table ${table.url} is append-only: "${path}" cannot be removed`, {
      table: table.url,
      path,
    });
  }
}

interface CommitContext {
  readonly state: TableState;
  readonly current: Snapshot | undefined;
  readonly token: string;
  /** ms since the epoch. */
  readonly time: number;
}

function describeCommit(
  decision: Extract<Decision, { kind: 'commit' }>,
  { state, current, token, time }: CommitContext,
): CommitInfo & { readonly timestamp: number } {
  const { operation, operationParameters, operationMetrics, tags, isBlindAppend } = decision;
  const inCommitTimestamp = timestampFor(state, current, time);
  return {
    ...(inCommitTimestamp !== undefined && { inCommitTimestamp }),
    timestamp: time,
    operation,
    operationParameters: asTexts(operationParameters),
    ...(operationMetrics !== undefined && { operationMetrics: asTexts(operationMetrics) }),
    isBlindAppend,
    engineInfo: `${project.name}/${project.version}`,
    txnId: token,
    ...(tags !== undefined && { tags }),
  };
}

/**
 * The in-commit timestamp of a commit, ms; undefined where the table has none. It never goes back, whatever the clock
 * does (PROTOCOL.md "Writer Requirements for In-Commit Timestamps").
 */
function timestampFor(
  { table, protocol, metadata }: TableState,
  head: Snapshot | undefined,
  time: number,
): number | undefined {
  if (!hasInCommitTimestamps(protocol, metadata)) return undefined;
  if (head === undefined) return time;
  if (hasInCommitTimestamps(head.protocol, head.metadata)) return Math.max(time, head.timestamp + 1);
  throw new DeltaError(
    'UNSUPPORTED_WRITER',
    `In-commit timestamps cannot be turned on for ${table.url}, which has commits without them`,
    { table: table.url },
  );
}

/** Spark reads the values as texts, and shows those that were not as JSON. */
function asTexts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(values).map(([name, value]) => [name, asText(value)] as const);
  return Object.fromEntries(texts);
}

function asText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'null');
}

async function readWinners(
  head: Snapshot | undefined,
  table: TableRef,
  reader: CheckpointReader,
  onCommit: (winner: Commit) => void,
): Promise<Snapshot> {
  if (head === undefined) return loadSnapshot(table, reader, { onCommit });
  const next = await refreshSnapshot(head, { onCommit });
  assertSameTable(head, next);
  return next;
}

/** Our own commit needs no reading. */
function applyOwn(
  table: TableRef,
  head: Snapshot | undefined,
  state: TableState,
  ours: Commit,
  seenAt: number,
): Snapshot {
  const base: Snapshot = head ?? {
    ...state,
    table,
    version: -1,
    timestamp: 0,
    txns: new Map(),
    domains: new Map(),
    segment: { version: -1, commits: [], compacted: [], soughtAt: -1 },
  };
  return applyCommit(base, ours, seenAt);
}

function contention(table: TableRef, head: Snapshot | undefined, conflicts: number): DeltaError {
  const races = conflicts === 1 ? 'one race was lost' : `${conflicts} races were lost`;
  return new DeltaError(
    'COMMIT_CONTENTION',
    `Nothing was committed to ${table.url}: the time for it is over, and ${races} to other writers`,
    { table: table.url, conflicts, ...(head !== undefined && { version: head.version }) },
  );
}
