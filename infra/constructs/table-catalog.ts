import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type CatalogConfigInput, parseCatalogConfig } from '../../src/catalog/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { catalogReadPolicy, catalogWritePolicy } from './catalog-policy.ts';
import { EventQueue } from './event-queue.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface CatalogQueueProps {
  /** @default 5 minutes */
  readonly functionTimeout?: Duration;
  /** @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

const TIMEOUT = Duration.minutes(5);
const BATCH_SIZE = 10;

/**
 * Where tables wait that are new or changed: the pipelines' functions send, one function takes. A standard queue: what is
 * done for a table is safe beside itself, and in any order.
 */
export class CatalogQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly functionTimeout: Duration;

  constructor(scope: Construct, id: string, { functionTimeout = TIMEOUT, encryptionKey }: CatalogQueueProps = {}) {
    super(scope, id);
    this.functionTimeout = functionTimeout;
    const { queue, deadLetters } = new EventQueue(this, 'Tables', {
      functionTimeout,
      ...(encryptionKey !== undefined && { encryptionKey }),
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
  }
}

export interface TableCatalogProps extends Omit<FunctionSettings, 'timeout' | 'maintenanceQueue' | 'catalogQueue'> {
  /** Which tables are in the catalog, and under which names. */
  readonly config: CatalogConfigInput;
  /** Where the schedule looks for tables. */
  readonly buckets: readonly (Bucket | IBucket)[];
  /** The queue that is worked on; give it to the pipelines, too. @default a new one, to which nobody sends but the schedule */
  readonly work?: CatalogQueue;
  /** Time between two comparisons of all tables with the catalog, whole hours. @default a day */
  readonly every?: Duration;
}

/** Keeps tables in the AWS Glue Data Catalog, where Athena, Spark and others find them. */
export class TableCatalog extends Construct {
  readonly work: CatalogQueue;
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: TableCatalogProps) {
    super(scope, id);
    const { config, buckets, work, every = Duration.hours(24), ...settings } = props;
    const parsed = checkProps(config, every);
    this.work = work ?? new CatalogQueue(this, 'Queue');
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const { queue, functionTimeout } = this.work;
    const catalog = new ResacaFunction(this, 'Function', {
      ...settings,
      name: 'catalog',
      config,
      // The names of new buckets are known at the deployment only.
      environment: {
        RESACA_CATALOG_BUCKETS: Stack.of(this).toJsonString(buckets.map(({ bucketName }) => bucketName)),
      },
      timeout: functionTimeout,
      pipelineName: this.pipelineName,
      catalogQueue: queue,
    });
    this.function = catalog.function;
    this.role = catalog.role;
    this.logGroup = catalog.logGroup;
    catalog.grant(
      catalogWritePolicy(this, 'Catalog', parsed),
      ...buckets.map((bucket, index) => catalogReadPolicy(this, `Tables${index}`, bucket, parsed.rules)),
    );
    queue.grantConsumeMessages(this.role);
    this.function.addEventSource(
      new SqsEventSource(queue, { batchSize: BATCH_SIZE, maxConcurrency: 2, reportBatchItemFailures: true }),
    );
    const event = RuleTargetInput.fromObject({ sweep: true });
    new Rule(this, 'Sweep', {
      schedule: Schedule.rate(every),
      targets: [new LambdaTarget(this.function, { event, retryAttempts: 2 })],
    });
  }
}

function checkProps(config: CatalogConfigInput, every: Duration) {
  const hours = every.toHours({ integral: false });
  if (!Number.isInteger(hours) || hours < 1) {
    throw new ConfigError([`every: expected whole hours from 1 on, got ${every.toHumanString()}`]);
  }
  return parseCatalogConfig(config);
}
