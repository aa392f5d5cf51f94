import { Duration, Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { appendCommitRules } from '../../src/ingest/config.ts';
import { type MergeConfigInput, parseMergeConfig } from '../../src/merge/config.ts';
import { stagedPrefixes } from '../config/merge-config.ts';
import { literalPrefix } from '../prefixes.ts';
import { commitPolicy } from './commit-policy.ts';
import { EventQueue } from './event-queue.ts';
import { LandingEvents } from './landing-events.ts';
import { mergePolicy } from './merge-policy.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface MergePipelineProps extends FunctionSettings {
  /** Bucket in which the small files land and the tables live. */
  readonly bucket: Bucket | IBucket;
  readonly config: MergeConfigInput;
  /** How events come from the bucket to the queue; `none` where something else sends them there. @default 's3' */
  readonly notifications?: 's3' | 'eventbridge' | 'none';
  /** Files of one invocation at most. @default 10000 */
  readonly batchSize?: number;
  /** How long files are gathered, up to 5 minutes. @default 5 minutes */
  readonly batchingWindow?: Duration;
  /** Invocations at the same time at most, from 2. @default 2 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters. @default 5 */
  readonly maxReceiveCount?: number;
  /** Key of the queues. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

const TIMEOUT = Duration.minutes(5);
/** The longest that Lambda gathers a batch. */
const LONGEST_WINDOW = Duration.minutes(5);
/** The most messages of a batch of a standard queue. */
const LARGEST_BATCH = 10_000;

/** Events of a bucket -> queue with dead letters -> the function that merges very small files before they come into tables. */
export class MergePipeline extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** What EventBridge could not deliver; empty where events come another way. */
  readonly undelivered: readonly Queue[];
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;

  /** Throws ConfigError naming every mistake of the configuration. */
  constructor(scope: Construct, id: string, props: MergePipelineProps) {
    super(scope, id);
    const { bucket, config, encryptionKey, notifications = 's3' } = props;
    const parsed = parseMergeConfig(config);
    const timeout = props.timeout ?? TIMEOUT;
    const { queue, deadLetters } = new EventQueue(this, 'Events', {
      functionTimeout: timeout,
      ...(props.maxReceiveCount !== undefined && { maxReceiveCount: props.maxReceiveCount }),
      ...(encryptionKey !== undefined && { encryptionKey }),
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const merge = new ResacaFunction(this, 'Function', {
      memorySize: 1024,
      ...props,
      timeout,
      name: 'merge',
      config,
      pipelineName: this.pipelineName,
    });
    this.function = merge.function;
    this.role = merge.role;
    this.logGroup = merge.logGroup;
    const prefixes = parsed.rules.map(({ table }) => literalPrefix(table));
    const commits = commitPolicy(this, 'CommitPolicy', { bucket, rules: appendCommitRules(parsed.append), prefixes });
    for (const granted of [mergePolicy(this, bucket, parsed), commits].filter((one) => one !== undefined)) {
      granted.attachToRole(this.role);
      // Else the first invocations could come before what they may do.
      this.function.node.addDependency(granted);
    }
    queue.grantConsumeMessages(this.role);
    this.function.addEventSource(
      new SqsEventSource(queue, {
        batchSize: props.batchSize ?? LARGEST_BATCH,
        maxBatchingWindow: props.batchingWindow ?? LONGEST_WINDOW,
        maxConcurrency: props.maxConcurrency ?? 2,
        reportBatchItemFailures: true,
      }),
    );
    const events = { bucket, queue, prefixes: stagedPrefixes(parsed), suffixes: ['.parquet'], removals: false };
    const landing =
      notifications === 'none' ? undefined : new LandingEvents(this, 'Files', { ...events, through: notifications });
    this.undelivered = landing?.undelivered === undefined ? [] : [landing.undelivered];
  }
}
