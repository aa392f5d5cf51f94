/** What replays need over the bucket of a bronze world, with a configuration of their own. */
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { type BatchReplayStep, replayBatches } from '../../src/kafka/replay/replay-batches.ts';
import { type LetterReplay, type LetterReplayOptions, replayLetters } from '../../src/kafka/replay/replay-letters.ts';
import type { ReplayDeps } from '../../src/kafka/replay/replay-records.ts';
import { createRouter } from '../../src/kafka/replay/replay-routes.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { BronzeWorld } from '../support/bronze-world.ts';
import { failedInvocation, mskEvent } from '../support/kafka-events.ts';

const noRegistry = () => Promise.reject(new Error('there is no registry here'));

/** Where the mapping of the tests leaves what failed. */
export const FAILED = 'failed/';
const TIMEOUT = 300_000;

export interface ReplaySetting {
  readonly config?: object;
  /** What the replay sees instead of the store itself. */
  readonly store?: ObjectStore;
}

export function replayDeps(world: BronzeWorld, { config = {}, store = world.store }: ReplaySetting = {}): ReplayDeps {
  const parsed = parseKafkaConfig({ bucket: 'lake', ...config });
  return {
    engine: {
      reader: createCheckpointReader(),
      config: parsed,
      telemetry: { log: () => undefined, metrics: () => undefined },
      now: world.now,
      random: () => 0.5,
      sleep: async () => undefined,
    },
    route: createRouter(parsed, { confluent: noRegistry, glue: noRegistry }),
    tableAt: (root) => ({ store, root, url: `s3://lake/${root}` }),
  };
}

/** Leaves records where the mapping leaves a batch that the function did not take. */
export async function fail(world: BronzeWorld, name: string, ...records: KafkaRecord[]): Promise<void> {
  const body = JSON.stringify(failedInvocation(mskEvent(records)));
  await world.store.put(`${FAILED}${name}`, new TextEncoder().encode(body));
}

/** Replays what is under `FAILED`. Throws the first error of a table. */
export async function replayFailed(
  world: BronzeWorld,
  {
    deletes = false,
    isDryRun = false,
    limit,
    ...setting
  }: ReplaySetting & {
    readonly deletes?: boolean;
    readonly isDryRun?: boolean;
    readonly limit?: number;
  } = {},
): Promise<BatchReplayStep[]> {
  const source = { store: setting.store ?? world.store, prefix: FAILED };
  const options = { deletes, isDryRun, timeout: TIMEOUT, ...(limit !== undefined && { limit }) };
  const steps = await Array.fromAsync(replayBatches(replayDeps(world, setting), source, options));
  throwErrors(steps.map(({ result }) => result));
  return steps;
}

/** Replays the dead letters of a table. Throws the first error of a table. */
export async function replayDead(
  world: BronzeWorld,
  root: string,
  { isDryRun = false, codes, limit, ...setting }: ReplaySetting & Partial<LetterReplayOptions> = {},
): Promise<LetterReplay> {
  const deps = replayDeps(world, setting);
  const replay = await replayLetters(deps, deps.tableAt(`${root}__dead_letters`), {
    isDryRun,
    timeout: TIMEOUT,
    ...(codes !== undefined && { codes }),
    ...(limit !== undefined && { limit }),
  });
  throwErrors(replay.steps.map(({ result }) => result));
  return replay;
}

function throwErrors(results: readonly ({ readonly tables: readonly { readonly error?: unknown }[] } | undefined)[]) {
  for (const { error } of results.flatMap((result) => result?.tables ?? [])) if (error !== undefined) throw error;
}
