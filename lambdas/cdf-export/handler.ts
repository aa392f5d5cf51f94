import { cdfExportEnvironment } from '../../src/aws/cdf-env.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { createExportQueue } from '../../src/aws/export-queue.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCdfExportHandler } from '../../src/cdf/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, queueUrl, maintenanceQueueUrl: _, ...telemetry } = cdfExportEnvironment();
const client = createS3Client();

/** A schedule, by which the tables of exports go into the queue, or one of them from it. */
export const handler = createCdfExportHandler({
  config,
  reader: createCheckpointReader(),
  queue: createExportQueue(queueUrl),
  storeFor: (bucket) => createS3Store({ client, bucket }),
  telemetry: createTelemetry({ service: 'cdf-export', ...telemetry }),
  now: Date.now,
});
