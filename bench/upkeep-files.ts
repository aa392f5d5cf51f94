/**
 * What a vacuum and a doctor of a large table cost: `node bench/upkeep-files.ts [FILES] [STRAYS]`, 1,000,000 and 100,000
 * if not given. The log is on disk; the data files are only names, so that the memory is that of the task. Each task runs
 * in a process of its own, and prints its time, its peak memory (RSS) and its requests.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TableRef } from '../src/delta/table.ts';
import { examineTable } from '../src/maintenance/doctor/doctor.ts';
import type { MaintenanceEngine } from '../src/maintenance/engine.ts';
import { vacuumTable } from '../src/maintenance/vacuum/vacuum.ts';
import { createCheckpointReader } from '../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../src/storage/folder-store.ts';
import type { ObjectInfo, ObjectStore } from '../src/storage/object-store.ts';
import { createCountingStore } from '../test/support/counting-store.ts';
import { putCheckpointedTable } from './sizing-tables.ts';

const [first, second, third, folder = ''] = process.argv.slice(2);
const TASKS: Readonly<Record<string, (engine: MaintenanceEngine, table: TableRef) => Promise<object>>> = {
  vacuum: (engine, table) => vacuumTable(engine, table),
  'vacuum --dry-run': (engine, table) => vacuumTable(engine, table, { dryRun: true }),
  doctor: (engine, table) => examineTable(engine, table),
  'doctor --files': (engine, table) => examineTable(engine, table, { files: true }),
};

if (first !== undefined && first in TASKS) await measure(first, Number(second), Number(third), folder);
else await measureAll(Number(first ?? 1_000_000), Number(second ?? 100_000));

async function measureAll(files: number, strays: number): Promise<void> {
  const made = mkdtempSync(join(tmpdir(), 'resaca-bench-'));
  try {
    await putCheckpointedTable({ store: createFolderStore(made), root: '', url: made }, files);
    for (const task of Object.keys(TASKS)) {
      spawnSync(process.execPath, [import.meta.filename, task, String(files), String(strays), made], {
        stdio: 'inherit',
      });
    }
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

async function measure(task: string, files: number, strays: number, path: string): Promise<void> {
  const store = createCountingStore(withNames(createFolderStore(path), files, strays));
  const engine: MaintenanceEngine = {
    reader: createCheckpointReader(),
    now: Date.now,
    random: Math.random,
    sleep: async () => undefined,
  };
  // Not the system's maximum, which starts with the memory of the process that started this one.
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const begin = performance.now();
  const result = await TASKS[task]?.(engine, { store, root: '', url: path });
  const seconds = (performance.now() - begin) / 1000;
  clearInterval(watch);
  const { get, head, list } = store.counts;
  const counts = { get, head, list, delete: store.counts.delete };
  console.log(`${task}: ${seconds.toFixed(1)} s, ${Math.round(peak / 1e6)} MB at most, ${JSON.stringify(counts)}`);
  console.log(`  ${JSON.stringify(result, (key, value) => (/ample$/.test(key) ? undefined : value)).slice(0, 400)}`);
}

/** The store with the table's data files, and strays beside them, as far as names, sizes and times go. */
function withNames(inner: ObjectStore, files: number, strays: number): ObjectStore {
  const info = (key: string): ObjectInfo => ({ key, size: 1_000_000, etag: 'x', modified: 0 });
  return {
    ...inner,
    head: (key) => (key.startsWith('ds=') ? Promise.resolve(info(key)) : inner.head(key)),
    delete: (key) => (key.startsWith('ds=') ? Promise.resolve() : inner.delete(key)),
    async *list(prefix, options) {
      yield* inner.list(prefix, options);
      if (prefix !== '') return;
      for (let file = 0; file < files; file += 1) yield info(`ds=2026-11-23/part-${file}-c000.snappy.parquet`);
      for (let file = 0; file < strays; file += 1) yield info(`ds=2026-11-23/stray-${file}-c000.snappy.parquet`);
    },
  };
}
