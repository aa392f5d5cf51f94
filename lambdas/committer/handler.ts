import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Client } from '../../src/aws/clients.ts';
import { bronzeEnvironment } from '../../src/aws/env.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { createCommitterHandler } from '../../src/kafka/deferred/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, maintenanceQueueUrl, ...telemetry } = bronzeEnvironment();

// Its metrics are those of the bronze function, whose work it ends.
/** Called by a schedule: what the pollers wrote since the last time is committed. */
export const handler = createCommitterHandler({
  store: createS3Store({ client: createS3Client(), bucket: config.bucket }),
  reader: createCheckpointReader(),
  config,
  telemetry: createTelemetry({ service: 'bronze', ...telemetry }),
  checkpoints: createCheckpointRequests(maintenanceQueueUrl),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
