/**
 * What a reconciliation of a large table costs: `node bench/reconcile.ts [FILES] [MISSED]`, 1,000,000 and 10,000 if not
 * given; as many as are missed are gone. The log is on disk; the objects are only names, and those that were missed are one small Parquet file under many
 * names, so that the memory is that of the task. Each run is a process of its own, and prints its time, its peak memory
 * (RSS) and its requests.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAppendConfig } from '../src/ingest/config.ts';
import { createCheckpointReader } from '../src/parquet/checkpoint-reader.ts';
import { reconcileTable } from '../src/recovery/reconcile-table.ts';
import { createFolderStore } from '../src/storage/folder-store.ts';
import type { ObjectInfo, ObjectStore } from '../src/storage/object-store.ts';
import { createCountingStore } from '../test/support/counting-store.ts';
import { parquet } from '../test/support/landing.ts';
import { putCheckpointedTable } from './sizing-tables.ts';

const [first = '1000000', second = '10000', folder] = process.argv.slice(2);

if (folder === undefined) measureAll();
else await measure(Number(first), Number(second), folder);

async function measureAll(): Promise<void> {
  for (const missed of ['0', second]) {
    const made = mkdtempSync(join(tmpdir(), 'resaca-bench-'));
    try {
      await putCheckpointedTable({ store: createFolderStore(made), root: '', url: made }, Number(first));
      spawnSync(process.execPath, [import.meta.filename, first, missed, made], { stdio: 'inherit' });
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
  }
}

async function measure(files: number, missed: number, path: string): Promise<void> {
  const store = createCountingStore(withNames(createFolderStore(path), files, missed));
  const engine = {
    reader: createCheckpointReader(),
    config: parseAppendConfig({}),
    telemetry: { log: () => undefined, metrics: () => undefined },
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
  // The log of this table begins with its checkpoint: without `add`, old files could not be told from removed ones.
  const result = await reconcileTable(engine, { store, root: '', url: path }, { unknown: 'add' });
  const seconds = (performance.now() - begin) / 1000;
  clearInterval(watch);
  const { get, head, list, putIfAbsent } = store.counts;
  console.log(
    `${files} files, ${missed} missed: ${seconds.toFixed(1)} s, ${Math.round(peak / 1e6)} MB at most, ` +
      JSON.stringify({ get, head, list, putIfAbsent }),
  );
  const { listed, known, added, commits, removedFiles } = result;
  console.log(`  ${JSON.stringify({ listed, known, added, commits, removedFiles })}`);
}

/** The store with the table's data files but for the first ones, and as many missed ones beside them. */
function withNames(inner: ObjectStore, files: number, missed: number): ObjectStore {
  const body = parquet([{ request_id: 'a' }], { request_id: 'string' });
  const info = (key: string, size: number): ObjectInfo => ({ key, size, etag: 'x', modified: 0 });
  const isMissed = (key: string) => key.startsWith('ds=2026-11-24/missed-');
  return {
    ...inner,
    async get(key, options) {
      if (!isMissed(key)) return inner.get(key, options);
      const { start = 0, end = body.length } = options?.range ?? {};
      return { body: body.slice(start, end), etag: 'x', size: body.length, modified: 0 };
    },
    head: async (key) => (isMissed(key) ? info(key, body.length) : inner.head(key)),
    async *list(prefix, options) {
      yield* inner.list(prefix, options);
      if (prefix !== '') return;
      for (let file = 0; file < files; file += 1)
        if (file >= missed) yield info(`ds=2026-11-23/part-${file}-c000.snappy.parquet`, 1_000_000);
      for (let file = 0; file < missed; file += 1) yield info(`ds=2026-11-24/missed-${file}.parquet`, body.length);
    },
  };
}
