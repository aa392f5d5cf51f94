import { LOG_DIR, type LogPath, parseLogPath } from '../../delta/log-path.ts';
import type { ObjectInfo } from '../../storage/object-store.ts';
import { midnight } from './cut-off.ts';

/** Files of a log, by what they are. */
export type LogFileKind = 'commits' | 'checkpoints' | 'checksums' | 'compacted' | 'staged' | 'sidecars' | 'temporary';

export interface LogLimits {
  /** The checkpoint that all is kept from; undefined when no version goes. */
  readonly checkpoint: number | undefined;
  /** Newest version of the table, and when its commit was written, ms; undefined where its commit is gone. */
  readonly version: number;
  readonly headModified: number | undefined;
  /** ms since the epoch. */
  readonly now: number;
}

const DAY = 86_400_000;

/**
 * What a file is that is to be deleted (PROTOCOL.md "Metadata Cleanup", step 3); undefined for one that stays. Of a
 * sidecar it only says that its age allows it: whether a checkpoint needs it is for the caller to see.
 */
export function expiredKind(path: LogPath, { modified }: ObjectInfo, limits: LogLimits): LogFileKind | undefined {
  const { checkpoint = -1, now } = limits;
  switch (path.kind) {
    case 'commit':
      return path.version < checkpoint ? 'commits' : undefined;
    case 'classicCheckpoint':
    case 'multiPartCheckpoint':
    case 'v2Checkpoint':
      return path.version < checkpoint ? 'checkpoints' : undefined;
    case 'checksum':
      return path.version < checkpoint ? 'checksums' : undefined;
    case 'compacted':
      return path.start <= checkpoint ? 'compacted' : undefined;
    case 'stagedCommit':
      return path.version <= checkpoint ? 'staged' : undefined;
    case 'sidecar':
      // "Less than a day old (as of midnight UTC)": a checkpoint may be under way that will name it.
      return modified < midnight(now) - DAY ? 'sidecars' : undefined;
    case 'temporary':
      return isForgotten(path.target, modified, limits) ? 'temporary' : undefined;
    case 'lastCheckpoint':
      return undefined;
  }
}

/**
 * Whether nobody will need a temporary file any more. Where commits go through DynamoDB, such a file may be the only copy
 * of a commit, until the next writer has put it in its place; so it has to be a day older than a commit that followed it.
 */
function isForgotten(target: string | undefined, modified: number, { version, headModified, now }: LogLimits): boolean {
  if (headModified === undefined || modified >= Math.min(headModified, now) - DAY) return false;
  const path = target === undefined ? undefined : parseLogPath(`${LOG_DIR}/${target}`);
  return path?.kind !== 'commit' || path.version <= version;
}
