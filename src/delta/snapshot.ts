import type { DomainMetadata, Metadata, Protocol, Txn } from './actions.ts';
import type { CheckpointReader } from './checkpoint.ts';
import { type Commit, getInOrder, readCommitInfo, toCommit } from './commit-file.ts';
import { DeltaError, isDeltaError } from './errors.ts';
import { assertReadable, hasInCommitTimestamps } from './features.ts';
import { versionAt } from './history.ts';
import { commitKey } from './log-path.ts';
import { logRetentionOf, SHORTEST_LOG_RETENTION } from './log-retention.ts';
import { appendToSegment, type CommitFile, type LogSegment, loadLogSegment, updateLogSegment } from './log-segment.ts';
import { applyActions, type ControlState, replayControl } from './replay.ts';
import { parseSchema, type StructType } from './schema.ts';
import type { TableRef } from './table.ts';

export { type ActiveFilesOptions, activeFiles, findActive } from './replay.ts';

/** A table at one version. It holds no file actions, so that it is small whatever the table's size. */
export interface Snapshot {
  readonly table: TableRef;
  readonly version: number;
  /** Time of the version's commit, ms since the epoch: in-commit timestamp where the table has them, else time of the write. */
  readonly timestamp: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: StructType;
  /** By `appId`. */
  readonly txns: ReadonlyMap<string, Txn>;
  /** By name. */
  readonly domains: ReadonlyMap<string, DomainMetadata>;
  readonly segment: LogSegment;
}

export interface LoadSnapshotOptions {
  /** @default the latest */
  readonly version?: number;
  /** The latest version that was committed at or before this time, ms since the epoch. Not together with `version`. */
  readonly timestamp?: number;
  /** Gets the commits since the checkpoint in order. Without it compacted commits save requests. */
  readonly onCommit?: (commit: Commit) => void;
}

export interface RefreshOptions {
  /** Gets the new commits in order. */
  readonly onCommit?: (commit: Commit) => void;
  /**
   * Our own clock, ms since the epoch, the one of the options of `commit`. With it a table without new commits costs two
   * HEADs in place of the LIST, and the answer is as true. @default always a LIST
   */
  readonly now?: number;
}

/**
 * Loads a table's state: one GET for the hint, one LIST, the reader's requests for the control columns of the
 * checkpoint, one GET for each commit since it. Nothing depends on the number of files in the table.
 *
 * Throws `TABLE_NOT_FOUND`, `VERSION_NOT_FOUND`, `LOG_GAP`, `CORRUPT_LOG`, `UNSUPPORTED_READER`, `INVALID_SCHEMA`.
 */
export async function loadSnapshot(
  table: TableRef,
  reader: CheckpointReader,
  { version, timestamp, onCommit }: LoadSnapshotOptions = {},
): Promise<Snapshot> {
  if (timestamp !== undefined) {
    const target = await versionAt(await loadSnapshot(table, reader), timestamp);
    return loadSnapshot(table, reader, { version: target, ...(onCommit === undefined ? {} : { onCommit }) });
  }
  const segment = await loadLogSegment(table, version === undefined ? {} : { version });
  return toSnapshot(table, segment, await replayControl(table, segment, reader, onCommit));
}

/**
 * Brings a snapshot to the latest version: one LIST, and one GET for each new commit (rarely one more: see
 * `updateLogSegment`). With `now` two HEADs take the LIST's place where nothing is new, and come before it elsewhere.
 * Without `now` the same object if there is nothing new, neither commits nor what is known of the log's files.
 * Throws `VERSION_NOT_FOUND` or `LOG_GAP` when the log no longer goes on from the snapshot (the commits in
 * between are cleaned up, or the table was made again): then it has to be loaded afresh.
 */
export async function refreshSnapshot(snapshot: Snapshot, { onCommit, now }: RefreshOptions = {}): Promise<Snapshot> {
  const { table } = snapshot;
  const clock = logRetentionOf(snapshot) < SHORTEST_LOG_RETENTION ? undefined : now;
  const { segment, newCommits } = await updateLogSegment(table, snapshot.segment, { now: clock });
  if (newCommits.length === 0) return segment === snapshot.segment ? snapshot : { ...snapshot, segment };
  let state = stateOf(snapshot);
  for await (const { file, object } of getInOrder(table, newCommits)) {
    const commit = toCommit(table, file.version, object);
    state = applyActions(state, commit.actions);
    onCommit?.(commit);
  }
  return toSnapshot(table, segment, state, snapshot);
}

/** Whether a refresh failed because the snapshot is none of the table any more, so that it has to be loaded afresh. */
export function isOutdated(error: unknown): boolean {
  const codes = ['VERSION_NOT_FOUND', 'LOG_GAP', 'TABLE_NOT_FOUND'] as const;
  return codes.some((code) => isDeltaError(error, code));
}

/**
 * The snapshot one version later by a commit of our own, without reading; nobody had the version at `seenAt`, ms by our
 * clock. Throws `LOG_GAP` when the commit is not the next one.
 */
export function applyCommit(snapshot: Snapshot, commit: Commit, seenAt: number): Snapshot {
  const { table } = snapshot;
  const { version, modified, size, etag } = commit;
  if (version !== snapshot.version + 1) {
    const message = `Version ${version} of ${table.url} does not follow on version ${snapshot.version}`;
    throw new DeltaError('LOG_GAP', message, { table: table.url, version });
  }
  const file: CommitFile = {
    version,
    key: commitKey(table, version),
    modified,
    ...(size === undefined ? {} : { size }),
    ...(etag === undefined ? {} : { etag }),
  };
  const segment = appendToSegment(snapshot.segment, file, seenAt);
  return buildSnapshot(table, segment, applyActions(stateOf(snapshot), commit.actions), commit.timestamp, snapshot);
}

function stateOf({ protocol, metadata, txns, domains }: Snapshot): ControlState {
  return { protocol, metadata, txns, domains, inCommitTimestamp: undefined };
}

async function toSnapshot(
  table: TableRef,
  segment: LogSegment,
  state: ControlState,
  before?: Snapshot,
): Promise<Snapshot> {
  const { head, checkpoint } = segment;
  const snapshot = buildSnapshot(table, segment, state, head?.modified ?? checkpoint?.modified ?? 0, before);
  if (!hasInCommitTimestamps(snapshot.protocol, snapshot.metadata)) return snapshot;
  return { ...snapshot, timestamp: state.inCommitTimestamp ?? (await readInCommitTimestamp(table, segment)) };
}

/** Neither checkpoints nor compacted commits keep it, so that it must be read from the commit. */
async function readInCommitTimestamp(table: TableRef, { version, head }: LogSegment): Promise<number> {
  const timestamp = head === undefined ? undefined : (await readCommitInfo(table, head))?.inCommitTimestamp;
  if (timestamp !== undefined) return timestamp;
  const message = `Version ${version} of ${table.url} has no inCommitTimestamp, though the table has them enabled`;
  throw new DeltaError('CORRUPT_LOG', message, { table: table.url, version });
}

function buildSnapshot(
  table: TableRef,
  segment: LogSegment,
  { protocol, metadata, txns, domains }: ControlState,
  timestamp: number,
  before: Snapshot | undefined,
): Snapshot {
  const { version } = segment;
  if (protocol === undefined) throw missing('protocol', table, version);
  if (protocol !== before?.protocol) assertReadable(protocol, table);
  if (metadata === undefined) throw missing('metaData', table, version);
  const schema = metadata === before?.metadata ? before.schema : parseSchema(metadata.schemaString);
  return { table, version, timestamp, protocol, metadata, schema, txns, domains, segment };
}

function missing(action: string, table: TableRef, version: number): DeltaError {
  const message = `The log of ${table.url} has no ${action} action up to version ${version}`;
  return new DeltaError('CORRUPT_LOG', message, { table: table.url, version });
}
