import { logKey, versionName } from '../../delta/log-path.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { actionColumns, type CheckpointLayout, type CheckpointRow } from '../../parquet/checkpoint-schema.ts';
import { writeCheckpointRows } from '../../parquet/checkpoint-writer.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { ChangedFiles } from './changed-files.ts';
import { type LiveFilesOptions, newFiles, oldFiles } from './live-files.ts';
import { liveTxns } from './settings.ts';
import type { WrittenCheckpoint } from './written.ts';

/**
 * Writes a checkpoint as one file, of which a reader sees all or nothing. A racing writer of the same version writes the
 * same actions, and may replace it or be replaced (PROTOCOL.md "Classic checkpoint").
 */
export async function writeClassic(
  engine: MaintenanceEngine,
  snapshot: Snapshot,
  layout: CheckpointLayout,
  options: LiveFilesOptions,
): Promise<WrittenCheckpoint> {
  const { table, version } = snapshot;
  let adds = 0;
  async function* rows(): AsyncGenerator<readonly CheckpointRow[], void, undefined> {
    const changed = new ChangedFiles(table);
    for await (const batch of newFiles(snapshot, changed, options)) yield counted(batch);
    for await (const batch of oldFiles(snapshot, engine.reader, changed, options)) yield counted(batch);
    yield controlRows(snapshot, engine.now());
  }
  function counted<Row extends CheckpointRow>(batch: readonly Row[]): readonly Row[] {
    for (const row of batch) if ('add' in row) adds++;
    return batch;
  }

  const { pieces, summary } = writeCheckpointRows(actionColumns(layout), rows());
  const key = logKey(table, `${versionName(version)}.checkpoint.parquet`);
  const bytes = await table.store.putStream(key, pieces);
  return {
    key,
    kind: 'classic',
    hint: { version, size: summary().rows, sizeInBytes: bytes, numOfAddFiles: adds },
    rows: summary().rows,
    adds,
    bytes,
    bytesWritten: bytes,
    sidecars: { reused: 0, written: 0 },
  };
}

/** The actions of a snapshot that are no file actions. */
function controlRows(snapshot: Snapshot, now: number): CheckpointRow[] {
  return [
    ...liveTxns(snapshot, now).map((txn) => ({ txn })),
    ...[...snapshot.domains.values()].map((domainMetadata) => ({ domainMetadata })),
    { metaData: snapshot.metadata },
    { protocol: snapshot.protocol },
  ];
}
