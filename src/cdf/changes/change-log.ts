import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { type Commit, getInOrder, toCommit } from '../../delta/commit-file.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { versionAt } from '../../delta/history.ts';
import { type CommitFile, listCommits, listRebuildableCommits } from '../../delta/log-segment.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { CdfError } from '../errors.ts';

/** The log of a table, as far as its changes are in it. */
export interface ChangeLog {
  /** The table as it was when the log was opened. */
  readonly latest: Snapshot;
  /** The table at a version. Throws `CHANGES_GONE` for one that cannot be told any more. */
  snapshotAt(version: number): Promise<Snapshot>;
  /** The first version at or after a time (ms since the epoch); one more than the latest where there is none yet. */
  versionFrom(timestamp: number): Promise<number>;
  /** The last version at or before a time (ms since the epoch). */
  versionUntil(timestamp: number): Promise<number>;
  /** The commits of these versions, both included, a few of them at a time. Throws `CHANGES_GONE` where one is cleaned up. */
  commits(from: number, until: number): AsyncGenerator<Commit, void>;
}

/** Opens a table's log at its latest version, which is loaded unless it is given. Throws `TABLE_NOT_FOUND` and what else `loadSnapshot` throws. */
export async function openChangeLog(table: TableRef, reader: CheckpointReader, known?: Snapshot): Promise<ChangeLog> {
  const latest = known ?? (await loadSnapshot(table, reader));
  return {
    latest,
    async snapshotAt(version) {
      if (version === latest.version) return latest;
      try {
        return await loadSnapshot(table, reader, { version });
      } catch (error) {
        if (isDeltaError(error, 'VERSION_NOT_FOUND') || isDeltaError(error, 'LOG_GAP')) {
          throw await changesGone(table, version, error);
        }
        throw error;
      }
    },
    versionUntil: (timestamp) => versionAt(latest, timestamp),
    async versionFrom(timestamp) {
      try {
        return (await versionAt(latest, timestamp - 1)) + 1;
      } catch (error) {
        if (!isDeltaError(error, 'VERSION_NOT_FOUND')) throw error;
        const oldest = await oldestVersion(table);
        // A time before the table; but not one of versions that were cleaned up.
        if (oldest === 0) return 0;
        throw error;
      }
    },
    async *commits(from, until) {
      const files = await commitFiles(table, from, until);
      for await (const { file, object } of getInOrder(table, files)) yield toCommit(table, file.version, object);
    },
  };
}

async function commitFiles(table: TableRef, from: number, until: number): Promise<readonly CommitFile[]> {
  if (from > until) return [];
  try {
    const files = await listCommits(table, from - 1);
    if (files[0]?.version === from) return files.filter(({ version }) => version <= until);
  } catch (error) {
    if (!isDeltaError(error, 'LOG_GAP')) throw error;
    throw await changesGone(table, from, error);
  }
  throw await changesGone(table, from);
}

async function changesGone(table: TableRef, version: number, cause?: unknown): Promise<CdfError> {
  const oldest = await oldestVersion(table);
  return new CdfError(
    'CHANGES_GONE',
    `The changes of version ${version} of ${table.url} are not there any more: the log is cleaned up; ` +
      (oldest === undefined ? 'no version can be rebuilt' : `the oldest version with its changes is ${oldest}`),
    { table: table.url, version, ...(oldest !== undefined && { oldest }) },
    { cause },
  );
}

async function oldestVersion(table: TableRef): Promise<number | undefined> {
  return (await listRebuildableCommits(table))[0]?.version;
}
