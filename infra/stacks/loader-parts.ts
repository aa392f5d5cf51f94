import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { LoaderDeployment } from '../config/loader-config.ts';
import type { Deployment } from '../config/parse-config.ts';
import { LoadAlarms } from '../constructs/load-alarms.ts';
import { LoadPipeline } from '../constructs/load-pipeline.ts';

export interface LoaderSurroundings {
  readonly bucket: Bucket | IBucket;
  /** Of the queues. */
  readonly eventsKey: { readonly encryptionKey?: Key };
  readonly topic: Topic;
}

/** Adds the loader of a deployment and what watches it. */
export function addLoader(
  stack: Stack,
  { append, landing }: Deployment,
  { config, timeout, ...settings }: LoaderDeployment,
  { bucket, eventsKey, topic }: LoaderSurroundings,
): LoadPipeline {
  const { logLevel, tracing, metricsByTable, logRetention } = append;
  const pipeline = new LoadPipeline(stack, 'Load', {
    ...settings,
    ...eventsKey,
    bucket,
    config,
    notifications: landing.notifications,
    timeout: Duration.seconds(timeout),
    logLevel,
    tracing,
    metricsByTable,
    logRetention,
    pipelineName: stack.stackName,
  });
  new LoadAlarms(stack, 'LoadAlarms', { pipeline, topic });
  new CfnOutput(stack, 'LoadQueueUrl', { value: pipeline.queue.queueUrl });
  new CfnOutput(stack, 'LoadDeadLetterQueueUrl', { value: pipeline.deadLetters.queueUrl });
  new CfnOutput(stack, 'LoadFunctionName', { value: pipeline.function.functionName });
  return pipeline;
}
