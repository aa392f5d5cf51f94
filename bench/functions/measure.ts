/** What an invocation of a function takes, and each unit of work in it. */
import { startFunction } from '../lambda-runtime.ts';
import type { S3Requests } from '../s3-proxy.ts';
import type { FunctionLoad, Sized } from './loads.ts';
import type { World } from './world.ts';

export interface SizeCost {
  /** Units of work in an invocation. */
  readonly size: number;
  /** Of one invocation, on average; /proc counts in steps of 10 ms. */
  readonly cpuMs: number;
  readonly requests: Readonly<Omit<S3Requests, 'received' | 'ranged'>>;
  /** Bytes. */
  readonly peakRss: number;
}

export interface FunctionCost {
  readonly name: string;
  readonly unit: string;
  readonly sizes: readonly SizeCost[];
}

/** Invocations of a new process that do not count: the engine compiles. */
const WARM_UP = 5;

export async function measureFunction(world: World, load: FunctionLoad): Promise<FunctionCost> {
  const bundle = await world.build(load.bundle);
  const sizes: SizeCost[] = [];
  for (const sized of load.sizes) sizes.push(await measureSize(world, load, bundle, sized));
  return { name: load.name, unit: load.unit, sizes };
}

async function measureSize(
  world: World,
  { memorySize, env }: FunctionLoad,
  bundle: string,
  { size, turns, event }: Sized,
): Promise<SizeCost> {
  const running = await startFunction(bundle, { memorySize, env: { ...world.env, ...(await env(world)) } });
  const kinds = { get: 0, head: 0, list: 0, put: 0, other: 0, service: 0 };
  let cpuMs = 0;
  let peakRss = 0;
  try {
    for (let turn = -WARM_UP; turn < turns; turn++) {
      const given = await event(world, turn);
      world.proxy.takeRequests();
      const { response, ...usage } = await running.invoke(given);
      checkResponse(response);
      if (turn < 0) continue;
      const requests = world.proxy.takeRequests();
      for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) kinds[kind] += requests[kind] / turns;
      cpuMs += usage.cpuMs / turns;
      peakRss = usage.peakRss;
    }
  } finally {
    running.stop();
  }
  return { size, cpuMs, requests: kinds, peakRss };
}

/** Nothing may have failed: what does not do its work is not measured. */
function checkResponse(response: unknown): void {
  const { batchItemFailures = [], statusCode = 200 } = (response ?? {}) as {
    batchItemFailures?: readonly unknown[];
    statusCode?: number;
  };
  if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} messages failed`);
  if (statusCode !== 200) throw new Error(`the function answered with ${statusCode}`);
}

/** CPU of an invocation without its units, and of one unit: the line through the smallest and the largest size. ms. */
export function fitLine(sizes: readonly Pick<SizeCost, 'size' | 'cpuMs'>[]): { fixed: number; each: number } {
  const [first, last] = [sizes[0], sizes.at(-1)];
  if (first === undefined || last === undefined) throw new Error('expected one size at least');
  if (first.size === last.size) return { fixed: first.cpuMs, each: 0 };
  const each = (last.cpuMs - first.cpuMs) / (last.size - first.size);
  return { fixed: Math.max(0, first.cpuMs - each * first.size), each };
}
