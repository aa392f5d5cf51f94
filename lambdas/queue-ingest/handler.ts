import { setTimeout as sleep } from 'node:timers/promises';
import { createDefinitionRequests } from '../../src/aws/catalog-queue.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { coordinate } from '../../src/aws/coordinate.ts';
import { queueEnvironment } from '../../src/aws/queue-env.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { openQueue } from '../../src/aws/source-queue.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { queueCommitRules } from '../../src/queue/config.ts';
import { createQueueHandler } from '../../src/queue/handler.ts';

const { config, queueUrl, maintenanceQueueUrl, catalogQueueUrl, ...telemetry } = queueEnvironment();

/** SQS messages with JSON in, the messages to deliver again out. */
export const handler = createQueueHandler({
  store: coordinate(
    createS3Store({ client: createS3Client(), bucket: config.bucket }),
    config.bucket,
    queueCommitRules(config),
  ),
  reader: createCheckpointReader(),
  config,
  queue: openQueue(queueUrl),
  telemetry: createTelemetry({ service: 'queue', ...telemetry }),
  checkpoints: createCheckpointRequests(maintenanceQueueUrl),
  definitions: createDefinitionRequests(catalogQueueUrl),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
