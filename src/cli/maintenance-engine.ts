import { setTimeout as wait } from 'node:timers/promises';
import type { MaintenanceEngine } from '../maintenance/engine.ts';
import { createCheckpointReader } from '../parquet/checkpoint-reader.ts';

/** The world of a task that a person runs. */
export function createEngine(): MaintenanceEngine {
  return {
    reader: createCheckpointReader(),
    now: Date.now,
    random: Math.random,
    sleep: async (ms) => {
      await wait(ms);
    },
  };
}
