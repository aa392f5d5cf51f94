import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Deployment } from '../config/parse-config.ts';
import { CatalogAlarms } from '../constructs/catalog-alarms.ts';
import { type CatalogQueue, TableCatalog } from '../constructs/table-catalog.ts';

export interface CatalogSurroundings {
  readonly work: CatalogQueue;
  readonly buckets: readonly (Bucket | IBucket)[];
  /** Gets the alarms. */
  readonly topic: Topic;
}

/** Adds what keeps a deployment's tables in the Glue catalog, where the configuration has a catalog. */
export function addCatalog(
  stack: Stack,
  { catalog, append }: Deployment,
  { work, buckets, topic }: CatalogSurroundings,
): TableCatalog | undefined {
  if (catalog === undefined) return undefined;
  const { logLevel, tracing, metricsByTable, logRetention } = append;
  const construct = new TableCatalog(stack, 'Catalog', {
    config: catalog.config,
    buckets,
    work,
    every: Duration.hours(catalog.every),
    logLevel,
    tracing,
    metricsByTable,
    logRetention,
    pipelineName: stack.stackName,
  });
  new CatalogAlarms(stack, 'CatalogAlarms', { catalog: construct, topic });
  new CfnOutput(stack, 'CatalogQueueUrl', { value: work.queue.queueUrl });
  new CfnOutput(stack, 'CatalogDeadLetterQueueUrl', { value: work.deadLetters.queueUrl });
  new CfnOutput(stack, 'CatalogFunctionName', { value: construct.function.functionName });
  return construct;
}
