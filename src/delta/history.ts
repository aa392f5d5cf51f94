import { isStoreError } from '../storage/object-store.ts';
import { type Commit, readCommit, readCommitInfo } from './commit-file.ts';
import { DeltaError } from './errors.ts';
import { hasInCommitTimestamps } from './features.ts';
import { commitKey } from './log-path.ts';
import { type CommitFile, listRebuildableCommits } from './log-segment.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * The latest version that was committed at or before `timestamp` (ms since the epoch); the snapshot's own version for
 * any later time. Lists the log, and where commits carry their time in them reads a few.
 *
 * Throws `VERSION_NOT_FOUND` when the oldest version that can still be rebuilt is younger.
 */
export async function versionAt(snapshot: Snapshot, timestamp: number): Promise<number> {
  const commits = (await listRebuildableCommits(snapshot.table)).filter(({ version }) => version <= snapshot.version);
  const enabledAt = inCommitTimestampsSince(snapshot);
  const [older, newer] = splitAt(commits, enabledAt.version);
  const version =
    timestamp >= enabledAt.timestamp || older.length === 0
      ? await findByInCommitTimestamp(snapshot, newer, timestamp)
      : findByModified(older, timestamp);
  if (version === undefined) throw tooEarly(snapshot, commits, timestamp);
  return version;
}

/**
 * The newest commits, newest first; ends early where the log is cleaned up. They are read as they are asked for, `ahead`
 * at a time, as many of which are held.
 */
export async function* readHistory(
  snapshot: Snapshot,
  limit = Number.POSITIVE_INFINITY,
  ahead = 1,
): AsyncGenerator<Commit, void> {
  const oldest = Math.max(0, snapshot.version - limit + 1);
  const started: Promise<Commit | undefined>[] = [];
  for (let version = snapshot.version; version >= oldest || started.length > 0; ) {
    for (; started.length < ahead && version >= oldest; version--) {
      const reading = readIfThere(snapshot, version);
      // A caller that stops early leaves requests behind; their failures are nobody's.
      reading.catch(() => undefined);
      started.push(reading);
    }
    const commit = await started.shift();
    if (commit === undefined) return;
    yield commit;
  }
}

/**
 * Times of commits that only have the time of their file, made to grow: a copied log or a clock that was set back must
 * not turn the order of versions round (as Spark's DeltaHistoryManager does).
 */
export function monotonicTimes(commits: readonly CommitFile[]): number[] {
  const times: number[] = [];
  for (const { modified } of commits) times.push(Math.max(modified, (times.at(-1) ?? Number.NEGATIVE_INFINITY) + 1));
  return times;
}

async function readIfThere({ table }: Snapshot, version: number): Promise<Commit | undefined> {
  try {
    return await readCommit(table, { version, key: commitKey(table, version) });
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** From where on commits carry their time (PROTOCOL.md "Recommendations for Readers of Tables with In-Commit Timestamps"). */
export function inCommitTimestampsSince({ protocol, metadata }: Snapshot): { version: number; timestamp: number } {
  if (!hasInCommitTimestamps(protocol, metadata)) {
    return { version: Number.POSITIVE_INFINITY, timestamp: Number.POSITIVE_INFINITY };
  }
  const { configuration } = metadata;
  return {
    version: Number(configuration['delta.inCommitTimestampEnablementVersion'] ?? 0),
    timestamp: Number(configuration['delta.inCommitTimestampEnablementTimestamp'] ?? 0),
  };
}

function splitAt(commits: readonly CommitFile[], version: number): [readonly CommitFile[], readonly CommitFile[]] {
  return [commits.filter((commit) => commit.version < version), commits.filter((commit) => commit.version >= version)];
}

function findByModified(commits: readonly CommitFile[], timestamp: number): number | undefined {
  const index = monotonicTimes(commits).findLastIndex((time) => time <= timestamp);
  return commits[index]?.version;
}

/** Binary search: in-commit timestamps grow from version to version. */
async function findByInCommitTimestamp(
  { table }: Snapshot,
  commits: readonly CommitFile[],
  timestamp: number,
): Promise<number | undefined> {
  let low = 0;
  let high = commits.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const commit = commits[middle];
    if (commit === undefined) break;
    const time = (await readCommitInfo(table, commit))?.inCommitTimestamp ?? commit.modified;
    if (time <= timestamp) low = middle + 1;
    else high = middle;
  }
  return commits[low - 1]?.version;
}

function tooEarly({ table }: Snapshot, commits: readonly CommitFile[], timestamp: number): DeltaError {
  const oldest = commits[0]?.version;
  const message = `No version of ${table.url} at ${new Date(timestamp).toISOString()} can be rebuilt; the oldest one left is ${oldest}`;
  return new DeltaError('VERSION_NOT_FOUND', message, { table: table.url, timestamp });
}
