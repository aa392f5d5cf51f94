import { Duration, Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type LoaderConfigInput, parseLoaderConfig } from '../../src/loader/config.ts';
import { announcedBy } from '../config/loader-config.ts';
import { EventQueue } from './event-queue.ts';
import { LandingEvents } from './landing-events.ts';
import { loadPolicy } from './load-policy.ts';
import { sendStatements } from './policies.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface LoadPipelineProps extends Omit<FunctionSettings, 'maintenanceQueue'> {
  /** Bucket in which the files land and the tables live: an `AppendPipeline` has to append what lands in the tables. */
  readonly bucket: Bucket | IBucket;
  readonly config: LoaderConfigInput;
  /** How events come from the bucket to the queue; `none` where something else sends them there. @default 's3' */
  readonly notifications?: 's3' | 'eventbridge' | 'none';
  /** Files that are loaded at the same time at most, from 2. @default 4 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters. @default 5 */
  readonly maxReceiveCount?: number;
  /** Key of the queues. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** The longest that a function may run. */
const TIMEOUT = Duration.minutes(15);

/** Events of a bucket -> queue with dead letters -> the function that makes Parquet files of other files. */
export class LoadPipeline extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** What EventBridge could not deliver; empty where events come another way. */
  readonly undelivered: readonly Queue[];
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;

  /** Throws ConfigError naming every mistake of the configuration. */
  constructor(scope: Construct, id: string, props: LoadPipelineProps) {
    super(scope, id);
    const { bucket, config, encryptionKey, notifications = 's3' } = props;
    const parsed = parseLoaderConfig(config);
    const timeout = props.timeout ?? TIMEOUT;
    const { queue, deadLetters } = new EventQueue(this, 'Events', {
      functionTimeout: timeout,
      ...(props.maxReceiveCount !== undefined && { maxReceiveCount: props.maxReceiveCount }),
      ...(encryptionKey !== undefined && { encryptionKey }),
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const load = new ResacaFunction(this, 'Function', {
      // Parts of 64 MiB; docs/file-loader.md has the measurements.
      memorySize: 1024,
      ...props,
      timeout,
      name: 'load',
      config,
      pipelineName: this.pipelineName,
      environment: { RESACA_LOAD_QUEUE_URL: queue.queueUrl },
    });
    this.function = load.function;
    this.role = load.role;
    this.logGroup = load.logGroup;
    const policy = loadPolicy(this, bucket, parsed);
    policy.attachToRole(this.role);
    // Else the first invocations could come before what they may do.
    this.function.node.addDependency(policy);
    queue.grantConsumeMessages(this.role);
    for (const statement of sendStatements(queue)) this.role.addToPolicy(statement);
    this.function.addEventSource(
      new SqsEventSource(queue, {
        batchSize: 1,
        maxConcurrency: props.maxConcurrency ?? 4,
        reportBatchItemFailures: true,
      }),
    );
    this.undelivered =
      notifications === 'none'
        ? []
        : announcedBy(parsed).flatMap(({ prefix, suffixes }) => {
            const events = { bucket, queue, through: notifications, prefixes: [prefix], suffixes, removals: false };
            return new LandingEvents(this, `Files ${encodeURIComponent(prefix)}`, events).undelivered ?? [];
          });
  }
}
