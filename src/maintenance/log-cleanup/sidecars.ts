import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { readControl, sidecarFile } from '../../delta/checkpoint-content.ts';
import type { CheckpointFiles } from '../../delta/log-segment.ts';
import type { TableRef } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { type ListedLogFile, listLog } from './scan-log.ts';

/** Checkpoints read at the same time; each takes a few requests. */
const READS = 8;

/**
 * The keys of the sidecars that a checkpoint of the log names (PROTOCOL.md "Metadata Cleanup", step 4). To be called after
 * the sidecars were listed, so that a checkpoint that was made meanwhile is read. Throws when a checkpoint cannot be read:
 * what it needs is not known then.
 */
export async function referencedSidecars(
  table: TableRef,
  reader: CheckpointReader,
  isKept: (version: number) => boolean,
): Promise<ReadonlySet<string>> {
  const checkpoints: CheckpointFiles[] = [];
  for await (const file of listLog(table)) {
    const checkpoint = withSidecars(file);
    if (checkpoint !== undefined && isKept(checkpoint.version)) checkpoints.push(checkpoint);
  }
  const keys = new Set<string>();
  await mapConcurrently(checkpoints, READS, async (checkpoint) => {
    const { sidecars } = await readControl(table, checkpoint, reader);
    for (const sidecar of sidecars) keys.add(sidecarFile(table, sidecar).key);
  });
  return keys;
}

/** A checkpoint that may have sidecars; multi-part ones cannot (PROTOCOL.md "Allowed combinations"). */
function withSidecars({ path, info }: ListedLogFile): CheckpointFiles | undefined {
  const { key, size, modified } = info;
  if (size === 0) return undefined;
  if (path.kind === 'classicCheckpoint') {
    return { version: path.version, kind: 'classic', files: [{ key, size }], modified };
  }
  if (path.kind !== 'v2Checkpoint') return undefined;
  const kind = path.format === 'json' ? 'v2Json' : 'v2Parquet';
  return { version: path.version, kind, files: [{ key, size }], modified };
}
