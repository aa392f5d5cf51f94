import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import type { ExportDeployment } from '../config/exports-config.ts';
import type { Deployment } from '../config/parse-config.ts';
import { CdfExport } from '../constructs/cdf-export.ts';
import { CdfExportAlarms } from '../constructs/cdf-export-alarms.ts';

export interface ExportSurroundings {
  /** Of tables. */
  readonly buckets: {
    readonly landing: Bucket | IBucket;
    readonly kafka: Bucket | IBucket | undefined;
    /** By the name of the queue. */
    readonly queues: ReadonlyMap<string, { readonly bucket: Bucket | IBucket }>;
  };
  /** Gets the alarms. */
  readonly topic: Topic;
  /** Of the queue. */
  readonly encryptionKey?: IKey;
}

/** Adds the exports of a deployment and what watches them. Throws ConfigError. */
export function addExports(
  stack: Stack,
  { exports, append }: Deployment,
  { buckets, topic, encryptionKey }: ExportSurroundings,
): CdfExport {
  const { logLevel, tracing, metricsByTable, logRetention } = append;
  const cdfExport = new CdfExport(stack, 'CdfExport', {
    exports: exports.map((one, index) => {
      const bucket = sourceBucket(one, buckets);
      return {
        ...one.rule,
        bucket,
        name: one.name,
        prefix: one.prefix,
        to: { bucket: targetBucket(stack, `ExportTarget${index}`, one) ?? bucket, prefix: one.to.prefix },
        every: Duration.minutes(one.every),
      };
    }),
    ...(encryptionKey !== undefined && { encryptionKey }),
    logLevel,
    tracing,
    metricsByTable,
    logRetention,
    pipelineName: stack.stackName,
  });
  new CdfExportAlarms(stack, 'CdfExportAlarms', { cdfExport, topic });
  new CfnOutput(stack, 'ExportFunctionName', { value: cdfExport.function.functionName });
  new CfnOutput(stack, 'ExportQueueUrl', { value: cdfExport.work.queue.queueUrl });
  new CfnOutput(stack, 'ExportDeadLetterQueueUrl', { value: cdfExport.work.deadLetters.queueUrl });
  return cdfExport;
}

function sourceBucket({ name, source }: ExportDeployment, { landing, kafka, queues }: ExportSurroundings['buckets']) {
  const bucket = source === 'landing' ? landing : source === 'kafka' ? kafka : queues.get(source.queue)?.bucket;
  if (bucket === undefined) throw new ConfigError([`exports: there is no bucket of the tables of "${name}"`]);
  return bucket;
}

/** Undefined for the bucket of the tables. */
function targetBucket(stack: Stack, id: string, { to, keyArn }: ExportDeployment): IBucket | undefined {
  if (to.bucket === undefined) return undefined;
  return Bucket.fromBucketAttributes(stack, id, {
    bucketName: to.bucket,
    ...(keyArn !== undefined && { encryptionKey: Key.fromKeyArn(stack, `${id}Key`, keyArn) }),
  });
}
