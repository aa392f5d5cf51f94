/**
 * What an append costs against the size of the table: `npm run bench`. Each size runs in a process of its own, over a
 * local folder. Requests are exact; times and memory are of this machine, to be compared with each other.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { AppendCost } from './append-cost.ts';

const SIZES = [10, 1_000, 10_000, 100_000];

const results = SIZES.map((files) => {
  process.stderr.write(`measuring a table of ${files.toLocaleString('en')} files …\n`);
  return measure(files);
});
console.log('\nwarm append of 10 new files (median of 9 invocations), and the first, cold one\n');
console.log('active files   GET  LIST   PUT   warm ms   cold ms   cold requests   peak RSS, MiB');
for (const { files, warm, cold, peakRss } of results) {
  const cells = [
    files.toLocaleString('en').padStart(12),
    String(warm.get).padStart(6),
    String(warm.list).padStart(6),
    String(warm.putIfAbsent).padStart(6),
    warm.ms.toFixed(1).padStart(10),
    cold.ms.toFixed(1).padStart(10),
    String(cold.get + cold.list + cold.putIfAbsent + cold.head).padStart(16),
    (peakRss / 2 ** 20).toFixed(0).padStart(16),
  ];
  console.log(cells.join(''));
}

function measure(files: number): AppendCost {
  const script = join(import.meta.dirname, 'append-cost.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, String(files)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the measurement of ${files} files failed:\n${stderr}`);
  return JSON.parse(stdout) as AppendCost;
}
