import { type CheckpointHint, readLastCheckpoint, serializeLastCheckpoint } from '../../delta/last-checkpoint.ts';
import { lastCheckpointKey } from '../../delta/log-path.ts';
import { type CheckpointFiles, loadLogSegment } from '../../delta/log-segment.ts';
import type { TableRef } from '../../delta/table.ts';

/**
 * Names a checkpoint, which is whole already, in `_last_checkpoint`, unless the same version or a newer one stands there.
 * A hint to a checkpoint that the log does not have is replaced. Returns whether it was written.
 *
 * The store has no put that depends on what is there, so a slow writer can still replace a hint that came between the
 * look and the put. The checkpoint of that hint was there before it, and shows in the listing that follows the put: then
 * it is named again.
 */
export async function announceCheckpoint(table: TableRef, hint: CheckpointHint): Promise<boolean> {
  const current = await readLastCheckpoint(table);
  if (current?.version === hint.version) return false;
  if (current !== undefined && current.version > hint.version) {
    const newest = await newestCheckpoint(table);
    if (newest !== undefined && newest.version >= current.version) return false;
    await putHint(table, newerOf(hint, newest));
    return true;
  }
  await putHint(table, hint);
  const newest = await newestCheckpoint(table);
  if (newerOf(hint, newest) !== hint) await putHint(table, newerOf(hint, newest));
  return true;
}

function newerOf(hint: CheckpointHint, newest: CheckpointHint | undefined): CheckpointHint {
  return newest !== undefined && newest.version > hint.version ? newest : hint;
}

/** What a listing tells of a checkpoint, as a hint: its actions are not counted. */
export function hintOf({ version, kind, files, modified }: CheckpointFiles): CheckpointHint {
  const bytes = files.reduce((sum, { size = 0 }) => sum + size, 0);
  const [file] = files;
  const isV2 = kind === 'v2Json' || kind === 'v2Parquet';
  return {
    version,
    size: -1,
    ...(kind === 'multiPart' ? { parts: files.length } : {}),
    // The files of a V2 checkpoint that are listed are only its top level.
    ...(isV2 ? {} : { sizeInBytes: bytes }),
    ...(isV2 && file !== undefined
      ? { v2Checkpoint: { path: nameOf(file.key), sizeInBytes: bytes, modificationTime: modified } }
      : {}),
  };
}

async function newestCheckpoint(table: TableRef): Promise<CheckpointHint | undefined> {
  const { checkpoint } = await loadLogSegment(table);
  return checkpoint === undefined ? undefined : hintOf(checkpoint);
}

async function putHint(table: TableRef, hint: CheckpointHint): Promise<void> {
  await table.store.put(lastCheckpointKey(table), Buffer.from(serializeLastCheckpoint(hint)));
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
