import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { findFiles } from '../../delta/checkpoint-content.ts';
import { readCommitInfo } from '../../delta/commit-file.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { inCommitTimestampsSince } from '../../delta/history.ts';
import { commitKey } from '../../delta/log-path.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import { isStoreError } from '../../storage/object-store.ts';
import { type LogScan, scanLog } from './scan-log.ts';

const DAY = 86_400_000;

/** The UTC midnight before a time, ms since the epoch. */
export function midnight(time: number): number {
  return Math.floor(time / DAY) * DAY;
}

/** From where on a log is kept. */
export interface CutOff {
  /** The newest commit that is not newer than the cut-off; versions from it on may be read. */
  readonly commit: number;
  /** The checkpoint from which they are rebuilt: it and all after it stay. */
  readonly checkpoint: number;
  /** Whether there is anything of older versions. */
  readonly hasOlder: boolean;
}

/**
 * Finds what has to be kept of a log (PROTOCOL.md "Metadata Cleanup", steps 1 and 2). A checkpoint only counts if it can be
 * read, all of it, and if no time of a later commit hangs on what is older. Undefined where there is none.
 */
export async function findCutOff(
  snapshot: Snapshot,
  reader: CheckpointReader,
  cutoff: number,
): Promise<CutOff | undefined> {
  const since = inCommitTimestampsSince(snapshot);
  const scan = await scanLog(snapshot.table, { cutoff, inCommitTimesFrom: since.version });
  if (scan === undefined) return undefined;
  const commit = await newestBefore(snapshot, scan, cutoff, since);
  if (commit === undefined) return undefined;
  const candidates = scan.checkpoints.filter(({ version, hasOwnTime }) => version <= commit && hasOwnTime);
  for (const { version } of candidates.toReversed()) {
    const hasOlder = scan.oldest < version;
    // Where nothing older is there, nothing will hang on it that did not before.
    if (!hasOlder || (await isReadable(snapshot, reader, version))) return { commit, checkpoint: version, hasOlder };
  }
  return undefined;
}

async function newestBefore(
  { table }: Snapshot,
  { first, last, newestByFile }: LogScan,
  cutoff: number,
  since: ReturnType<typeof inCommitTimestampsSince>,
): Promise<number | undefined> {
  if (cutoff < since.timestamp) return newestByFile;
  // In-commit timestamps grow from version to version.
  let low = Math.max(first, since.version);
  let high = last + 1;
  while (low < high) {
    const version = Math.floor((low + high) / 2);
    const info = await readCommitInfo(table, { version, key: commitKey(table, version) });
    // A commit without a time is none that may be taken for old.
    if ((info?.inCommitTimestamp ?? Number.POSITIVE_INFINITY) <= cutoff) low = version + 1;
    else high = version;
  }
  return low > Math.max(first, since.version) ? low - 1 : newestByFile;
}

/** Whether a version can be rebuilt from its own checkpoint; reads the paths of all its files. */
async function isReadable({ table }: Snapshot, reader: CheckpointReader, version: number): Promise<boolean> {
  try {
    const { protocol, segment } = await loadSnapshot(table, reader, { version });
    const { checkpoint } = segment;
    if (checkpoint?.version !== version) return false;
    await findFiles({ table, protocol, checkpoint }, reader, NO_PATH);
    return true;
  } catch (error) {
    const isBroken = (['CORRUPT_LOG', 'LOG_GAP', 'VERSION_NOT_FOUND'] as const).some((code) =>
      isDeltaError(error, code),
    );
    if (isBroken || isStoreError(error, 'NOT_FOUND')) return false;
    throw error;
  }
}

const NO_PATH = { has: () => false };
