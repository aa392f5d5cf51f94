import { readLastCheckpoint } from '../../delta/last-checkpoint.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { tableKey } from '../../delta/table.ts';
import { midnight } from '../log-cleanup/cut-off.ts';
import { scanLog } from '../log-cleanup/scan-log.ts';

/** The state of a table's log. */
export interface LogState {
  readonly oldestVersion: number;
  readonly checkpointVersion: number | undefined;
  readonly commitsSinceCheckpoint: number;
  /** What the file `_last_checkpoint` names; undefined without one that can be read. */
  readonly hintedVersion: number | undefined;
  /** Versions that are older than the log's retention, by the times of their files. */
  readonly expiredVersions: number;
  /** Whether the newest commit was written after now. */
  readonly headOfTheFuture: boolean;
  readonly quarantined: number;
  /** Whether there are more in quarantine. */
  readonly moreQuarantined: boolean;
}

/** Records of files in quarantine that are counted: one page of a LIST. */
const MAX_QUARANTINED = 1_000;

/** Looks at the log: one LIST of all of it, one of the quarantine, and the hint. `retention` is the log's, ms. */
export async function examineLog(snapshot: Snapshot, now: number, retention: number): Promise<LogState> {
  const { table, segment, version } = snapshot;
  const cutoff = midnight(now - retention);
  const scan = await scanLog(table, { cutoff, inCommitTimesFrom: Number.POSITIVE_INFINITY });
  let quarantined = 0;
  for await (const _ of table.store.list(tableKey(table, '_resaca/quarantine/'))) {
    quarantined += 1;
    if (quarantined > MAX_QUARANTINED) break;
  }
  const oldestVersion = scan?.oldest ?? version;
  return {
    oldestVersion,
    checkpointVersion: segment.checkpoint?.version,
    commitsSinceCheckpoint: segment.commits.length,
    hintedVersion: (await readLastCheckpoint(table))?.version,
    expiredVersions: Math.max(0, (scan?.newestByFile ?? oldestVersion) - oldestVersion),
    headOfTheFuture: (segment.head?.modified ?? 0) > now + CLOCK_MARGIN,
    quarantined: Math.min(quarantined, MAX_QUARANTINED),
    moreQuarantined: quarantined > MAX_QUARANTINED,
  };
}

/** How far clocks may be apart, ms. */
const CLOCK_MARGIN = 60_000;
