import { CfnOutput, type Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { sourcesOf } from '../../src/medallion/graph.ts';
import type { StepRule } from '../../src/medallion/rule.ts';
import { COMPANIONS } from '../../src/medallion/rule.ts';
import type { MedallionDeployment } from '../config/medallion-config.ts';
import type { Deployment } from '../config/parse-config.ts';
import { MedallionAlarms } from '../constructs/medallion-alarms.ts';
import { MedallionPipeline } from '../constructs/medallion-pipeline.ts';
import { SparkJobs } from '../constructs/spark-jobs.ts';
import type { SparkTables } from '../constructs/spark-policy.ts';
import type { MaintainedTables } from '../constructs/table-maintenance.ts';
import { outermost } from '../prefixes.ts';

export interface MedallionSurroundings {
  /** By the names that steps have for them, as far as they are of the stack. */
  readonly buckets: { readonly landing: Bucket | IBucket; readonly kafka: Bucket | IBucket | undefined };
  /** Of the queues. */
  readonly eventsKey: { readonly encryptionKey?: Key };
  /** Gets the alarms. */
  readonly topic: Topic;
  readonly maintenanceQueue?: IQueue;
  readonly catalogQueue?: IQueue;
}

export interface MedallionParts {
  readonly pipeline: MedallionPipeline;
  /** Targets and the tables beside them, by bucket, for their upkeep. */
  readonly tables: readonly MaintainedTables[];
}

/** Adds the steps of a deployment and what watches them. */
export function addMedallion(
  stack: Stack,
  { append, landing, kafka }: Deployment,
  medallion: MedallionDeployment,
  { buckets, eventsKey, topic, ...asksFor }: MedallionSurroundings,
): MedallionParts {
  const { logLevel, tracing, metricsByTable, logRetention } = append;
  const known = new Map<string, Bucket | IBucket>([
    [landing.bucketName ?? 'landing', buckets.landing],
    ...(buckets.kafka === undefined ? [] : [[kafka?.bucketName ?? 'kafka', buckets.kafka] as const]),
  ]);
  const bucketOf = (name: string) => {
    const bucket = known.get(name) ?? namedBucket(stack, name, medallion.keyArns[name]);
    known.set(name, bucket);
    return bucket;
  };
  const { steps } = medallion;
  const names = new Set(steps.flatMap((step) => [step.target, ...sourcesOf(step)]).map(({ bucket }) => bucket));
  const { spark: settings } = medallion;
  const spark = settings && new SparkJobs(stack, 'StepSpark', { tables: sparkTables(steps, bucketOf), ...settings });
  const pipeline = new MedallionPipeline(stack, 'Medallion', {
    medallion,
    ...(spark !== undefined && { spark }),
    buckets: new Map([...names].map((name) => [name, bucketOf(name)])),
    ...eventsKey,
    ...asksFor,
    logLevel,
    tracing,
    metricsByTable,
    logRetention,
    pipelineName: stack.stackName,
  });
  const { maxVersionsBehind } = medallion;
  new MedallionAlarms(stack, 'MedallionAlarms', { pipeline, topic, maxVersionsBehind });
  new CfnOutput(stack, 'MedallionFunctionName', { value: pipeline.function.functionName });
  new CfnOutput(stack, 'MedallionEventsQueueUrl', { value: pipeline.events.queue.queueUrl });
  new CfnOutput(stack, 'MedallionQueueUrl', { value: pipeline.work.queue.queueUrl });
  new CfnOutput(stack, 'MedallionDeadLetterQueueUrl', { value: pipeline.work.deadLetters.queueUrl });
  return { pipeline, tables: targetTables(steps, bucketOf) };
}

function namedBucket(stack: Stack, bucketName: string, keyArn: string | undefined): IBucket {
  return Bucket.fromBucketAttributes(stack, `StepTables-${bucketName}`, {
    bucketName,
    ...(keyArn !== undefined && { encryptionKey: Key.fromKeyArn(stack, `StepTables-${bucketName}-Key`, keyArn) }),
  });
}

type BucketOf = (name: string) => Bucket | IBucket;

function targetTables(steps: readonly StepRule[], bucketOf: BucketOf): readonly MaintainedTables[] {
  const targets = Map.groupBy(steps, ({ target }) => target.bucket);
  return [...targets].map(([name, ofBucket]) => ({
    bucket: bucketOf(name),
    prefixes: outermost(
      ofBucket.flatMap(({ target }) => ['', ...Object.values(COMPANIONS)].map((ending) => `${target.prefix}${ending}`)),
    ),
  }));
}

/** What jobs read, and where they write. */
function sparkTables(steps: readonly StepRule[], bucketOf: BucketOf): readonly SparkTables[] {
  const sources = Map.groupBy(steps.flatMap(sourcesOf), ({ bucket }) => bucket);
  return [
    ...targetTables(steps, bucketOf).map((tables) => ({ ...tables, access: 'steps' as const })),
    ...[...sources].map(([name, tables]) => ({
      bucket: bucketOf(name),
      prefixes: outermost(tables.map(({ prefix }) => prefix)),
      access: 'read' as const,
    })),
  ];
}

/** The tables that are looked after, with those of the steps: in the entry of their bucket, if there is one. */
export function withTargets(
  tables: readonly MaintainedTables[],
  targets: readonly MaintainedTables[],
): readonly MaintainedTables[] {
  const prefixesIn = (bucket: MaintainedTables['bucket']) =>
    targets.filter((target) => target.bucket === bucket).flatMap(({ prefixes = [] }) => prefixes);
  const known = new Set(tables.map(({ bucket }) => bucket));
  const whole = ({ prefixes = [] }: MaintainedTables) => prefixes.length === 0;
  return [
    ...tables.map((one) =>
      whole(one) ? one : { ...one, prefixes: outermost([...(one.prefixes ?? []), ...prefixesIn(one.bucket)]) },
    ),
    ...targets.filter(({ bucket }) => !known.has(bucket)),
  ];
}
