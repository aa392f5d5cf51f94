import type { CheckpointReader } from '../delta/checkpoint.ts';
import { readCommit } from '../delta/commit-file.ts';
import { isDeltaError } from '../delta/errors.ts';
import { listBetween } from '../delta/look-back.ts';
import { isOutdated, loadSnapshot, refreshSnapshot, type Snapshot } from '../delta/snapshot.ts';
import type { TableRef } from '../delta/table.ts';
import { CommitWindow, digestCommit } from './commit-window.ts';
import { mapConcurrently } from './concurrently.ts';

/**
 * What is kept of a table between invocations. It may be wrong (another writer went on, the table was replaced): every
 * invocation refreshes it with two HEADs or one LIST, and the put-if-absent of the next commit decides.
 */
export interface TableState {
  /** Undefined when the table does not exist yet. */
  readonly snapshot: Snapshot | undefined;
  readonly window: CommitWindow;
}

/** Commits read at the same time. */
const READ_CONCURRENCY = 16;
/** Commits looked back over by the first LIST; further ones look back over as many as a page holds. */
const FIRST_LOOK_BACK = 32;
const LOOK_BACK = 1_000;
/** File actions of one table that are kept between invocations, of about 200 bytes each. */
const MAX_WINDOW_FILES = 50_000;

/**
 * Brings the state up to date, at `now` (ms since the epoch); loads the table where there is none, or where the log is no
 * longer the one that is known.
 */
export async function currentState(
  table: TableRef,
  reader: CheckpointReader,
  state: TableState | undefined,
  now: number,
): Promise<TableState> {
  if (state?.snapshot === undefined) return loadState(table, reader);
  const { window } = state;
  try {
    const snapshot = await refreshSnapshot(state.snapshot, { onCommit: (commit) => window.append(commit), now });
    return { snapshot, window };
  } catch (error) {
    if (!isOutdated(error)) throw error;
    return loadState(table, reader);
  }
}

async function loadState(table: TableRef, reader: CheckpointReader): Promise<TableState> {
  const window = new CommitWindow(table);
  let snapshot: Snapshot;
  try {
    snapshot = await loadSnapshot(table, reader, {
      onCommit: (commit) => {
        window.append(commit);
        window.trim(MAX_WINDOW_FILES);
      },
    });
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return { snapshot: undefined, window: new CommitWindow(table) };
    throw error;
  }
  return { snapshot, window };
}

/**
 * Makes the window reach back to `time` (ms) by reading older commits, as many as were made since then. False when the
 * log was cleaned up in between: then the window has all that is left, and cannot tell.
 */
export async function reachBack({ snapshot, window }: TableState, time: number): Promise<boolean> {
  if (snapshot === undefined) return true;
  const { table, version, segment } = snapshot;
  // A snapshot that comes from a checkpoint alone has shown the window no commit.
  if (!window.hasSeen(version)) window.startAfter(version, segment.head?.modified ?? Number.POSITIVE_INFINITY);
  for (let depth = FIRST_LOOK_BACK; !window.reachesBackTo(time); depth = LOOK_BACK) {
    const before = window.firstVersion;
    const from = Math.max(before - depth, 0);
    const files = await listBetween(table, from, before);
    const oldest = files[0];
    if (oldest === undefined || files.length < before - oldest.version) return false;
    const anchor = files.findLast((file) => file.modified < time);
    const needed = files.filter((file) => anchor === undefined || file.version > anchor.version);
    const digests = await mapConcurrently(needed, READ_CONCURRENCY, async (file) =>
      digestCommit(table, await readCommit(table, file)),
    );
    const since = anchor?.modified ?? (oldest.version === 0 ? Number.NEGATIVE_INFINITY : oldest.modified);
    window.prepend(digests, since);
    if (anchor === undefined && oldest.version > from) return window.reachesBackTo(time);
  }
  return true;
}

/** Bounds what the state holds, before it is kept for the next invocation. */
export function trimState({ window }: TableState): void {
  window.trim(MAX_WINDOW_FILES);
}
