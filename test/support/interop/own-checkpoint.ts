import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TableRef } from '../../../src/delta/table.ts';
import { type CheckpointResult, checkpointTable } from '../../../src/maintenance/checkpoint/checkpoint-table.ts';
import { createCheckpointReader } from '../../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../../src/storage/folder-store.ts';

/** Writes our checkpoint of the latest version of a table in a local folder. */
export async function writeCheckpoint(path: string): Promise<CheckpointResult> {
  const engine = { reader: createCheckpointReader(), now: Date.now, random: Math.random, sleep: async () => {} };
  return checkpointTable(engine, tableAt(path));
}

export function tableAt(path: string): TableRef {
  return { store: createFolderStore(path), root: '', url: path };
}

/** Leaves no other way than the newest checkpoint. */
export function dropCommitsBefore(table: string, version: number): void {
  const log = join(table, '_delta_log');
  for (const name of readdirSync(log)) {
    const [, digits] = /^(\d{20})\./.exec(name) ?? [];
    const isOld = digits !== undefined && (Number(digits) < version || /\.(crc|compacted\.json)$/.test(name));
    if (isOld) rmSync(join(log, name));
  }
}
