import { setTimeout as sleep } from 'node:timers/promises';
import { createDefinitionRequests } from '../../src/aws/catalog-queue.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { coordinate } from '../../src/aws/coordinate.ts';
import { createRegistries } from '../../src/aws/registries.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { turnCredentials, turnEnvironment } from '../../src/aws/turn-env.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { createTurnConsumer } from '../../src/consumer/turn-consumer.ts';
import { createTurnHandler } from '../../src/consumer/turn-handler.ts';
import { bronzeCommitRules } from '../../src/kafka/config.ts';

const { config, secrets, maintenanceQueueUrl, catalogQueueUrl, ...options } = turnEnvironment();
const { bucket } = config.tables;
const telemetry = createTelemetry({ service: 'bronze', ...options });
const clock = { now: Date.now, sleep: (ms: number) => sleep(ms) };

/** Called by a schedule: reads what Kafka has, and writes it into the tables. */
export const handler = createTurnHandler({
  start: createTurnConsumer({
    config,
    credentials: turnCredentials(secrets),
    store: coordinate(createS3Store({ client: createS3Client(), bucket }), bucket, bronzeCommitRules(config.tables)),
    registries: createRegistries(config.tables),
    telemetry,
    checkpoints: createCheckpointRequests(maintenanceQueueUrl),
    definitions: createDefinitionRequests(catalogQueueUrl),
    random: Math.random,
    ...clock,
  }),
  telemetry,
  ...clock,
});
