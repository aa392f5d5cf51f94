import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Deployment } from '../config/parse-config.ts';
import type { TaggingDeployment } from '../config/tagging-config.ts';
import type { EventFunction } from '../constructs/event-function.ts';
import { EventFunctionAlarms } from '../constructs/event-function-alarms.ts';
import { EventGrouping } from '../constructs/event-grouping.ts';
import { ObjectTagging } from '../constructs/object-tagging.ts';

/** What the parts beside the append function share with it. */
export interface LandingSurroundings {
  readonly bucket: Bucket | IBucket;
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Key of the queues. */
  readonly events: { readonly encryptionKey?: Key };
}

/** Adds the function that sorts the bucket's events into the FIFO queue of the append function, and what watches it. */
export function addGrouping(
  stack: Stack,
  deployment: Deployment,
  target: Queue,
  { bucket, topic, events, groups }: LandingSurroundings & { readonly groups: number },
): EventGrouping {
  const { landing, prefixes, tables, append, alarms } = deployment;
  const { batchingWindow = 0, maxReceiveCount } = append;
  const grouping = new EventGrouping(stack, 'Grouping', {
    ...settingsOf(stack, deployment),
    ...events,
    bucket,
    target,
    config: tables,
    groups,
    notifications: landing.notifications,
    prefixes,
    suffixes: landing.suffixes,
    batchingWindow: Duration.seconds(batchingWindow),
    maxReceiveCount,
  });
  new EventFunctionAlarms(stack, 'GroupingAlarms', {
    events: grouping.events,
    topic,
    name: 'Grouping',
    consequence: 'their files are in no table',
    maxMessageAge: Duration.seconds(alarms.maxMessageAge),
  });
  addOutputs(stack, 'Grouping', grouping.events);
  return grouping;
}

/** Adds the function that tags objects of the bucket, and what watches it. */
export function addTagging(
  stack: Stack,
  deployment: Deployment,
  { rules, notifications, maxConcurrency }: TaggingDeployment,
  { bucket, topic, events }: LandingSurroundings,
): ObjectTagging {
  const tagging = new ObjectTagging(stack, 'Tagging', {
    ...settingsOf(stack, deployment),
    ...events,
    bucket,
    rules,
    notifications,
    maxConcurrency,
  });
  new EventFunctionAlarms(stack, 'TaggingAlarms', {
    events: tagging.events,
    topic,
    name: 'Tagging',
    consequence: 'their objects lack tags',
    maxMessageAge: Duration.seconds(deployment.alarms.maxMessageAge),
  });
  addOutputs(stack, 'Tagging', tagging.events);
  return tagging;
}

/** What the functions have in common with the append function. */
function settingsOf({ stackName }: Stack, { append: { logLevel, logRetention, tracing } }: Deployment) {
  return { logLevel, logRetention, tracing, pipelineName: stackName };
}

function addOutputs(stack: Stack, name: string, { queue, deadLetters, undelivered, logGroup }: EventFunction): void {
  new CfnOutput(stack, `${name}QueueUrl`, { value: queue.queueUrl });
  new CfnOutput(stack, `${name}DeadLetterQueueUrl`, { value: deadLetters.queueUrl });
  if (undelivered !== undefined) new CfnOutput(stack, `${name}UndeliveredQueueUrl`, { value: undelivered.queueUrl });
  new CfnOutput(stack, `${name}LogGroupName`, { value: logGroup.logGroupName });
}
