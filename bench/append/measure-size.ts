import type { Invocation, RunningFunction } from '../lambda-runtime.ts';
import type { S3Proxy, S3Requests } from '../s3-proxy.ts';
import type { BenchTable } from './bench-table.ts';
import type { Contender } from './contenders.ts';
import { median } from './statistics.ts';

/** A contender, with the table that it appends to and a small one by which its code gets warm. */
export interface Entrant {
  readonly contender: Contender;
  readonly table: BenchTable;
  readonly warmUp: BenchTable;
}

export interface Place {
  /** Where the functions that are timed find S3. */
  readonly endpoint: string;
  /** Where those find it whose requests are counted. */
  readonly proxy: S3Proxy;
  readonly rounds: number;
}

/** What an append costs one contender, with some number of commits since the checkpoint. */
export interface AppendCost {
  /** Requests of the first invocation of a process. */
  readonly coldRequests: S3Requests;
  /** From the start of a process to the response, ms. */
  readonly coldMs: readonly number[];
  /** Of each of the warm invocations whose requests were counted. */
  readonly warmRequests: readonly S3Requests[];
  readonly warmMs: readonly number[];
  readonly warmCpuMs: readonly number[];
  /** Of a process that was warmed up and then did all of `warmMs`, bytes. */
  readonly peakRss: number;
}

/** Invocations of a new function until its code is compiled. */
const WARM_UP = 15;
/** Warm invocations whose requests are counted. */
const COUNTED = 2;
/** Starts that are timed. */
const COLD_STARTS = 5;
/** A contender that takes longer than this for all its rounds is measured less often, ms. */
const PATIENCE = 30_000;
/** Rounds and starts that even that one is measured. */
const LEAST = 3;

/** Measures all entrants with this many commits since the checkpoint, turn by turn. */
export async function measureAppends(
  place: Place,
  entrants: readonly Entrant[],
  commits: number,
): Promise<readonly AppendCost[]> {
  const counted: CountedRequests[] = [];
  for (const entrant of entrants) counted.push(await countRequests(place, entrant, commits));
  const cold = await inTurns(entrants, COLD_STARTS, async (entrant) => {
    await entrant.table.reset(commits);
    const { started, turn } = await startAndAppend(place.endpoint, entrant, entrant.table);
    started.stop();
    return started.initMs + turn.ms;
  });
  const warm = await timeWarm(place, entrants, commits);
  return entrants.map((_, index) => {
    const [requests, turns] = [counted[index], warm[index] ?? []];
    if (requests === undefined) throw new Error('an entrant was not counted');
    return {
      ...requests,
      coldMs: cold[index] ?? [],
      warmMs: turns.map(({ ms }) => ms),
      warmCpuMs: turns.map(({ cpuMs }) => cpuMs),
      peakRss: turns.at(-1)?.peakRss ?? Number.NaN,
    };
  });
}

/** The peak memory of one process after this many warm invocations, bytes. */
export async function measureMemory({ endpoint }: Place, entrant: Entrant, invocations: number): Promise<number> {
  await entrant.table.reset(0);
  const { started, turn } = await startAndAppend(endpoint, entrant, entrant.table);
  let peak = turn.peakRss;
  try {
    for (let done = 1; done < invocations; done += 1) {
      peak = (await append(started, entrant.contender, entrant.table)).peakRss;
    }
  } finally {
    started.stop();
  }
  return peak;
}

type CountedRequests = Pick<AppendCost, 'coldRequests' | 'warmRequests'>;

async function countRequests({ proxy }: Place, entrant: Entrant, commits: number): Promise<CountedRequests> {
  await entrant.table.reset(commits);
  proxy.takeRequests();
  const { started } = await startAndAppend(proxy.endpoint, entrant, entrant.table);
  const coldRequests = proxy.takeRequests();
  const warmRequests: S3Requests[] = [];
  try {
    for (let turn = 0; turn < COUNTED; turn += 1) {
      await append(started, entrant.contender, entrant.table);
      warmRequests.push(proxy.takeRequests());
    }
  } finally {
    started.stop();
  }
  return { coldRequests, warmRequests };
}

/** The first invocation on the table, which loads its state, is left out. */
async function timeWarm({ endpoint, rounds }: Place, entrants: readonly Entrant[], commits: number) {
  const running = new Map<Entrant, RunningFunction>();
  try {
    for (const entrant of entrants) {
      await entrant.warmUp.reset(0);
      const { started } = await startAndAppend(endpoint, entrant, entrant.warmUp);
      running.set(entrant, started);
      for (let turn = 1; turn < WARM_UP; turn += 1) await append(started, entrant.contender, entrant.warmUp);
      await entrant.table.reset(commits);
      await append(started, entrant.contender, entrant.table);
    }
    return await inTurns(entrants, rounds, (entrant) =>
      append(required(running.get(entrant)), entrant.contender, entrant.table),
    );
  } finally {
    for (const started of running.values()) started.stop();
  }
}

/** Lets one after the other have a turn, and again, so that all meet the same noise of the machine. */
async function inTurns<T>(
  entrants: readonly Entrant[],
  rounds: number,
  run: (entrant: Entrant) => Promise<T>,
): Promise<T[][]> {
  const results: T[][] = entrants.map(() => []);
  const spent = entrants.map(() => 0);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, entrant] of entrants.entries()) {
      if (round >= LEAST && (spent[index] ?? 0) > PATIENCE) continue;
      const begin = performance.now();
      results[index]?.push(await run(entrant));
      spent[index] = (spent[index] ?? 0) + performance.now() - begin;
    }
  }
  return results;
}

async function startAndAppend(endpoint: string, { contender }: Entrant, table: BenchTable) {
  const started = await contender.start(endpoint);
  try {
    return { started, turn: await append(started, contender, table) };
  } catch (error) {
    started.stop();
    throw error;
  }
}

/** Throws unless the files are in the table with one commit. */
async function append(started: RunningFunction, { name }: Contender, table: BenchTable): Promise<Invocation> {
  const invocation = await started.invoke(await table.land());
  const { batchItemFailures = [] } = (invocation.response ?? {}) as { batchItemFailures?: readonly unknown[] };
  if (batchItemFailures.length > 0) throw new Error(`${name} failed for ${batchItemFailures.length} messages`);
  await table.expectCommit(name);
  return invocation;
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a function was not started');
  return value;
}

/** The middle of the warm invocations, ms. */
export function warmMs({ warmMs: all }: AppendCost): number {
  return median(all);
}
