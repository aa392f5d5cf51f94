import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { MergeDeployment } from '../config/merge-config.ts';
import type { Deployment } from '../config/parse-config.ts';
import { MergeAlarms } from '../constructs/merge-alarms.ts';
import { MergePipeline } from '../constructs/merge-pipeline.ts';

export interface MergeSurroundings {
  readonly bucket: Bucket | IBucket;
  /** Of the queues. */
  readonly eventsKey: { readonly encryptionKey?: Key };
  readonly topic: Topic;
  readonly maintenanceQueue?: Queue;
}

/** Adds the function that merges very small files, and what watches it. */
export function addMerge(
  stack: Stack,
  { append, landing, tables }: Deployment,
  { settings, timeout, batchingWindow, ...rest }: MergeDeployment,
  { bucket, eventsKey, topic, ...asksFor }: MergeSurroundings,
): MergePipeline {
  const { logLevel, tracing, metricsByTable, logRetention } = append;
  const pipeline = new MergePipeline(stack, 'Merge', {
    ...rest,
    ...eventsKey,
    ...asksFor,
    bucket,
    config: { ...settings, append: tables },
    notifications: landing.notifications,
    timeout: Duration.seconds(timeout),
    batchingWindow: Duration.seconds(batchingWindow),
    logLevel,
    tracing,
    metricsByTable,
    logRetention,
    pipelineName: stack.stackName,
  });
  new MergeAlarms(stack, 'MergeAlarms', { pipeline, topic });
  new CfnOutput(stack, 'MergeQueueUrl', { value: pipeline.queue.queueUrl });
  new CfnOutput(stack, 'MergeDeadLetterQueueUrl', { value: pipeline.deadLetters.queueUrl });
  new CfnOutput(stack, 'MergeFunctionName', { value: pipeline.function.functionName });
  return pipeline;
}
