import { DeltaError, isDeltaError } from '../../delta/errors.ts';
import { assertCheckpointable, supportsFeature } from '../../delta/features.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { isStoreError } from '../../storage/object-store.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { announceCheckpoint, hintOf } from './announce.ts';
import { type CheckpointKind, checkpointKind, checkpointLayout, isLive, tombstoneCutoff } from './settings.ts';
import { writeClassic } from './write-classic.ts';
import { writeV2 } from './write-v2.ts';
import type { WrittenCheckpoint } from './written.ts';

export interface CheckpointOptions {
  /** @default the latest version */
  readonly version?: number;
  /** @default what the table's protocol and properties ask for */
  readonly kind?: CheckpointKind;
  /** Write nothing. @default false */
  readonly dryRun?: boolean;
  /** Time at which to stop, ms since the epoch. @default none */
  readonly deadline?: number;
  /** Told the files of which it knows whether they belong into the checkpoint, every some thousand. */
  readonly onProgress?: (files: number) => void;
}

export interface CheckpointResult {
  readonly version: number;
  /** Of the checkpoint that is there now, or would be. */
  readonly kind: CheckpointKind | 'multiPart';
  /** `existed`: there was one of this version. `planned`: a dry run. `outOfTime`: nothing was written that counts. */
  readonly outcome: 'written' | 'existed' | 'planned' | 'outOfTime';
  /** Whether there is still something to do. */
  readonly remaining: boolean;
  /** Whether `_last_checkpoint` was written. */
  readonly announced: boolean;
  /** Of the checkpoint that was written. */
  readonly written?: Pick<WrittenCheckpoint, 'key' | 'rows' | 'adds' | 'bytes' | 'bytesWritten' | 'sidecars'>;
}

/** Times that it is begun anew after the log changed under it. */
const MAX_ATTEMPTS = 3;

/**
 * Writes the checkpoint of a version, and announces it, in memory that does not depend on the size of the table. It may be
 * repeated, stopped at any point and run beside others: readers see a whole checkpoint or none, and what an earlier try
 * left unannounced is announced.
 *
 * Throws `UNSUPPORTED_READER` or `UNSUPPORTED_WRITER` by `assertCheckpointable`, and for V2 where the table has not the
 * feature; what loading the table throws; the store's errors.
 */
export async function checkpointTable(
  engine: MaintenanceEngine,
  table: TableRef,
  options: CheckpointOptions = {},
): Promise<CheckpointResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptCheckpoint(engine, table, options);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isChangedLog(error)) throw error;
    }
  }
}

/** Whether another writer replaced or cleaned up what was being read. */
function isChangedLog(error: unknown): boolean {
  return (
    isStoreError(error, 'PRECONDITION_FAILED') || isStoreError(error, 'NOT_FOUND') || isDeltaError(error, 'LOG_GAP')
  );
}

async function attemptCheckpoint(
  engine: MaintenanceEngine,
  table: TableRef,
  { version: wanted, kind: asked, dryRun = false, deadline = Number.POSITIVE_INFINITY, onProgress }: CheckpointOptions,
): Promise<CheckpointResult> {
  const snapshot = await loadSnapshot(table, engine.reader, wanted === undefined ? {} : { version: wanted });
  assertCheckpointable(snapshot);
  const { version, segment } = snapshot;
  const { checkpoint } = segment;
  if (checkpoint?.version === version) {
    const announced = !dryRun && (await announceCheckpoint(table, hintOf(checkpoint)));
    return { version, kind: KINDS[checkpoint.kind], outcome: 'existed', remaining: false, announced };
  }

  const kind = asked ?? checkpointKind(snapshot);
  if (kind === 'v2') assertV2(snapshot);
  if (dryRun) return { version, kind, outcome: 'planned', remaining: true, announced: false };
  const written = await writeBefore({ deadline, onProgress }, engine, snapshot, kind);
  if (written === undefined) return { version, kind, outcome: 'outOfTime', remaining: true, announced: false };
  const announced = await announceCheckpoint(table, written.hint);
  const { key, rows, adds, bytes, bytesWritten, sidecars } = written;
  return {
    version,
    kind,
    outcome: 'written',
    remaining: false,
    announced,
    written: { key, rows, adds, bytes, bytesWritten, sidecars },
  };
}

const KINDS = { classic: 'classic', multiPart: 'multiPart', v2Parquet: 'v2', v2Json: 'v2' } as const;

function assertV2({ table, protocol }: Snapshot): void {
  if (supportsFeature(protocol, 'v2Checkpoint')) return;
  const message = `${table.url} cannot get a V2 checkpoint: its protocol has not the feature v2Checkpoint`;
  throw new DeltaError('UNSUPPORTED_WRITER', message, { table: table.url, features: ['v2Checkpoint'] });
}

const PROGRESS_STEP = 5_000;

/** Ends the writing of a checkpoint. */
class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

/** Undefined when the time was up before the checkpoint was whole; then there is none. */
async function writeBefore(
  { deadline, onProgress }: { readonly deadline: number; readonly onProgress: CheckpointOptions['onProgress'] },
  engine: MaintenanceEngine,
  snapshot: Snapshot,
  kind: CheckpointKind,
): Promise<WrittenCheckpoint | undefined> {
  const layout = checkpointLayout(snapshot);
  const cutoff = tombstoneCutoff(snapshot, engine.now());
  let files = 0;
  const options = {
    stats: layout.stats || layout.statsParsed !== undefined,
    cutoff,
    isLive: (action: Parameters<typeof isLive>[0]) => {
      if (engine.now() >= deadline) throw new OutOfTime();
      files += 1;
      if (files % PROGRESS_STEP === 0) onProgress?.(files);
      return isLive(action, cutoff);
    },
  };
  try {
    return await (kind === 'v2' ? writeV2 : writeClassic)(engine, snapshot, layout, options);
  } catch (error) {
    if (error instanceof OutOfTime) return undefined;
    throw error;
  }
}
