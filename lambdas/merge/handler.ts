import { setTimeout as sleep } from 'node:timers/promises';
import { createDefinitionRequests } from '../../src/aws/catalog-queue.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { coordinate } from '../../src/aws/coordinate.ts';
import { mergeEnvironment } from '../../src/aws/merge-env.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { appendCommitRules } from '../../src/ingest/config.ts';
import { createMergeHandler } from '../../src/merge/handler.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

const { config, maintenanceQueueUrl, catalogQueueUrl, ...telemetry } = mergeEnvironment();
const client = createS3Client({ maxSockets: config.readConcurrency * 2 });
const stores = new Map<string, ObjectStore>();

/** One for each bucket in this environment, which remembers what it has looked for. */
function storeFor(bucket: string): ObjectStore {
  const rules = appendCommitRules(config.append, bucket);
  const store = stores.get(bucket) ?? coordinate(createS3Store({ client, bucket }), bucket, rules);
  stores.set(bucket, store);
  return store;
}

/** SQS messages with S3 notifications in, the messages to deliver again out. */
export const handler = createMergeHandler({
  storeFor,
  reader: createCheckpointReader(),
  config,
  telemetry: createTelemetry({ service: 'merge', ...telemetry }),
  checkpoints: createCheckpointRequests(maintenanceQueueUrl),
  definitions: createDefinitionRequests(catalogQueueUrl),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
