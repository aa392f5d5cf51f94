import { type Bill, billOf, type Position } from './cost-items.ts';
import { type AppendPart, type FileLoad, fileWork } from './files.ts';
import type { PriceList } from './prices.ts';

/** Messages of a batch: Lambda's default, with which its function is deployed. */
const BATCH = 10;
/** Long polls of Lambda on an empty queue in a month (docs/operations.md, "What it costs at rest"). */
const POLLS = 650_000;

/** Milliseconds of a warm invocation of oxbow with 10 new files, and its memory, by active files (docs/performance.md). */
const OXBOW = [
  { files: 10, ms: 617, memory: 128 },
  { files: 1_000, ms: 610, memory: 128 },
  { files: 100_000, ms: 1_152, memory: 512 },
  { files: 1_000_000, ms: 5_452, memory: 1_792 },
] as const;

/** What oxbow's function costs with the same files, by tens, which is Lambda's default, and a checkpoint before each. */
export function oxbowFiles(load: FileLoad, part: AppendPart, prices: PriceList): Bill {
  const { files, batches, commits } = fileWork(load, { ...part, batchSize: Math.min(BATCH, part.batchSize) });
  const { ms, memory } = oxbowAt(load.tableFiles);
  const items: Position[] = [
    ['GETs: 21 for each commit, the footers of 10 files among them', 's3.get', 21 * commits],
    ['commits: a PUT and three LISTs each', 's3.put', 4 * commits],
    ['events: sent one by one, received and deleted by tens', 'sqs.standard', 1.2 * files],
    ['function: invocations', 'lambda.request', batches],
    ['function: time', 'lambda.gbSecond', commits * (ms / 1_000) * (memory / 1_024)],
    ['polls on the empty queue', 'sqs.standard', POLLS],
  ];
  return billOf('oxbow', items, prices, [
    `measured: ${Math.round(ms)} ms a commit of a table of ${load.tableFiles.toLocaleString('en')} files with 20 ms a request (docs/performance.md)`,
    'assumed: batches of 10 files; no alarms, metrics, checkpoints and lock table counted',
  ]);
}

/** In proportion, between two measurements and beyond the last. */
function oxbowAt(files: number): { readonly ms: number; readonly memory: number } {
  const next = OXBOW.findIndex((one) => one.files >= files);
  const last = OXBOW[OXBOW.length - 1];
  if (next === -1 && last !== undefined) return { ms: (last.ms * files) / last.files, memory: last.memory };
  const to = OXBOW[next] ?? OXBOW[0];
  const from = OXBOW[Math.max(0, next - 1)] ?? to;
  if (to === from) return to;
  const share = (files - from.files) / (to.files - from.files);
  return { ms: from.ms + share * (to.ms - from.ms), memory: to.memory };
}
