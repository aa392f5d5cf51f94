/** A landing folder on disk, the service that serves it with short times, and what its tables say. */
import { mkdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Action } from '../../src/delta/actions.ts';
import { readHistory } from '../../src/delta/history.ts';
import { canonicalPath } from '../../src/delta/path.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { type Service, type ServiceSettings, startService } from '../../src/local/service.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { putClassicCheckpoint } from './checkpoint-fixtures.ts';
import { parquet, rowsOf } from './landing.ts';

/** Times in ms that make a test fast. */
export const FAST: Partial<ServiceSettings> = {
  settle: 20,
  settleIncomplete: 60,
  scanInterval: 50,
  batchWindow: 0,
  batchSize: 10,
  functionTimeout: 30_000,
  visibilityTimeout: 40_000,
};

/** Moves a file into place, as careful writers do. */
export function landFile(folder: string, key: string, body: Uint8Array = parquet(rowsOf(1, 3))): void {
  const path = join(folder, key);
  mkdirSync(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  writeFileSync(temporary, body);
  renameSync(temporary, path);
}

export function deleteFile(folder: string, key: string): void {
  unlinkSync(join(folder, key));
}

export function startFast(
  folder: string,
  settings: Partial<ServiceSettings> = {},
  config: unknown = {},
): Promise<Service> {
  return startService({ landing: folder, config: parseAppendConfig(config), settings: { ...FAST, ...settings } });
}

/** Starts the service, waits until it has handled all there is, and stops it. */
export async function runOnce(
  folder: string,
  settings: Partial<ServiceSettings> = {},
  config: unknown = {},
): Promise<Service> {
  const service = await startFast(folder, settings, config);
  await service.untilIdle();
  await service.stop();
  return service;
}

export interface LandedTable {
  readonly version: number;
  /** Size of each active file by its path below the root. */
  readonly active: ReadonlyMap<string, number>;
  /** How often each path was added, and removed, over the whole log. */
  readonly adds: ReadonlyMap<string, number>;
  readonly removes: ReadonlyMap<string, number>;
}

/** Writes a checkpoint of the table's latest version, so that a reader of the table does not see the commits before it. */
export async function checkpointLanded(folder: string, root: string): Promise<void> {
  const table = tableIn(folder, root);
  const reader = createCheckpointReader();
  const snapshot = await loadSnapshot(table, reader);
  const { version, protocol, metadata } = snapshot;
  const actions: Action[] = [{ protocol }, { metaData: metadata }];
  for await (const batch of activeFiles(snapshot, reader, { stats: true })) {
    actions.push(...batch.map((add) => ({ add })));
  }
  await putClassicCheckpoint(table, version, actions);
  const hint = JSON.stringify({ version, size: actions.length });
  await table.store.put(`${root}/_delta_log/_last_checkpoint`, new TextEncoder().encode(hint));
}

function tableIn(folder: string, root: string): TableRef {
  return { store: createFolderStore(folder), root, url: join(folder, root) };
}

export async function readLanded(folder: string, root: string): Promise<LandedTable> {
  const table = tableIn(folder, root);
  const reader = createCheckpointReader();
  const snapshot = await loadSnapshot(table, reader);
  const active = new Map<string, number>();
  for await (const batch of activeFiles(snapshot, reader)) {
    for (const { path, size } of batch) active.set(canonicalPath(table, path), size);
  }
  const adds = new Map<string, number>();
  const removes = new Map<string, number>();
  const count = (counts: Map<string, number>, path: string) =>
    counts.set(canonicalPath(table, path), (counts.get(canonicalPath(table, path)) ?? 0) + 1);
  for await (const { actions } of readHistory(snapshot)) {
    for (const action of actions) {
      if ('add' in action) count(adds, action.add.path);
      if ('remove' in action) count(removes, action.remove.path);
    }
  }
  return { version: snapshot.version, active, adds, removes };
}
