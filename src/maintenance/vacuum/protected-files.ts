import type { LogAction } from '../../delta/action-parser.ts';
import type { AddFile, CommitInfo, RemoveFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { readFiles } from '../../delta/checkpoint-content.ts';
import { getInOrder, parseCommit } from '../../delta/commit-file.ts';
import { DeltaError } from '../../delta/errors.ts';
import { canonicalPath, type FileId, fileId, isCompactedFile } from '../../delta/path.ts';
import { isOutdated, loadSnapshot, refreshSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { isStoreError } from '../../storage/object-store.ts';
import { pathsOf } from './file-paths.ts';
import { olderCommits } from './older-commits.ts';
import { PathSet } from './path-set.ts';

export interface ProtectOptions {
  /**
   * Files that were removed at this time or later are in use, ms since the epoch: versions that are younger may be read.
   * @default none are: Infinity
   */
  readonly removedBefore?: number;
}

/**
 * The files that a table needs: its active files, those that were removed only lately, and the deletion vectors of both.
 * They are held as hashes (`PathSet`), so that a file may be taken for one of them that is none, never the other way.
 */
export interface ProtectedFiles {
  /** The table as it was loaded or refreshed last. */
  readonly snapshot: Snapshot;
  /** Paths that are held. */
  readonly count: number;
  /** Whether the append function put files into this table that others had written. */
  readonly hasLandedFiles: boolean;
  /** Whether active files come from a compaction. */
  readonly hasCompactedFiles: boolean;
  /** Whether a file must stay; `path` is the decoded key below the root. */
  has(path: string): boolean;
  /** Takes in the commits since; every file that they name is protected. Throws `CONFLICT` when the table is another one now. */
  refresh(): Promise<void>;
}

/**
 * Reads which files a table needs: the commits since the checkpoint, the checkpoint's file actions once, and, with a
 * `removedBefore`, all commits that were made since then. These are read because tombstones are not enough: a writer may
 * have dropped them from the checkpoint earlier, and their time is that of the writer, not of the commit.
 *
 * Memory: the hashes, and the identities of the files that were removed since the checkpoint. Throws what loading the
 * table throws.
 */
export async function protectFiles(
  table: TableRef,
  reader: CheckpointReader,
  options: ProtectOptions = {},
): Promise<ProtectedFiles> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readProtected(table, reader, options);
    } catch (error) {
      // Another writer wrote the same checkpoint once more while it was read.
      if (!isStoreError(error, 'PRECONDITION_FAILED') || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

const MAX_ATTEMPTS = 3;

async function readProtected(
  table: TableRef,
  reader: CheckpointReader,
  { removedBefore = Number.POSITIVE_INFINITY }: ProtectOptions,
): Promise<ProtectedFiles> {
  let snapshot = await loadSnapshot(table, reader);
  const files = new FileCollector(table);
  const removed = new Set<FileId>();
  await readNewCommits(snapshot, files, removed, removedBefore);
  await readOlderCommits(snapshot, files, removedBefore);
  await readCheckpoint(snapshot, reader, files, removed, removedBefore);
  return {
    get snapshot() {
      return snapshot;
    },
    get count() {
      return files.paths.size;
    },
    get hasLandedFiles() {
      return files.hasLandedFiles;
    },
    get hasCompactedFiles() {
      return files.hasCompactedFiles;
    },
    has: (path) => files.paths.has(path),
    async refresh() {
      const newer = await refresh(snapshot, (actions) => protectAll(files, actions));
      if (newer.metadata.id !== snapshot.metadata.id) throw changed(snapshot);
      snapshot = newer;
    },
  };
}

/** What is collected of the actions that protect their files. */
class FileCollector {
  readonly table: TableRef;
  readonly paths = new PathSet();
  hasLandedFiles = false;
  hasCompactedFiles = false;

  constructor(table: TableRef) {
    this.table = table;
  }

  protect(file: AddFile | RemoveFile): void {
    for (const path of pathsOf(this.table, file)) this.paths.add(path);
    this.note(file);
  }

  note({ path, tags }: AddFile | RemoveFile): void {
    if (tags !== undefined && LANDED_TAGS.some((tag) => tag in tags)) this.hasLandedFiles = true;
    if (isCompactedFile(path)) this.hasCompactedFiles = true;
  }

  /** Not all writers of checkpoints keep the tags. */
  noteCommit({ engineInfo, operation }: CommitInfo): void {
    if (engineInfo?.startsWith('resaca/') && operation === 'WRITE') this.hasLandedFiles = true;
  }

  identify({ path, deletionVector }: AddFile | RemoveFile): FileId {
    return fileId(canonicalPath(this.table, path), deletionVector);
  }
}

/** Of the adds of the append function, see src/ingest/object-version.ts. */
const LANDED_TAGS = ['resaca.etag', 'resaca.sequencer'];

/** The commits since the checkpoint, the newest first: what it says of a file holds against all older ones. */
async function readNewCommits(
  { table, segment }: Snapshot,
  files: FileCollector,
  removed: Set<FileId>,
  removedBefore: number,
): Promise<void> {
  // Not the compacted ones: they have lost the times of the commits.
  for await (const { file, object } of getInOrder(table, segment.commits.toReversed())) {
    const actions = parseCommit(object.body, { table, version: file.version });
    // Adds before removes: a file that one commit both adds and removes is kept.
    for (const action of actions) {
      if ('add' in action && !removed.has(files.identify(action.add))) files.protect(action.add);
    }
    for (const action of actions) {
      if ('commitInfo' in action) files.noteCommit(action.commitInfo);
      if (!('remove' in action)) continue;
      files.note(action.remove);
      if (timeOf(action.remove, file.modified) >= removedBefore) files.protect(action.remove);
      else removed.add(files.identify(action.remove));
    }
  }
}

/** The commits that the checkpoint holds, as far back as removed files are in use. */
async function readOlderCommits({ table, segment }: Snapshot, files: FileCollector, since: number): Promise<void> {
  if (segment.checkpoint === undefined || since === Number.POSITIVE_INFINITY) return;
  const commits = olderCommits(table, segment.checkpoint.version, (window) =>
    window.filter(({ modified }) => modified >= since),
  );
  for await (const { actions } of commits) {
    for (const action of actions) {
      if ('remove' in action) files.protect(action.remove);
      else if ('add' in action) files.note(action.add);
      else if ('commitInfo' in action) files.noteCommit(action.commitInfo);
    }
  }
}

async function readCheckpoint(
  { table, protocol, segment: { checkpoint } }: Snapshot,
  reader: CheckpointReader,
  files: FileCollector,
  removed: ReadonlySet<FileId>,
  removedBefore: number,
): Promise<void> {
  if (checkpoint === undefined) return;
  for await (const batch of readFiles({ table, protocol, checkpoint }, reader, { removes: true })) {
    for (const action of batch) {
      if ('remove' in action) {
        if (timeOf(action.remove) >= removedBefore) files.protect(action.remove);
      } else if (removed.size === 0 || !removed.has(files.identify(action.add))) {
        files.protect(action.add);
      }
    }
  }
}

/** When a file was removed, ms: by the action (without a time: long ago, as Spark takes it), but not before the commit was written. */
function timeOf({ deletionTimestamp = 0 }: RemoveFile, committed = 0): number {
  return Math.max(deletionTimestamp, committed);
}

async function refresh(snapshot: Snapshot, onActions: (actions: Iterable<LogAction>) => void): Promise<Snapshot> {
  try {
    return await refreshSnapshot(snapshot, { onCommit: ({ actions }) => onActions(actions) });
  } catch (error) {
    throw isOutdated(error) ? changed(snapshot, error) : error;
  }
}

function protectAll(files: FileCollector, actions: Iterable<LogAction>): void {
  for (const action of actions) {
    if ('add' in action) files.protect(action.add);
    else if ('remove' in action) files.protect(action.remove);
  }
}

function changed({ table, version }: Snapshot, cause?: unknown): DeltaError {
  const message = `${table.url} was replaced, or its log cleaned up beyond version ${version}, while its files were looked at`;
  return new DeltaError('CONFLICT', message, { table: table.url, version }, { cause });
}
