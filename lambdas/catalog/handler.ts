import { setTimeout as sleep } from 'node:timers/promises';
import { catalogEnvironment } from '../../src/aws/catalog-env.ts';
import { createCatalogQueue } from '../../src/aws/catalog-queue.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { createGlueCatalog } from '../../src/aws/glue-catalog.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCatalogHandler } from '../../src/catalog/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, catalogQueueUrl = '', ...telemetry } = catalogEnvironment();
const client = createS3Client();

/** Tables from the queue, which are brought up to date in the catalog, or a schedule, by which all tables go there. */
export const handler = createCatalogHandler({
  // A commit that waits in DynamoDB for its place in the log is seen the next time.
  storeFor: (bucket) => createS3Store({ client, bucket }),
  urlOf: (bucket, root) => `s3://${bucket}${root === '' ? '' : `/${root}`}`,
  reader: createCheckpointReader(),
  catalog: createGlueCatalog(),
  enqueue: createCatalogQueue(catalogQueueUrl),
  config,
  telemetry: createTelemetry({ service: 'catalog', ...telemetry }),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
