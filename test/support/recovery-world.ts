/** The append world, with events that get lost, and what makes up for them. */
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { type AppendConfig, parseAppendConfig } from '../../src/ingest/config.ts';
import type { TableEngine } from '../../src/ingest/engine.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { type ReconcileOptions, reconcileTable } from '../../src/recovery/reconcile-table.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createAppendWorld } from './append-world.ts';
import { BUCKET, parquet, rowsOf } from './landing.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export type RecoveryWorld = ReturnType<typeof createRecoveryWorld>;

export function createRecoveryWorld(config: unknown = {}) {
  const world = createAppendWorld({ config });
  const parsed: AppendConfig = parseAppendConfig(config);
  const engine: TableEngine = {
    reader: createCheckpointReader(),
    config: parsed,
    telemetry: {
      log: (level, message, data) => world.logs.push({ level, message, ...(data !== undefined && { data }) }),
      metrics: (table, values) => world.metrics.push({ table, ...values }),
    },
    now: world.now,
    random: () => 0.5,
    sleep: async (ms) => world.advance(ms),
  };
  const tableAt = (root: string, store: ObjectStore = world.store): TableRef => ({
    store,
    root,
    url: `s3://${BUCKET}/${root}`,
  });
  let files = 0;
  return {
    ...world,
    engine,
    tableAt,
    /** Lands a file of ten rows; `tell` gives its event. */
    drop: (key: string, rows = 10) => world.land(key, parquet(rowsOf(1_000 * files++, rows))),
    reconcile: (root: string, options: ReconcileOptions = {}, store?: ObjectStore) =>
      reconcileTable(engine, tableAt(root, store), options),
    /** The active files, by decoded path, sorted; none where there is no table. */
    async active(root: string): Promise<string[]> {
      const paths: string[] = [];
      const snapshot = await loadSnapshot(tableAt(root), engine.reader);
      for await (const batch of activeFiles(snapshot, engine.reader)) {
        for (const { path } of batch) paths.push(decodeURIComponent(path));
      }
      return paths.sort();
    },
    /** Adds in all commits of the table, by decoded path. */
    async adds(root: string): Promise<Record<string, number>> {
      const counts: Record<string, number> = {};
      for await (const { key } of world.store.list(`${root}/_delta_log/`)) {
        if (!/\d{20}\.json$/.test(key)) continue;
        const text = new TextDecoder().decode((await world.store.get(key)).body);
        for (const line of text.split('\n').filter((one) => one.startsWith('{"add"'))) {
          const path = decodeURIComponent(JSON.parse(line).add.path);
          counts[path] = (counts[path] ?? 0) + 1;
        }
      }
      return counts;
    },
  };
}
