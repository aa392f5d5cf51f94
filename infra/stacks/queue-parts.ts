import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { type IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { usesDynamoDb } from '../config/commit-tables.ts';
import type { Deployment } from '../config/parse-config.ts';
import type { QueueDeployment } from '../config/queue-config.ts';
import { LandingBucket } from '../constructs/landing-bucket.ts';
import { QueueIngestAlarms } from '../constructs/queue-ingest-alarms.ts';
import { QueueIngestPipeline } from '../constructs/queue-ingest-pipeline.ts';
import type { MaintainedTables } from '../constructs/table-maintenance.ts';

export interface QueueSurroundings {
  /** Key of the new bucket, made when it is needed. */
  data(): { readonly encryptionKey?: IKey };
  /** Key of the new queues. */
  readonly events: { readonly encryptionKey?: IKey };
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Asked for checkpoints. @default nobody */
  readonly maintenanceQueue?: IQueue;
  /** Told of tables that are made or change. @default nobody */
  readonly catalogQueue?: IQueue;
}

/** Adds the queues of a deployment, with the bucket of their tables and what watches them; by name. */
export function addQueues(
  stack: Stack,
  deployment: Deployment,
  surroundings: QueueSurroundings,
): ReadonlyMap<string, QueueIngestPipeline> {
  const bucketOf = queueBuckets(stack, deployment, surroundings);
  const { append, alarms, queues } = deployment;
  const { logLevel, tracing, metricsByTable, logRetention } = append;
  const { events, maintenanceQueue, catalogQueue, topic } = surroundings;
  return new Map(
    queues.map((queue): [string, QueueIngestPipeline] => {
      const { name, config, batchSize, batchingWindow, maxConcurrency, maxReceiveCount, memorySize, timeout } = queue;
      const existing = existingQueue(stack, queue);
      const pipeline = new QueueIngestPipeline(stack, `Queue-${name}`, {
        bucket: bucketOf(queue),
        config,
        ...(existing === undefined ? events : { queue: existing }),
        ...(maxReceiveCount !== undefined && { maxReceiveCount }),
        ...(batchingWindow !== undefined && { batchingWindow: Duration.seconds(batchingWindow) }),
        batchSize,
        maxConcurrency,
        memorySize,
        timeout: Duration.seconds(timeout),
        logLevel,
        tracing,
        metricsByTable,
        logRetention,
        ...(maintenanceQueue !== undefined && { maintenanceQueue }),
        ...(catalogQueue !== undefined && { catalogQueue }),
        pipelineName: `${stack.stackName}-${name}`,
      });
      new QueueIngestAlarms(stack, `Queue-${name}-Alarms`, {
        pipeline,
        topic,
        maxMessageAge: Duration.seconds(alarms.maxMessageAge),
      });
      const outputs = {
        QueueUrl: pipeline.queue.queueUrl,
        FunctionName: pipeline.function.functionName,
        BucketName: pipeline.bucket.bucketName,
        ...(pipeline.deadLetters !== undefined && { DeadLetterQueueUrl: pipeline.deadLetters.queueUrl }),
      };
      for (const [output, value] of Object.entries(outputs)) {
        new CfnOutput(stack, `Queue${name.replaceAll(/[^A-Za-z0-9]/g, '')}${output}`, { value });
      }
      return [name, pipeline];
    }),
  );
}

/** Where the tables of the queues are, for their upkeep: one entry for each bucket. */
export function queueTables(pipelines: Iterable<QueueIngestPipeline>): MaintainedTables[] {
  const tables = new Map<Bucket | IBucket, Required<Omit<MaintainedTables, 'landing'>>>();
  for (const { bucket, roots, commits } of pipelines) {
    const known = tables.get(bucket);
    tables.set(bucket, {
      bucket,
      prefixes: [...(known?.prefixes ?? []), ...roots],
      commits: [...(known?.commits ?? []), ...commits],
    });
  }
  return [...tables.values()];
}

/** One new bucket for all queues that name none; one that is named is imported once. */
function queueBuckets(stack: Stack, { queues, landing }: Deployment, { data }: QueueSurroundings) {
  const buckets = new Map<string | undefined, Bucket | IBucket>();
  const mine = queues.filter(({ bucketName }) => bucketName === undefined);
  const enforceConditionalCommits =
    landing.enforceConditionalCommits && !usesDynamoDb(mine.flatMap(({ commits }) => commits));
  return ({ bucketName }: QueueDeployment): Bucket | IBucket => {
    const known = buckets.get(bucketName);
    if (known !== undefined) return known;
    const bucket =
      bucketName === undefined
        ? new LandingBucket(stack, 'QueueTables', { ...data(), enforceConditionalCommits }).bucket
        : Bucket.fromBucketName(stack, `QueueTables-${bucketName}`, bucketName);
    buckets.set(bucketName, bucket);
    return bucket;
  };
}

function existingQueue(stack: Stack, { name, queueArn, queueKeyArn, isFifo }: QueueDeployment): IQueue | undefined {
  if (queueArn === undefined) return undefined;
  return Queue.fromQueueAttributes(stack, `Queue-${name}-Existing`, {
    queueArn,
    fifo: isFifo,
    ...(queueKeyArn !== undefined && { keyArn: Key.fromKeyArn(stack, `Queue-${name}-Key`, queueKeyArn).keyArn }),
  });
}
