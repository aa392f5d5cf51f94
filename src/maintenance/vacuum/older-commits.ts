import type { LogAction } from '../../delta/action-parser.ts';
import { getInOrder, parseActions } from '../../delta/commit-file.ts';
import { logKey, parseLogPath, versionName } from '../../delta/log-path.ts';
import type { CommitFile } from '../../delta/log-segment.ts';
import type { TableRef } from '../../delta/table.ts';

/** Versions that are listed at once. */
const WINDOW = 1_000;

export interface OlderCommit {
  readonly version: number;
  /** ms since the epoch. */
  readonly modified: number;
  /** Parsed as they are asked for; valid until the next commit is. */
  readonly actions: Iterable<LogAction>;
}

/**
 * Reads the commits of the versions `from` and below, the newest first, as far as the log goes back. `wanted` chooses
 * windows of a thousand by the files in them: an empty choice ends it.
 */
export async function* olderCommits(
  table: TableRef,
  from: number,
  wanted: (files: readonly CommitFile[]) => readonly CommitFile[] = (files) => files,
): AsyncGenerator<OlderCommit, void, undefined> {
  for (let high = from; high >= 0; high -= WINDOW) {
    const files = wanted(await listWindow(table, Math.max(0, high - WINDOW + 1), high));
    if (files.length === 0) return;
    for await (const { file, object } of getInOrder(table, files.toReversed())) {
      const { version, modified } = file;
      yield { version, modified, actions: parseActions(object.body, { table, version }) };
    }
  }
}

/** The commits from `low` to `high`, ascending; fewer where the log was cleaned up. */
async function listWindow(table: TableRef, low: number, high: number): Promise<CommitFile[]> {
  const files: CommitFile[] = [];
  const end = logKey(table, versionName(high + 1));
  const objects = table.store.list(logKey(table, ''), { startAfter: logKey(table, versionName(low)) });
  for await (const { key, size, modified } of objects) {
    if (key >= end) break;
    const path = parseLogPath(key);
    if (path?.kind === 'commit') files.push({ version: path.version, key, size, modified });
  }
  return files;
}
