import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { LoaderDeployment } from '../config/loader-config.ts';
import type { MergeDeployment } from '../config/merge-config.ts';
import type { Deployment } from '../config/parse-config.ts';
import type { TaggingDeployment } from '../config/tagging-config.ts';
import type { EventFunction } from '../constructs/event-function.ts';
import { EventFunctionAlarms } from '../constructs/event-function-alarms.ts';
import { EventGrouping } from '../constructs/event-grouping.ts';
import { LoadPipeline } from '../constructs/load-pipeline.ts';
import { MergePipeline } from '../constructs/merge-pipeline.ts';
import { ObjectTagging } from '../constructs/object-tagging.ts';

/** What the functions that take the landing bucket's events beside the append function share with it. */
export interface LandingSurroundings {
  readonly bucket: Bucket | IBucket;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Of the queues. */
  readonly eventsKey: { readonly encryptionKey?: Key };
}

/** Adds the function that sorts the bucket's events into the FIFO queue of the append function, and what watches it. */
export function addGrouping(
  stack: Stack,
  deployment: Deployment,
  target: Queue,
  { groups, ...surroundings }: LandingSurroundings & { readonly groups: number },
): EventGrouping {
  const { landing, prefixes, tables, append, alarms } = deployment;
  const { batchingWindow = 0, maxReceiveCount } = append;
  const grouping = new EventGrouping(stack, 'Grouping', {
    ...settingsOf(stack, deployment, surroundings),
    target,
    config: tables,
    groups,
    prefixes,
    suffixes: landing.suffixes,
    batchingWindow: Duration.seconds(batchingWindow),
    maxReceiveCount,
  });
  return watched(stack, grouping, surroundings, Duration.seconds(alarms.maxMessageAge));
}

/** Adds the function that tags objects of the bucket, and what watches it. */
export function addTagging(
  stack: Stack,
  deployment: Deployment,
  tagging: TaggingDeployment,
  surroundings: LandingSurroundings,
): ObjectTagging {
  const construct = new ObjectTagging(stack, 'Tagging', {
    ...settingsOf(stack, deployment, surroundings),
    ...tagging,
  });
  return watched(stack, construct, surroundings, Duration.seconds(deployment.alarms.maxMessageAge));
}

/** Adds the loader of a deployment and what watches it. */
export function addLoader(
  stack: Stack,
  deployment: Deployment,
  { timeout, ...settings }: LoaderDeployment,
  surroundings: LandingSurroundings,
): LoadPipeline {
  const pipeline = new LoadPipeline(stack, 'Load', {
    ...settingsOf(stack, deployment, surroundings),
    ...settings,
    metricsByTable: deployment.append.metricsByTable,
    timeout: Duration.seconds(timeout),
  });
  return watched(stack, pipeline, surroundings);
}

/** Adds the function that merges very small files, and what watches it. */
export function addMerge(
  stack: Stack,
  deployment: Deployment,
  { settings, timeout, batchingWindow, ...rest }: MergeDeployment,
  { asksFor, ...surroundings }: LandingSurroundings & { readonly asksFor: Readonly<Record<string, Queue>> },
): MergePipeline {
  const { append, tables } = deployment;
  const pipeline = new MergePipeline(stack, 'Merge', {
    ...settingsOf(stack, deployment, surroundings),
    ...rest,
    ...asksFor,
    config: { ...settings, append: tables },
    metricsByTable: append.metricsByTable,
    timeout: Duration.seconds(timeout),
    batchingWindow: Duration.seconds(batchingWindow),
  });
  return watched(stack, pipeline, surroundings);
}

/** What the functions have in common with the append function. */
function settingsOf(
  { stackName }: Stack,
  { append: { logLevel, logRetention, tracing }, landing: { notifications } }: Deployment,
  { bucket, eventsKey }: LandingSurroundings,
) {
  return { bucket, ...eventsKey, notifications, logLevel, logRetention, tracing, pipelineName: stackName };
}

/** The function, with its alarms and outputs. */
function watched<T extends EventFunction>(
  stack: Stack,
  events: T,
  { topic }: LandingSurroundings,
  maxMessageAge?: Duration,
): T {
  const name = events.node.id;
  new EventFunctionAlarms(stack, `${name}Alarms`, {
    events,
    topic,
    ...(maxMessageAge !== undefined && { maxMessageAge }),
  });
  const outputs = {
    QueueUrl: events.queue.queueUrl,
    DeadLetterQueueUrl: events.deadLetters.queueUrl,
    ...(events.undelivered !== undefined && { UndeliveredQueueUrl: events.undelivered.queueUrl }),
    FunctionName: events.function.functionName,
    LogGroupName: events.logGroup.logGroupName,
  };
  for (const [output, value] of Object.entries(outputs)) new CfnOutput(stack, `${name}${output}`, { value });
  return events;
}
