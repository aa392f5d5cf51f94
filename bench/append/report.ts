import type { StartUp } from '../start-up.ts';
import { type Bound, MIB, requestsText, type SizeResult, totalRequests } from './bounds.ts';
import type { Series } from './chart-scale.ts';
import { type AppendCost, warmMs } from './measure-size.ts';
import { median, spread } from './statistics.ts';

const NAMES = ['resaca', 'oxbow'] as const;

/** A line for each size, number of commits and contender: what a warm append costs. */
export function warmTable(sizes: readonly SizeResult[]): string {
  return markdown(
    [
      'active files',
      'commits since',
      'function',
      'wall ms (least-most)',
      'CPU ms',
      'peak MiB',
      'requests',
      'wall, oxbow to ours',
    ],
    costLines(sizes).map(({ files, commits, name, cost, ours }) => [
      files.toLocaleString('en'),
      String(commits),
      name,
      `${warmMs(cost).toFixed(0)} (${spread(cost.warmMs)
        .map((ms) => ms.toFixed(0))
        .join('-')})`,
      median(cost.warmCpuMs).toFixed(0),
      (cost.peakRss / MIB).toFixed(0),
      warmRequestsText(cost),
      cost === ours ? '' : (warmMs(cost) / warmMs(ours)).toFixed(1),
    ]),
  );
}

/** A line for each: from the start of a process to the first commit. */
export function coldTable(sizes: readonly SizeResult[]): string {
  return markdown(
    ['active files', 'commits since', 'function', 'start to first commit, ms', 'requests', 'MB read'],
    costLines(sizes).map(({ files, commits, name, cost }) => [
      files.toLocaleString('en'),
      String(commits),
      name,
      median(cost.coldMs).toFixed(0),
      `${totalRequests(cost.coldRequests)}: ${requestsText(cost.coldRequests)}`,
      (cost.coldRequests.received / 1e6).toFixed(2),
    ]),
  );
}

export function startTable(starts: readonly StartUp[]): string {
  return markdown(
    ['function', 'ready after, ms', 'CPU ms'],
    starts.map(({ name, ms, cpuMs }) => [name, ms.toFixed(0), cpuMs.toFixed(0)]),
  );
}

/** The peak memory of one process of ours after many invocations. */
export function memoryTable(sizes: readonly SizeResult[]): string {
  return markdown(
    ['active files', 'peak MiB'],
    sizes.flatMap(({ files, peakRss }) =>
      peakRss === undefined ? [] : [[files.toLocaleString('en'), (peakRss / MIB).toFixed(0)]],
    ),
  );
}

export function boundsTable(bounds: readonly Bound[]): string {
  return markdown(
    ['what', 'to reach', 'measured', 'reached'],
    bounds.map(({ name, bound, measured, reached }) => [name, bound, measured, reachedText(reached)]),
  );
}

/** Wall time of a warm append with no commits since the checkpoint, by the size of the table. */
export function wallSeries(sizes: readonly SizeResult[]): readonly Series[] {
  return NAMES.flatMap((name, index) => {
    const points = sizes.flatMap(({ files, costs }) => {
      const cost = costs.get(0)?.[index];
      return cost === undefined ? [] : [{ x: files, y: warmMs(cost) }];
    });
    return points.length === 0 ? [] : [{ name, points }];
  });
}

interface CostLine {
  readonly files: number;
  readonly commits: number;
  readonly name: string;
  readonly cost: AppendCost;
  readonly ours: AppendCost;
}

function costLines(sizes: readonly SizeResult[]): CostLine[] {
  return sizes.flatMap(({ files, costs }) =>
    [...costs].flatMap(([commits, all]) =>
      all.flatMap((cost, index) =>
        cost === undefined ? [] : [{ files, commits, name: NAMES[index] ?? '', cost, ours: all[0] }],
      ),
    ),
  );
}

/** Each invocation's where they differ. */
function warmRequestsText({ warmRequests }: AppendCost): string {
  return [...new Set(warmRequests.map((requests) => `${totalRequests(requests)}: ${requestsText(requests)}`))].join(
    '; ',
  );
}

function reachedText(reached: boolean | undefined): string {
  if (reached === undefined) return '';
  return reached ? 'yes' : 'NO';
}

function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
