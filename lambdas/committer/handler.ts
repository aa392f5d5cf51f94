import { setTimeout as sleep } from 'node:timers/promises';
import { bronzeEnvironment } from '../../src/aws/bronze-env.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { coordinate } from '../../src/aws/coordinate.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { bronzeCommitRules } from '../../src/kafka/config.ts';
import { createCommitterHandler } from '../../src/kafka/deferred/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, maintenanceQueueUrl, ...telemetry } = bronzeEnvironment();

// Its metrics are those of the bronze function, whose work it ends.
/** Called by a schedule: what the pollers wrote since the last time is committed. */
export const handler = createCommitterHandler({
  store: coordinate(
    createS3Store({ client: createS3Client(), bucket: config.bucket }),
    config.bucket,
    bronzeCommitRules(config),
  ),
  reader: createCheckpointReader(),
  config,
  telemetry: createTelemetry({ service: 'bronze', ...telemetry }),
  checkpoints: createCheckpointRequests(maintenanceQueueUrl),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
