import assert from 'node:assert/strict';
import type { Action } from '../../src/delta/actions.ts';
import { readCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { canonicalPath } from '../../src/delta/path.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import type { MaintenanceEngine } from '../../src/maintenance/engine.ts';
import type { SparkOptimizeOptions } from '../../src/maintenance/spark/optimize-on-spark.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createAppendWorld } from '../support/append-world.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { readRows } from '../support/spark-stand-in.ts';

export const FILES = 6;
export const ROWS_OF_A_FILE = 3;

/** A table of six small files in two partitions that landed and were appended, with 18 rows. */
export async function createSparkWorld() {
  const world = createAppendWorld();
  for (let index = 0; index < FILES; index++) {
    const rows = rowsOf(index * ROWS_OF_A_FILE, ROWS_OF_A_FILE);
    await world.deliver([await world.land(`orders/ds=${index % 2}/${index}.parquet`, parquet(rows))]);
  }
  return { world, ...sparkOver(world.store, world) };
}

interface Clock {
  now(): number;
  advance(ms: number): void;
}

/** What the tests look at in a store with the table. */
export function sparkOver(store: ObjectStore, clock: Clock) {
  const engine: MaintenanceEngine = {
    reader: createCheckpointReader(),
    now: () => clock.now(),
    random: () => 0.5,
    sleep: async (ms) => clock.advance(ms),
  };
  const tableIn = (seen: ObjectStore): TableRef => ({ store: seen, root: 'orders', url: 's3://landing/orders' });
  const table = tableIn(store);

  async function activePaths(): Promise<string[]> {
    const paths: string[] = [];
    for await (const files of activeFiles(await loadSnapshot(table, engine.reader), engine.reader)) {
      paths.push(...files.map(({ path }) => canonicalPath(table, path)));
    }
    return paths;
  }

  return {
    engine,
    table,
    tableIn,
    activePaths,
    options: (): SparkOptimizeOptions => ({ targetFileSize: 1_000_000, deadline: clock.now() + 60_000 }),
    /** The ids of all rows, ascending. */
    async ids(): Promise<number[]> {
      const ids: number[] = [];
      for (const path of await activePaths()) {
        for (const { id } of await readRows(table, path)) ids.push(Number(id));
      }
      return ids.sort((a, b) => a - b);
    },
    /** The actions of the newest commit. */
    async lastActions(): Promise<readonly Action[]> {
      const { version } = await loadSnapshot(table, engine.reader);
      return (await readCommit(table, { version, key: commitKey(table, version) })).actions;
    },
    /** The keys under the folder of runs. */
    async leftOvers(): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of store.list('orders/_resaca/optimize/')) keys.push(key);
      return keys;
    },
  };
}

export type SparkView = ReturnType<typeof sparkOver>;

export const ALL_IDS = Array.from({ length: FILES * ROWS_OF_A_FILE }, (_, id) => id);

export async function assertRowsAreThere(spark: Pick<SparkView, 'ids'>): Promise<void> {
  assert.deepEqual(await spark.ids(), ALL_IDS);
}
