import type { S3Requests } from '../s3-proxy.ts';
import { NEW_FILES } from './bench-table.ts';
import { type AppendCost, warmMs } from './measure-size.ts';

/** Ours, and the peer's where there is one. */
export type CostPair = readonly [AppendCost, AppendCost?];

/** What was measured of a table size. */
export interface SizeResult {
  readonly files: number;
  /** Of the checkpoint, bytes. */
  readonly checkpointBytes: number;
  /** By the number of commits since the checkpoint. */
  readonly costs: ReadonlyMap<number, CostPair>;
  /** Of our process after many invocations, bytes; undefined where that was not measured. */
  readonly peakRss?: number;
}

export interface StartTimes {
  /** ms */
  readonly ours: number;
  readonly client: number;
}

export interface Bound {
  readonly name: string;
  readonly bound: string;
  readonly measured: string;
  /** Undefined when what it takes was not measured. */
  readonly reached?: boolean;
}

export const MIB = 2 ** 20;
/** The tables between which memory may not grow. */
const [SMALL, LARGE] = [10, 1_000_000];
/** How many times as fast as the peer it has to be, by the size of the table. */
const FASTER: ReadonlyMap<number, number> = new Map([
  [SMALL, 1],
  [100_000, 5],
  [LARGE, 50],
]);
const MAX_RSS = 160 * MIB;
const MAX_RSS_GROWTH = 1.1;
const MAX_COLD_REQUESTS = 9;
const MAX_COLD_BYTES = 4_000_000;
const MAX_START_RATIO = 1.3;

/** What is to be reached, beside what was measured. */
export function checkBounds(sizes: readonly SizeResult[], start: StartTimes | undefined): readonly Bound[] {
  return [
    warmRequests(sizes),
    ...[...FASTER].map(([files, times]) => wallTime(sizes, files, times)),
    ...memory(sizes),
    ...coldStart(sizes),
    startUp(start),
  ];
}

/** All requests, whatever they are. */
export function totalRequests({ get, head, list, put, other }: S3Requests): number {
  return get + head + list + put + other;
}

/** As text: only the kinds that there are. */
export function requestsText(requests: S3Requests): string {
  const { get, ranged, head, list, put, other } = requests;
  const kinds = [
    [ranged, 'ranged GET'],
    [get - ranged, 'GET'],
    [head, 'HEAD'],
    [list, 'LIST'],
    [put, 'PUT'],
    [other, 'other'],
  ] as const;
  return kinds.flatMap(([count, kind]) => (count > 0 ? [`${count} ${kind}`] : [])).join(' + ');
}

function warmRequests(sizes: readonly SizeResult[]): Bound {
  const all = sizes.flatMap(({ costs }) => [...costs.values()].flatMap(([ours]) => ours.warmRequests));
  return {
    name: `warm append of ${NEW_FILES} files: requests, at every size and with 0 or 99 commits since the checkpoint`,
    bound: `${NEW_FILES} ranged GET + 1 PUT + at most 1 LIST`,
    measured: [...new Set(all.map(requestsText))].join('; '),
    ...(all.length > 0 && { reached: all.every(isFlat) }),
  };
}

function isFlat({ get, ranged, head, list, put, other }: S3Requests): boolean {
  return get === NEW_FILES && ranged === NEW_FILES && put === 1 && list <= 1 && head === 0 && other === 0;
}

function wallTime(sizes: readonly SizeResult[], files: number, times: number): Bound {
  const [ours, peer] = sizes.find((size) => size.files === files)?.costs.get(0) ?? [];
  const name = `wall time beside oxbow at ${files.toLocaleString('en')} files`;
  const bound = times === 1 ? 'not slower' : `${times} times as fast`;
  if (ours === undefined || peer === undefined) return { name, bound, measured: 'not measured' };
  const ratio = warmMs(peer) / warmMs(ours);
  return { name, bound, measured: `${ratio.toFixed(ratio < 10 ? 1 : 0)} times as fast`, reached: ratio >= times };
}

function memory(sizes: readonly SizeResult[]): readonly Bound[] {
  const [small, large] = [SMALL, LARGE].map((files) => sizes.find((size) => size.files === files)?.peakRss);
  const growth = {
    name: `peak RSS at ${LARGE.toLocaleString('en')} files`,
    bound: `within 10 % of that at ${SMALL} files`,
  };
  const most = { name: growth.name, bound: `under ${MAX_RSS / MIB} MiB` };
  if (large === undefined) return [growth, most].map((bound) => ({ ...bound, measured: 'not measured' }));
  const under: Bound = { ...most, measured: `${(large / MIB).toFixed(0)} MiB`, reached: large < MAX_RSS };
  if (small === undefined) return [{ ...growth, measured: 'not measured' }, under];
  const percent = (large / small - 1) * 100;
  const measured = `${Math.abs(percent).toFixed(1)} % ${percent < 0 ? 'less' : 'more'}`;
  return [{ ...growth, measured, reached: large <= small * MAX_RSS_GROWTH }, under];
}

function coldStart(sizes: readonly SizeResult[]): readonly Bound[] {
  const size = sizes.find(({ files }) => files === LARGE);
  const name = `cold start to first commit, ${LARGE.toLocaleString('en')} files`;
  const [requests, bytes] = ['under 10 requests besides the footers', 'under 4 MB read'];
  const cost = size?.costs.get(0)?.[0].coldRequests;
  if (size === undefined || cost === undefined) {
    return [requests, bytes].map((bound) => ({ name, bound, measured: 'not measured' }));
  }
  const others = totalRequests(cost) - NEW_FILES;
  const checkpoint = `of a checkpoint of ${(size.checkpointBytes / 1e6).toFixed(0)} MB and ${NEW_FILES} files`;
  return [
    {
      name,
      bound: requests,
      measured: `${others} (${requestsText(cost)} in all)`,
      reached: others <= MAX_COLD_REQUESTS,
    },
    {
      name,
      bound: bytes,
      measured: `${(cost.received / 1e6).toFixed(2)} MB ${checkpoint}`,
      reached: cost.received < MAX_COLD_BYTES,
    },
  ];
}

function startUp(start: StartTimes | undefined): Bound {
  const name = 'start of a process until it is ready';
  const bound = `at most ${MAX_START_RATIO} times that of an empty function with an S3 client`;
  if (start === undefined) return { name, bound, measured: 'not measured' };
  const ratio = start.ours / start.client;
  const measured = `${ratio.toFixed(2)} times (${start.ours.toFixed(0)} to ${start.client.toFixed(0)} ms)`;
  return { name, bound, measured, reached: ratio <= MAX_START_RATIO };
}
