import { type Commit, getInOrder, toCommit } from './commit-file.ts';
import { logKey, parseLogPath, versionName } from './log-path.ts';
import type { CommitFile } from './log-segment.ts';
import type { TableRef } from './table.ts';

/** Commits looked back over by the first LIST; further ones look back over as many as a page holds. */
const FIRST_LOOK_BACK = 32;
const LOOK_BACK = 1_000;

export interface LookBack {
  /** The commits before this version are looked at. */
  readonly before: number;
  /** Those made at this time or later, ms since the epoch. */
  readonly since: number;
  /** Time after which all commits were made that are not looked at, ms: what the result is where there are none. */
  readonly seenSince: number;
}

/**
 * Reads older commits, as many as were made since a time; few are held at once. Returns the time after which all commits
 * were seen, ms since the epoch: before `since`, unless the log was cleaned up; -Infinity where the whole log was.
 */
export async function lookBack(
  table: TableRef,
  { before, since, seenSince }: LookBack,
  onCommit: (commit: Commit) => void,
): Promise<number> {
  let seen = seenSince;
  let depth = FIRST_LOOK_BACK;
  for (let end = before; seen >= since; depth = LOOK_BACK) {
    if (end === 0) return Number.NEGATIVE_INFINITY;
    const from = Math.max(end - depth, 0);
    const files = await listBetween(table, from, end);
    const oldest = files[0];
    if (oldest === undefined || files.length < end - oldest.version) return seen;
    const anchor = files.findLastIndex(({ modified }) => modified < since);
    for await (const { file, object } of getInOrder(table, files.slice(anchor + 1))) {
      onCommit(toCommit(table, file.version, object));
    }
    seen = files[anchor]?.modified ?? (oldest.version === 0 ? Number.NEGATIVE_INFINITY : oldest.modified);
    if (oldest.version > from) return seen;
    end = from;
  }
  return seen;
}

/** The commits from `from` to before `to`, ascending; fewer where the log was cleaned up. */
export async function listBetween(table: TableRef, from: number, to: number): Promise<CommitFile[]> {
  const files: CommitFile[] = [];
  const end = logKey(table, versionName(to));
  const objects = table.store.list(logKey(table, ''), { startAfter: logKey(table, versionName(from)) });
  for await (const { key, size, modified } of objects) {
    if (key >= end) break;
    const path = parseLogPath(key);
    if (path?.kind === 'commit') files.push({ version: path.version, key, size, modified });
  }
  return files;
}
