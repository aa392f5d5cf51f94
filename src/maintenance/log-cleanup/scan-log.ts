import { type LogPath, logKey, parseLogPath } from '../../delta/log-path.ts';
import type { TableRef } from '../../delta/table.ts';
import type { ObjectInfo } from '../../storage/object-store.ts';

export interface LogScan {
  /** The oldest version of which there is any file. */
  readonly oldest: number;
  /** From this version on there is every commit up to the last. */
  readonly first: number;
  readonly last: number;
  /** Versions from `first` on that have a commit and files of a checkpoint, whether complete or not; ascending. */
  readonly checkpoints: readonly CheckpointVersion[];
  /** The newest version, of those whose time is the time of their file, that was committed up to the cut-off. */
  readonly newestByFile: number | undefined;
}

export interface CheckpointVersion {
  readonly version: number;
  /**
   * Whether the commit's time is its own. A file that is not younger than the one before it counts as one ms younger
   * (as in `monotonicTimes`): without the older one, it would get another time, and time travel another version.
   */
  readonly hasOwnTime: boolean;
}

export interface ScanOptions {
  /** ms since the epoch. */
  readonly cutoff: number;
  /** From this version on commits carry their time; their files' times do not count. */
  readonly inCommitTimesFrom: number;
}

/** Lists the log once, holding only the versions of its checkpoints. Undefined for a log without commits. */
export async function scanLog(table: TableRef, options: ScanOptions): Promise<LogScan | undefined> {
  let oldest: number | undefined;
  let run: Run | undefined;
  let checkpoint: number | undefined;
  for await (const { path, info } of listLog(table)) {
    if (!('version' in path) || path.kind === 'stagedCommit') continue;
    oldest = Math.min(oldest ?? path.version, path.version);
    // An empty object is what a crash leaves on a store whose writes are not atomic.
    if (isCheckpoint(path) && info.size > 0) checkpoint = path.version;
    if (path.kind !== 'commit') continue;
    run = nextCommit(run, path.version, info.modified, options);
    // In a listing, the checkpoint of a version stands before its commit.
    if (checkpoint === path.version) run.checkpoints.push({ version: path.version, hasOwnTime: run.hasOwnTime });
  }
  return run === undefined || oldest === undefined ? undefined : { ...run, oldest };
}

/** Commits without a gap, up to the last one seen. */
interface Run {
  first: number;
  last: number;
  /** Of the last commit, made to grow. */
  time: number;
  hasOwnTime: boolean;
  newestByFile: number | undefined;
  readonly checkpoints: CheckpointVersion[];
}

function nextCommit(
  before: Run | undefined,
  version: number,
  modified: number,
  { cutoff, inCommitTimesFrom }: ScanOptions,
): Run {
  const run: Run =
    before?.last === version - 1
      ? before
      : {
          first: version,
          last: version,
          time: Number.NEGATIVE_INFINITY,
          hasOwnTime: true,
          newestByFile: undefined,
          checkpoints: [],
        };
  run.last = version;
  run.hasOwnTime = version >= inCommitTimesFrom || modified > run.time;
  if (version >= inCommitTimesFrom) return run;
  run.time = Math.max(modified, run.time + 1);
  if (run.time <= cutoff) run.newestByFile = version;
  return run;
}

export interface ListedLogFile {
  readonly path: LogPath;
  readonly info: ObjectInfo;
}

/** The files of the log folder that are known by their names, in the order of the names. */
export async function* listLog(table: TableRef): AsyncGenerator<ListedLogFile, void, undefined> {
  for await (const info of table.store.list(logKey(table, ''))) {
    const path = parseLogPath(info.key);
    if (path !== undefined) yield { path, info };
  }
}

export function isCheckpoint({ kind }: LogPath): boolean {
  return kind === 'classicCheckpoint' || kind === 'multiPartCheckpoint' || kind === 'v2Checkpoint';
}
