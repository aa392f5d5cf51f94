import type { LogAction } from './action-parser.ts';
import type { Action, AddFile, DomainMetadata, Metadata, Protocol, Txn } from './actions.ts';
import type { CheckpointReader, ControlActions, FileAction, ReadFilesOptions } from './checkpoint.ts';
import { findFiles, readControl, readFiles } from './checkpoint-content.ts';
import { type Commit, getInOrder, type LogFile, parseActions, parseCommit, toCommit } from './commit-file.ts';
import type { LogSegment } from './log-segment.ts';
import { canonicalPath, type FileId, fileId } from './path.ts';
import type { TableRef } from './table.ts';

/** What the log says of a table but for its files (PROTOCOL.md "Action Reconciliation"): the newest of each holds. */
export interface ControlState {
  readonly protocol: Protocol | undefined;
  readonly metadata: Metadata | undefined;
  /** By `appId`. */
  readonly txns: ReadonlyMap<string, Txn>;
  /** By name; removed ones are left out. */
  readonly domains: ReadonlyMap<string, DomainMetadata>;
  /** Of the newest commit, ms since the epoch; undefined if it has none, or is only known from a checkpoint or compacted. */
  readonly inCommitTimestamp: number | undefined;
}

/** Rebuilds the state of a segment's version; `onCommit` gets each of its commits in order, which are then dropped. */
export async function replayControl(
  table: TableRef,
  segment: LogSegment,
  reader: CheckpointReader,
  onCommit?: (commit: Commit) => void,
): Promise<ControlState> {
  // Compacted commits have lost the borders between the commits, and their commitInfo.
  const files = replayFiles(segment, { compacted: onCommit === undefined });
  const objects = getInOrder(table, files);
  let state = NOTHING;
  if (segment.checkpoint !== undefined) {
    state = fromCheckpoint(await readControl(table, segment.checkpoint, reader));
  }
  for await (const { file, object } of objects) {
    if (onCommit === undefined) {
      state = applyActions(state, parseActions(object.body, contextOf(table, file), { controlOnly: true }));
    } else {
      const commit = toCommit(table, file.version, object);
      state = applyActions(state, commit.actions);
      onCommit(commit);
    }
  }
  return state;
}

/** What is known of a table whose files are to be read; a `Snapshot` is one. */
export interface FilesSource {
  readonly table: TableRef;
  readonly protocol: Protocol;
  readonly segment: LogSegment;
}

export interface ActiveFilesOptions {
  /** Also the statistics of files that come from a checkpoint (those from commits always have them). @default false */
  readonly stats?: boolean;
}

/**
 * Streams the active files: those of the newest commits first, those of the checkpoint last. What is held at once is
 * the identities of the files that the commits since the checkpoint name, and one commit.
 */
export async function* activeFiles(
  source: FilesSource,
  reader: CheckpointReader,
  { stats = false }: ActiveFilesOptions = {},
): AsyncGenerator<readonly AddFile[], void, undefined> {
  const { table, protocol, segment } = source;
  const seen = new Set<FileId>();
  for await (const actions of newestFirst(table, segment)) {
    const adds: AddFile[] = [];
    for (const action of fileActionsBackwards(actions)) {
      const { id } = identify(table, action);
      if (!seen.has(id) && 'add' in action) adds.push(action.add);
      seen.add(id);
    }
    if (adds.length > 0) yield adds.reverse();
  }
  if (segment.checkpoint === undefined) return;
  for await (const batch of readFiles({ table, protocol, checkpoint: segment.checkpoint }, reader, { stats })) {
    const adds: AddFile[] = [];
    for (const action of batch) {
      if ('add' in action && !seen.has(identify(table, action).id)) adds.push(action.add);
    }
    if (adds.length > 0) yield adds;
  }
}

/**
 * Looks up which of these files (canonical paths, see `canonicalPath`) are active, with their adds. Reads the commits
 * since the checkpoint, and the checkpoint's path column unless the commits told of all.
 */
export async function findActive(
  source: FilesSource,
  reader: CheckpointReader,
  paths: ReadonlySet<string>,
): Promise<ReadonlyMap<string, AddFile>> {
  const found = new Map<string, AddFile>();
  const seen = new Set<FileId>();
  for await (const action of mentions(source, reader, paths, { stats: true })) {
    const { path, id } = identify(source.table, action);
    if (!seen.has(id) && 'add' in action) found.set(path, action.add);
    seen.add(id);
    if (found.size === paths.size) break;
  }
  return found;
}

/**
 * The newest thing that the log tells of each of these files (canonical paths): its add, or its remove while the log or
 * the tombstones of the checkpoint still hold it. Costs what `findActive` does.
 */
export async function findNewest(
  source: FilesSource,
  reader: CheckpointReader,
  paths: ReadonlySet<string>,
): Promise<ReadonlyMap<string, FileAction>> {
  const found = new Map<string, FileAction>();
  for await (const action of mentions(source, reader, paths, { removes: true })) {
    const { path } = identify(source.table, action);
    if (!found.has(path)) found.set(path, action);
    if (found.size === paths.size) break;
  }
  return found;
}

/**
 * Which of these files (canonical paths) the log tells of at all: active ones, and removed ones while the log or the
 * tombstones of the checkpoint still hold them. Costs what `findActive` does.
 */
export async function findMentioned(
  source: FilesSource,
  reader: CheckpointReader,
  paths: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  return new Set((await findNewest(source, reader, paths)).keys());
}

/** The file actions on these paths, the newest first; the checkpoint is not read before the commits are used up. */
async function* mentions(
  { table, protocol, segment }: FilesSource,
  reader: CheckpointReader,
  paths: ReadonlySet<string>,
  options: ReadFilesOptions,
): AsyncGenerator<FileAction, void, undefined> {
  if (paths.size === 0) return;
  for await (const actions of newestFirst(table, segment)) {
    for (const action of fileActionsBackwards(actions)) {
      if (paths.has(identify(table, action).path)) yield action;
    }
  }
  if (segment.checkpoint === undefined) return;
  // Compared by meaning: writers spell one path in several ways.
  const logged = { has: (path: string) => paths.has(canonicalPath(table, path)) };
  yield* await findFiles({ table, protocol, checkpoint: segment.checkpoint }, reader, logged, options);
}

function identify(table: TableRef, action: FileAction): { readonly path: string; readonly id: FileId } {
  const { path: logged, deletionVector } = 'add' in action ? action.add : action.remove;
  const path = canonicalPath(table, logged);
  return { path, id: fileId(path, deletionVector) };
}

/** The actions of the commits since the checkpoint, the newest commit first, compacted where that saves requests. */
async function* newestFirst(table: TableRef, segment: LogSegment): AsyncGenerator<readonly Action[]> {
  const files = replayFiles(segment, { compacted: true }).reverse();
  for await (const { file, object } of getInOrder(table, files)) {
    yield parseCommit(object.body, contextOf(table, file));
  }
}

/** From the last line to the first: of two actions on one file the later line holds, as in Spark. */
function* fileActionsBackwards(actions: readonly Action[]): Generator<FileAction, void, undefined> {
  for (let index = actions.length - 1; index >= 0; index--) {
    const action = actions[index];
    if (action !== undefined && ('add' in action || 'remove' in action)) yield action;
  }
}

interface ReplayFile extends LogFile {
  readonly compacted: boolean;
}

/** The files to read for the commits of a segment, ascending; the widest compacted file that starts at a version replaces its commits. */
function replayFiles(segment: LogSegment, { compacted }: { readonly compacted: boolean }): ReplayFile[] {
  const widest = new Map<number, LogSegment['compacted'][number]>();
  for (const file of compacted ? segment.compacted : []) {
    if (file.end > (widest.get(file.start)?.end ?? -1)) widest.set(file.start, file);
  }
  const files: ReplayFile[] = [];
  let covered = -1;
  for (const commit of segment.commits) {
    if (commit.version <= covered) continue;
    const replacement = widest.get(commit.version);
    if (replacement === undefined) {
      files.push({ ...commit, compacted: false });
    } else {
      files.push({ key: replacement.key, size: replacement.size, version: replacement.end, compacted: true });
      covered = replacement.end;
    }
  }
  return files;
}

function contextOf(table: TableRef, { version, key, compacted }: ReplayFile) {
  return compacted ? { table, version, key } : { table, version };
}

const NOTHING: ControlState = {
  protocol: undefined,
  metadata: undefined,
  txns: new Map(),
  domains: new Map(),
  inCommitTimestamp: undefined,
};

function fromCheckpoint({ protocol, metadata, txns, domains }: ControlActions): ControlState {
  return {
    protocol,
    metadata,
    txns: withTxns(NOTHING.txns, txns),
    domains: withDomains(NOTHING.domains, domains),
    inCommitTimestamp: undefined,
  };
}

/** The state after one more commit, or several that were compacted. */
export function applyActions(state: ControlState, actions: Iterable<LogAction>): ControlState {
  let { protocol, metadata } = state;
  let inCommitTimestamp: number | undefined;
  const txns: Txn[] = [];
  const domains: DomainMetadata[] = [];
  for (const action of actions) {
    if ('protocol' in action) protocol = action.protocol;
    else if ('metaData' in action) metadata = action.metaData;
    else if ('txn' in action) txns.push(action.txn);
    else if ('domainMetadata' in action) domains.push(action.domainMetadata);
    else if ('commitInfo' in action) ({ inCommitTimestamp } = action.commitInfo);
  }
  return {
    protocol,
    metadata,
    txns: withTxns(state.txns, txns),
    domains: withDomains(state.domains, domains),
    inCommitTimestamp,
  };
}

function withTxns(known: ControlState['txns'], news: readonly Txn[]): ControlState['txns'] {
  if (news.length === 0) return known;
  const txns = new Map(known);
  for (const txn of news) txns.set(txn.appId, txn);
  return txns;
}

function withDomains(known: ControlState['domains'], news: readonly DomainMetadata[]): ControlState['domains'] {
  if (news.length === 0) return known;
  const domains = new Map(known);
  for (const domain of news) {
    if (domain.removed) domains.delete(domain.domain);
    else domains.set(domain.domain, domain);
  }
  return domains;
}
