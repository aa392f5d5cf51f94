import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Client } from '../../src/aws/clients.ts';
import { loadEnvironment } from '../../src/aws/load-env.ts';
import { createLoadQueue } from '../../src/aws/load-queue.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createLoadHandler } from '../../src/loader/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, queueUrl, maintenanceQueueUrl: _, ...telemetry } = loadEnvironment();
const client = createS3Client();

/** SQS messages with S3 notifications in, the messages to deliver again out. */
export const handler = createLoadHandler({
  storeFor: (bucket) => createS3Store({ client, bucket }),
  reader: createCheckpointReader(),
  config,
  queue: createLoadQueue(queueUrl),
  telemetry: createTelemetry({ service: 'load', ...telemetry }),
  now: Date.now,
  sleep: async (ms) => {
    await sleep(ms);
  },
});
