/** Writes the checkpoint of a table and prints a CheckpointCost as JSON: `node run.ts FOLDER`. */
import { type CheckpointResult, checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

export interface CheckpointCost {
  readonly ms: number;
  readonly cpuMs: number;
  /** Bytes. */
  readonly peakRss: number;
  /** Those that write count once, also where they take several parts. */
  readonly requests: { readonly get: number; readonly head: number; readonly list: number; readonly put: number };
  /** That the GETs brought. */
  readonly bytesRead: number;
  readonly result: CheckpointResult;
}

const [folder = ''] = process.argv.slice(2);
const inner = createFolderStore(folder);
const requests = { get: 0, head: 0, list: 0, put: 0 };
let bytesRead = 0;
const store: ObjectStore = {
  ...inner,
  async get(key, options) {
    requests.get++;
    const object = await inner.get(key, options);
    bytesRead += object.body.length;
    return object;
  },
  head(key) {
    requests.head++;
    return inner.head(key);
  },
  list(prefix, options) {
    requests.list++;
    return inner.list(prefix, options);
  },
  put(key, body) {
    requests.put++;
    return inner.put(key, body);
  },
  putStream(key, pieces) {
    requests.put++;
    return inner.putStream(key, pieces);
  },
};
const started = performance.now();
const result = await checkpointTable(
  { reader: createCheckpointReader(), now: Date.now, random: Math.random, sleep: async () => {} },
  { store, root: '', url: folder },
);
const ms = performance.now() - started;
const { user, system } = process.cpuUsage();
const cost: CheckpointCost = {
  ms,
  cpuMs: (user + system) / 1000,
  // Kilobytes by POSIX.
  peakRss: process.resourceUsage().maxRSS * 1024,
  requests,
  bytesRead,
  result,
};
console.log(JSON.stringify(cost));
