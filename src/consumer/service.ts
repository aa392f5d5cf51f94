import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckpointRequests } from '../delta/checkpoint-interval.ts';
import type { DefinitionRequests } from '../delta/definition-requests.ts';
import { createBronzeWriter } from '../kafka/bronze-writer.ts';
import type { SchemaRegistries } from '../kafka/decode/create-decoder.ts';
import { createCheckpointReader } from '../parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type Credentials, clientOptions } from './client-options.ts';
import { type ConsumerConfig, FOLDER_BUCKET } from './config.ts';
import { startConsumer } from './consumer.ts';
import { createGroup } from './group.ts';
import { startStatusServer } from './http-server.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import type { ConsumerStatus } from './status.ts';

export interface ServiceDeps {
  readonly config: ConsumerConfig;
  readonly credentials: Credentials;
  readonly store: ObjectStore;
  readonly registries: SchemaRegistries;
  readonly log: Log;
  /** Asked for checkpoints of the tables. @default nobody */
  readonly checkpoints?: CheckpointRequests | undefined;
  /** Told of tables that are made or change. @default nobody */
  readonly definitions?: DefinitionRequests | undefined;
}

export interface KafkaService {
  /** Of health and metrics. */
  readonly port: number;
  status(): ConsumerStatus;
  /** See `RunningConsumer`. */
  stop(): Promise<boolean>;
}

/**
 * A consumer with its health and metrics. Throws ConfigError for files that cannot be read, KafkaUnavailableError,
 * and what `listen` throws for a port that is taken.
 */
export async function startKafkaService(deps: ServiceDeps): Promise<KafkaService> {
  const { config, credentials, store, registries, log } = deps;
  const metrics = createMetrics();
  const client = await clientOptions(config, credentials);
  if (config.tls === undefined && config.sasl?.mechanism === 'PLAIN') {
    log('warn', 'the password goes over the network as it is: SASL/PLAIN without tls');
  }
  const writer = createBronzeWriter({
    store,
    registries,
    reader: createCheckpointReader(),
    config: config.tables,
    checkpoints: deps.checkpoints,
    definitions: deps.definitions,
    telemetry: {
      log: (level, message, data) => log(level, message, data && withPlace(config, data)),
      metrics: (table, values) => metrics.table(placeOf(config, table), values),
    },
    now: Date.now,
    random: Math.random,
    sleep: (ms) => sleep(ms),
  });
  let status = (): ConsumerStatus => ({
    problem: 'it is starting',
    partitions: [],
    bufferedRecords: 0,
    bufferedBytes: 0,
  });
  const server = await startStatusServer(config.http, {
    problem: () => status().problem,
    metrics: () => metrics.render(status()),
  });
  try {
    const consumer = await startConsumer({ config, client, writer, metrics, assign: createGroup, log });
    status = consumer.status;
    log('info', 'started', { port: server.port, brokers: config.brokers, topics: config.topics, group: config.group });
    return {
      port: server.port,
      status: consumer.status,
      async stop() {
        const isAllWritten = await consumer.stop();
        await server.close();
        return isAllWritten;
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** The engine names tables by their bucket; those of a folder have none. */
function placeOf({ storage }: ConsumerConfig, url: string): string {
  const prefix = `s3://${FOLDER_BUCKET}/`;
  return 'folder' in storage && url.startsWith(prefix) ? join(resolve(storage.folder), url.slice(prefix.length)) : url;
}

function withPlace(config: ConsumerConfig, data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return typeof data.table === 'string' ? { ...data, table: placeOf(config, data.table) } : data;
}
