/** CPU time and memory of processes and their children, from /proc (proc(5)); Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** User and system time of the process and all below it, those included that have ended meanwhile. */
  readonly cpuMs: number;
  /** Highest memory at any time, of all together, bytes. */
  readonly peakRss: number;
}

export interface Watch {
  /** So far. */
  usage(): Usage;
  stop(): void;
}

/** Clock ticks a second of the times in /proc; fixed on Linux. */
const TICKS = 100;
/** How often it is looked: what a process does between the last look and its end is lost. ms. */
const INTERVAL = 50;

interface ProcessFacts {
  readonly parent: number;
  readonly cpuMs: number;
  readonly rss: number;
}

/** Watches a process and all that it starts. */
export function watchProcesses(root: number): Watch {
  const cpu = new Map<number, number>();
  let peakRss = 0;
  const look = (): void => {
    const all = processes();
    let rss = 0;
    for (const pid of familyOf(root, all)) {
      const facts = all.get(pid);
      if (facts === undefined) continue;
      cpu.set(pid, facts.cpuMs);
      rss += facts.rss;
    }
    peakRss = Math.max(peakRss, rss);
  };
  look();
  const timer = setInterval(look, INTERVAL);
  return {
    usage() {
      look();
      return { cpuMs: [...cpu.values()].reduce((sum, one) => sum + one, 0), peakRss };
    },
    stop: () => clearInterval(timer),
  };
}

/** The process and all below it. */
export function familyOf(
  root: number,
  all: ReadonlyMap<number, { readonly parent: number }> = processes(),
): Set<number> {
  const family = new Set([root]);
  // Parents have smaller numbers than their children, but for numbers that are given out again.
  for (const [pid, { parent }] of [...all].sort(([a], [b]) => a - b)) if (family.has(parent)) family.add(pid);
  return family;
}

function processes(): ReadonlyMap<number, ProcessFacts> {
  const found = new Map<number, ProcessFacts>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const facts = factsOf(pid);
    if (facts !== undefined) found.set(pid, facts);
  }
  return found;
}

/** Undefined for a process that has ended. */
function factsOf(pid: number): ProcessFacts | undefined {
  try {
    // The fields begin behind the name, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number);
    const [parent = 0, user = 0, system = 0, pages = 0] = [fields[1], fields[11], fields[12], fields[21]];
    return { parent, cpuMs: ((user + system) / TICKS) * 1000, rss: pages * PAGE };
  } catch {
    return undefined;
  }
}

const PAGE = 4096;
