import { setTimeout as sleep } from 'node:timers/promises';
import { createRegistries } from '../../aws/registries.ts';
import type { ReplayDeps } from '../../kafka/replay/replay-records.ts';
import { createRouter } from '../../kafka/replay/replay-routes.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { readTablesConfig } from './read-config.ts';

/** What a replay needs, with the tables and rules of a configuration file. Throws UsageError for what is none. */
export async function replayDeps(configPath: string | undefined): Promise<ReplayDeps> {
  const { config, tableAt } = await readTablesConfig(configPath);
  return {
    engine: {
      reader: createCheckpointReader(),
      config,
      // What there is to tell is in the result.
      telemetry: { log: () => undefined, metrics: () => undefined },
      now: Date.now,
      random: Math.random,
      sleep: (ms) => sleep(ms),
    },
    route: createRouter(config, createRegistries(config)),
    tableAt,
  };
}
