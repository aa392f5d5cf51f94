/**
 * Does one kind of upkeep for a table over and over, until its input ends: `node soak-upkeep.ts FOLDER TASK`. Prints a line of
 * JSON for each turn: what was done, and the memory of the process in bytes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isCheckpointDue } from '../../src/delta/checkpoint-interval.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { cleanLog } from '../../src/maintenance/log-cleanup/clean-log.ts';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import { vacuumTable } from '../../src/maintenance/vacuum/vacuum.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { SOAK_RETENTION } from './soak-table.ts';

const [folder = '', task = ''] = process.argv.slice(2);
const table = { store: createFolderStore(folder), root: '', url: folder };
const reader = createCheckpointReader();
const engine = { reader, now: Date.now, random: Math.random, sleep: (ms: number) => sleep(ms) };
/** ms between two turns. */
const PAUSE = 300;

const TASKS: Readonly<Record<string, () => Promise<number>>> = {
  async optimize() {
    const deadline = Date.now() + 120_000;
    return (await optimizeTable(engine, table, { targetSize: 256 * 1024, minInputFiles: 10, deadline })).filesRemoved;
  },
  async checkpoint() {
    if (!isCheckpointDue(await loadSnapshot(table, reader))) return 0;
    return (await checkpointTable(engine, table)).outcome === 'written' ? 1 : 0;
  },
  async vacuum() {
    const options = { retention: SOAK_RETENTION, allowShortRetention: true, orphans: 'delete' } as const;
    const { removed, orphans } = await vacuumTable(engine, table, options);
    return removed.files + orphans.files;
  },
  cleanLog: async () => (await cleanLog(engine, table)).files,
};

let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();
const run = TASKS[task];
if (run === undefined) throw new Error(`no task "${task}"`);
while (!isOver) {
  let done = 0;
  try {
    done = await run();
  } catch (error) {
    // Lost against all writers within its time: the next turn goes on.
    if (!isDeltaError(error, 'COMMIT_CONTENTION')) throw error;
  }
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ done, rss, heap: heapUsed + arrayBuffers })}\n`);
  await sleep(PAUSE);
}
