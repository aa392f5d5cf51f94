import { supportsFeature } from '../../delta/features.ts';
import { SHORTEST_LOG_RETENTION } from '../../delta/log-retention.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { ObjectInfo } from '../../storage/object-store.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { assertDeletable } from '../vacuum/features.ts';
import { takesLandedFiles } from '../vacuum/landed.ts';
import { protectFiles } from '../vacuum/protected-files.ts';
import { deletedFileRetention, logRetention } from '../vacuum/retention.ts';
import { RetentionError } from '../vacuum/vacuum.ts';
import { type CutOff, findCutOff, midnight } from './cut-off.ts';
import { expiredKind, type LogFileKind, type LogLimits } from './expired.ts';
import { listLog } from './scan-log.ts';
import { referencedSidecars } from './sidecars.ts';

export interface CleanLogOptions {
  /** Only says what would be deleted. @default false */
  readonly dryRun?: boolean;
  /** How long versions stay that can be read, ms. @default the table's, else 30 days */
  readonly retention?: number;
  /** Allows a `retention` below the table's, or one that events in a queue may outlive. @default false */
  readonly allowShortRetention?: boolean;
  /** Requests under way at the same time. @default 32 */
  readonly concurrency?: number;
  /** ms since the epoch: then it stops, between two files. */
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  /** Told how many files are deleted, or would be, time after time. */
  readonly onProgress?: (files: number) => void;
}

/** Why no version was cleaned up. */
export type CleanLogSkip =
  /** The table has `delta.enableExpiredLogCleanup` false. */
  | 'DISABLED'
  /** The table has the feature `checkpointProtection`. */
  | 'CHECKPOINT_PROTECTION'
  /** No version is old enough, or none of those that are has a checkpoint that can be read. */
  | 'NO_CHECKPOINT';

export interface CleanLogResult {
  readonly table: string;
  /** Newest version. */
  readonly version: number;
  readonly dryRun: boolean;
  /** ms */
  readonly retention: number;
  /** UTC midnight: what was committed before it may go, ms since the epoch. */
  readonly cutoff: number;
  readonly skipped?: CleanLogSkip;
  /** The oldest version that is needed for the retention, and the checkpoint at or before it from which all is kept. */
  readonly neededFrom?: number;
  readonly keptFrom?: number;
  /** Files that were deleted, or would be. */
  readonly deleted: Readonly<Record<LogFileKind, number>>;
  readonly files: number;
  readonly bytes: number;
  /** Whether the time was not enough; the same command goes on. */
  readonly remaining: boolean;
}

/**
 * Deletes what of the log is not needed for the versions within the retention (PROTOCOL.md "Metadata Cleanup"): commits,
 * checkpoints and checksums before the newest checkpoint that is not newer than the cut-off, compacted commits that start
 * up to it, sidecars that no checkpoint names, and temporary files that were left behind.
 *
 * Versions go from the oldest on, so that an interrupted run leaves a log whose oldest versions are gone; the next run goes
 * on. What is younger than an hour stays in any case: writers count on that (`SHORTEST_LOG_RETENTION`). Every kept version
 * can be read at every moment. Memory: the versions of the checkpoints, and old sidecars.
 *
 * Throws `UNSUPPORTED_READER`, `UNSUPPORTED_WRITER`, RetentionError, and the errors of the log and the store.
 */
export async function cleanLog(
  engine: MaintenanceEngine,
  table: TableRef,
  options: CleanLogOptions = {},
): Promise<CleanLogResult> {
  const { signal, deadline = Number.POSITIVE_INFINITY } = options;
  const snapshot = await loadSnapshot(table, engine.reader);
  assertDeletable(snapshot);
  const retention = await chooseRetention(engine, snapshot, options);
  const now = engine.now();
  const cutoff = midnight(now - Math.max(retention, SHORTEST_LOG_RETENTION));
  const skipped = reasonToSkip(snapshot);
  const cutOff = skipped === undefined ? await findCutOff(snapshot, engine.reader, cutoff) : undefined;
  const isOver = () => signal?.aborted === true || engine.now() >= deadline;
  const run = new CleanUp(options, isOver);
  if (skipped === undefined) await deleteExpired(engine, snapshot, run, limitsOf(snapshot, cutOff, now));
  const reason = skipped ?? (cutOff === undefined ? 'NO_CHECKPOINT' : undefined);
  return {
    table: table.url,
    version: snapshot.version,
    dryRun: options.dryRun ?? false,
    retention,
    cutoff,
    ...(reason !== undefined && { skipped: reason }),
    ...(cutOff !== undefined && { neededFrom: cutOff.commit, keptFrom: cutOff.checkpoint }),
    ...run.result(),
  };
}

function limitsOf({ version, segment }: Snapshot, cutOff: CutOff | undefined, now: number): LogLimits {
  return { checkpoint: cutOff?.checkpoint, version, headModified: segment.head?.modified, now };
}

function reasonToSkip({ protocol, metadata }: Snapshot): CleanLogSkip | undefined {
  if (metadata.configuration['delta.enableExpiredLogCleanup']?.toLowerCase() === 'false') return 'DISABLED';
  // Its rules are about several clean-ups and what they may leave; they are kept by leaving all (TableFeature.scala).
  if (supportsFeature(protocol, 'checkpointProtection')) return 'CHECKPOINT_PROTECTION';
  return undefined;
}

/** The longest that SQS keeps a message, and so an event that the append function may get again, ms. */
const EVENT_LIFETIME = 14 * 86_400_000;

async function chooseRetention(
  engine: MaintenanceEngine,
  snapshot: Snapshot,
  { retention, allowShortRetention = false }: CleanLogOptions,
): Promise<number> {
  const ofTable = logRetention(snapshot);
  const chosen = retention ?? ofTable;
  if (!Number.isFinite(chosen) || chosen < 0) throw new RetentionError(`a retention of ${chosen} ms cannot be`);
  if (allowShortRetention) return chosen;
  if (chosen < ofTable) {
    throw new RetentionError(`the table keeps its log for ${days(ofTable)}; ${days(chosen)} are fewer`);
  }
  // An event that comes again is known by the commits since, or else by the checkpoint's files and tombstones.
  const known = Math.max(chosen, deletedFileRetention(snapshot));
  if (known < EVENT_LIFETIME && (await takesLandedFiles(await protectFiles(snapshot.table, engine.reader)))) {
    const message = `files land in the table, and an event may come again for ${days(EVENT_LIFETIME)}; after ${days(chosen)} the log would not know it`;
    throw new RetentionError(message);
  }
  return chosen;
}

function days(ms: number): string {
  return `${Math.round(ms / 864_000) / 100} days`;
}

/** Sidecars that one run looks at; what is beyond waits for the next. */
const MAX_SIDECARS = 100_000;

async function deleteExpired(
  { reader }: MaintenanceEngine,
  { table }: Snapshot,
  run: CleanUp,
  limits: LogLimits,
): Promise<void> {
  const sidecars: ObjectInfo[] = [];
  for await (const { path, info } of listLog(table)) {
    if (run.isOver()) break;
    const kind = expiredKind(path, info, limits);
    if (kind === 'sidecars') sidecars.push(info);
    else if (kind !== undefined) await run.delete(table, kind, info);
    if (sidecars.length === MAX_SIDECARS) break;
  }
  await run.flush(table);
  if (run.isOver() || sidecars.length === MAX_SIDECARS) run.remaining = true;
  if (run.isOver() || sidecars.length === 0) return;
  const needed = await referencedSidecars(table, reader, (version) => version >= (limits.checkpoint ?? 0));
  for (const info of sidecars) {
    if (!needed.has(info.key)) await run.delete(table, 'sidecars', info);
  }
  await run.flush(table);
}

const CONCURRENCY = 32;

/** Deletes files in their order, a handful at a time, and counts them. */
class CleanUp {
  readonly isOver: () => boolean;
  remaining = false;
  private readonly options: CleanLogOptions;
  private readonly deleted: Record<LogFileKind, number> = {
    commits: 0,
    checkpoints: 0,
    checksums: 0,
    compacted: 0,
    staged: 0,
    sidecars: 0,
    temporary: 0,
  };
  private bytes = 0;
  private waiting: { readonly kind: LogFileKind; readonly info: ObjectInfo }[] = [];

  constructor(options: CleanLogOptions, isOver: () => boolean) {
    this.options = options;
    this.isOver = isOver;
  }

  async delete(table: TableRef, kind: LogFileKind, info: ObjectInfo): Promise<void> {
    this.waiting.push({ kind, info });
    if (this.waiting.length >= (this.options.concurrency ?? CONCURRENCY)) await this.flush(table);
  }

  async flush({ store }: TableRef): Promise<void> {
    const files = this.waiting;
    this.waiting = [];
    await mapConcurrently(files, files.length, async ({ kind, info }) => {
      if (this.options.dryRun !== true) await store.delete(info.key);
      this.deleted[kind] += 1;
      this.bytes += info.size;
    });
    if (files.length > 0) this.options.onProgress?.(this.count());
  }

  result(): Pick<CleanLogResult, 'deleted' | 'files' | 'bytes' | 'remaining'> {
    return { deleted: { ...this.deleted }, files: this.count(), bytes: this.bytes, remaining: this.remaining };
  }

  private count(): number {
    return Object.values(this.deleted).reduce((sum, count) => sum + count, 0);
  }
}
