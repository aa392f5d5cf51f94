import { setTimeout as sleep } from 'node:timers/promises';
import { bronzeEnvironment } from '../../src/aws/bronze-env.ts';
import { createDefinitionRequests } from '../../src/aws/catalog-queue.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { coordinate } from '../../src/aws/coordinate.ts';
import { createRegistries } from '../../src/aws/registries.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { bronzeCommitRules } from '../../src/kafka/config.ts';
import { createBronzeHandler } from '../../src/kafka/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, maintenanceQueueUrl, catalogQueueUrl, ...telemetry } = bronzeEnvironment();

/** Kafka records of an event source mapping in; what cannot be written fails the invocation, and comes again. */
export const handler = createBronzeHandler({
  store: coordinate(
    createS3Store({ client: createS3Client(), bucket: config.bucket }),
    config.bucket,
    bronzeCommitRules(config),
  ),
  reader: createCheckpointReader(),
  registries: createRegistries(config),
  config,
  telemetry: createTelemetry({ service: 'bronze', ...telemetry }),
  checkpoints: createCheckpointRequests(maintenanceQueueUrl),
  definitions: createDefinitionRequests(catalogQueueUrl),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
