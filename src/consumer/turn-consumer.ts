import type { CheckpointRequests } from '../delta/checkpoint-interval.ts';
import type { DefinitionRequests } from '../delta/definition-requests.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import { createBronzeWriter } from '../kafka/bronze-writer.ts';
import type { SchemaRegistries } from '../kafka/decode/create-decoder.ts';
import { createCheckpointReader } from '../parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createAllPartitions } from './all-partitions.ts';
import { type Credentials, clientOptions } from './client-options.ts';
import type { ConsumerConfig } from './config.ts';
import { type RunningConsumer, startConsumer } from './consumer.ts';
import { createMetrics } from './metrics.ts';

export interface TurnConsumerDeps {
  readonly config: ConsumerConfig;
  /** Asked for each turn: secrets are renewed. */
  credentials(): Promise<Credentials>;
  readonly store: ObjectStore;
  readonly registries: SchemaRegistries;
  readonly telemetry: Telemetry;
  /** Asked for checkpoints of the tables. @default nobody */
  readonly checkpoints?: CheckpointRequests | undefined;
  /** Told of tables that are made or change. @default nobody */
  readonly definitions?: DefinitionRequests | undefined;
  now(): number;
  random(): number;
  sleep(ms: number): Promise<void>;
}

/** Starts consumers, one after the other, that remember the tables of those before them. Each throws what `startConsumer` throws. */
export function createTurnConsumer(deps: TurnConsumerDeps): () => Promise<RunningConsumer> {
  const { config, store, registries, telemetry, checkpoints, definitions, now, random, sleep } = deps;
  const writer = createBronzeWriter({
    store,
    registries,
    reader: createCheckpointReader(),
    config: config.tables,
    checkpoints,
    definitions,
    telemetry,
    now,
    random,
    sleep,
  });
  return async () =>
    startConsumer({
      config,
      client: await clientOptions(config, await deps.credentials()),
      writer,
      metrics: createMetrics(),
      assign: createAllPartitions,
      log: (level, message, data) => telemetry.log(level, message, data),
    });
}
