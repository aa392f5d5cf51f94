import { setTimeout as sleep } from 'node:timers/promises';
import { createDefinitionRequests } from '../../src/aws/catalog-queue.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { medallionEnvironment } from '../../src/aws/medallion-env.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createStepQueue } from '../../src/aws/step-queue.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createCheckpointRequests } from '../../src/aws/upkeep-queue.ts';
import { askAfterRun } from '../../src/medallion/ask-checkpoint.ts';
import { createMedallionHandler } from '../../src/medallion/handler.ts';
import type { TablePlace } from '../../src/medallion/rule.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import { createStepSpark } from '../../src/medallion/spark/step-spark.ts';
import { createStepDeps } from '../../src/medallion/step-deps.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

const { config, queueUrl, maintenanceQueueUrl, catalogQueueUrl, engine, spark, ...settings } = medallionEnvironment();
const telemetry = createTelemetry({ service: 'medallion', ...settings });
const client = createS3Client();
const stores = new Map<string, ObjectStore>();
const checkpoints = createCheckpointRequests(maintenanceQueueUrl);

function storeFor(bucket: string): ObjectStore {
  const store = stores.get(bucket) ?? createS3Store({ client, bucket });
  stores.set(bucket, store);
  return store;
}

function urlOf({ bucket, prefix }: TablePlace): string {
  return `s3://${bucket}/${prefix}`;
}

const deps = createStepDeps({
  reader: createCheckpointReader(),
  storeFor,
  urlOf,
  engine,
  definitions: createDefinitionRequests(catalogQueueUrl),
  ...(spark !== undefined && {
    // Most invocations need no Spark, and not its client.
    openSpark: async () => {
      const { createEmrServerlessJobs } = await import('../../src/aws/emr-serverless.ts');
      return createStepSpark({ jobs: createEmrServerlessJobs(spark), now: Date.now });
    },
  }),
  log: (level, message, data) => telemetry.log(level, message, data),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});

/** Commits of sources, a schedule, or one run of a step from the queue. */
export const handler = createMedallionHandler({
  config,
  queue: createStepQueue(queueUrl),
  telemetry,
  run: (rule, options) => runStep(rule, deps, options),
  afterCommits: (rule, run) => askAfterRun({ ...deps, requests: checkpoints }, rule, run),
  urlOf,
  now: Date.now,
});
