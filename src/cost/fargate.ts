import { HOURS, type Position } from './cost-items.ts';

/** Always-on work of programs that can be run any number of times side by side. */
export interface SteadyWork {
  /** Cores that are busy on average. */
  readonly cores: number;
  /** Memory of one program at most, MiB. */
  readonly peakMiB: number;
}

/** Sizes of a task on Fargate: vCPU, and GB of memory from the least to the most (ECS guide, "Task CPU and memory"). */
const SIZES = [
  { vcpu: 0.25, memory: [0.5, 1, 2] },
  { vcpu: 0.5, memory: [1, 2, 3, 4] },
  { vcpu: 1, memory: [2, 3, 4, 5, 6, 7, 8] },
  { vcpu: 2, memory: [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] },
  { vcpu: 4, memory: [8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30] },
] as const;

/** Part of a task that may be busy on average, so that it catches up after a pause. */
export const BUSY = 0.5;
/** Memory beyond what was measured at most. */
const SPARE = 1.15;
const MIB_OF_A_GB = 1_024;

export interface Tasks {
  readonly count: number;
  readonly vcpu: number;
  /** GB of each. */
  readonly memory: number;
}

/** The fewest of the smallest tasks that carry the work; more than the largest carries is spread over several of it. */
export function tasksFor({ cores, peakMiB }: SteadyWork): Tasks {
  const least = (peakMiB * SPARE) / MIB_OF_A_GB;
  const fitting = SIZES.flatMap(({ vcpu, memory }) => {
    const gb = memory.find((size) => size >= least);
    return gb === undefined ? [] : [{ vcpu, memory: gb }];
  });
  const one = fitting.find(({ vcpu }) => vcpu * BUSY >= cores) ?? fitting.at(-1);
  if (one === undefined) throw new RangeError(`no task of Fargate has ${least.toFixed(1)} GB of memory`);
  return { ...one, count: Math.max(1, Math.ceil(cores / (one.vcpu * BUSY))) };
}

export function taskItems({ count, vcpu, memory }: Tasks): Position[] {
  const what = `${count} ${count === 1 ? 'task' : 'tasks'} of ${vcpu} vCPU and ${memory} GB`;
  return [
    [`${what}: vCPU`, 'fargate.vcpuHour', count * vcpu * HOURS],
    [`${what}: memory`, 'fargate.gbHour', count * memory * HOURS],
  ];
}
