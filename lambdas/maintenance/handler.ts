import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Client } from '../../src/aws/clients.ts';
import { coordinate } from '../../src/aws/coordinate.ts';
import { maintenanceEnvironment } from '../../src/aws/env.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createUpkeepQueue } from '../../src/aws/upkeep-queue.ts';
import type { CommitRule } from '../../src/ingest/config.ts';
import { createMaintenanceHandler } from '../../src/maintenance/handler.ts';
import { runTask } from '../../src/maintenance/run-task.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';

const { config, maintenanceQueueUrl = '', postponedQueueUrl, spark, ...telemetry } = maintenanceEnvironment();
const client = createS3Client();
const world = {
  reader: createCheckpointReader(),
  telemetry: createTelemetry({ service: 'maintenance', ...telemetry }),
  now: Date.now,
  random: Math.random,
  sleep: (ms: number) => sleep(ms),
};

/** The tables commit as their writers do it. */
function commitRulesOf(bucket: string): readonly CommitRule[] {
  return config.places.filter((place) => place.bucket === bucket).flatMap(({ commits = [] }) => commits);
}

/** The append path, loaded where it is needed. */
async function openReconcile() {
  const { createReconcileTask } = await import('../../src/recovery/reconcile-task.ts');
  return createReconcileTask({ ...world, settings: config.reconcile });
}

/** Work on one table from the queue, or a schedule, by which the work for all tables goes there. */
export const handler = createMaintenanceHandler({
  storeFor: (bucket) => coordinate(createS3Store({ client, bucket }), bucket, commitRulesOf(bucket)),
  urlOf: (bucket, root) => `s3://${bucket}${root === '' ? '' : `/${root}`}`,
  queue: createUpkeepQueue(maintenanceQueueUrl, postponedQueueUrl),
  runTask,
  ...(spark !== undefined && {
    // Most invocations need no Spark, and not its client.
    openSpark: async () => (await import('../../src/aws/emr-serverless.ts')).createEmrServerlessJobs(spark),
  }),
  ...(config.reconcile !== undefined && { openReconcile }),
  config,
  ...world,
});
