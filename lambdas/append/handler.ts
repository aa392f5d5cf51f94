import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Client } from '../../src/aws/clients.ts';
import { appendEnvironment } from '../../src/aws/env.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { createAppendHandler } from '../../src/ingest/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, maintenanceQueueUrl, ...telemetry } = appendEnvironment();
const client = createS3Client({ maxSockets: config.footerConcurrency * 2 });

/** SQS messages with S3 notifications in, the messages to deliver again out. */
export const handler = createAppendHandler({
  storeFor: (bucket) => createS3Store({ client, bucket }),
  urlOf: (bucket, root) => `s3://${bucket}${root === '' ? '' : `/${root}`}`,
  reader: createCheckpointReader(),
  config,
  telemetry: createTelemetry({ service: 'append', ...telemetry }),
  checkpoints: createCheckpointRequests(maintenanceQueueUrl),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
