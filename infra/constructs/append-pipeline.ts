import { Duration, Stack } from 'aws-cdk-lib';
import type { Policy, Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  type AppendConfig,
  type AppendConfigInput,
  appendCommitRules,
  parseAppendConfig,
} from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { atMost, MAX_NOTIFIED_PREFIXES, outermost, prefixProblem, trimSlashes } from '../prefixes.ts';
import { commitPolicy } from './commit-policy.ts';
import { EventQueue } from './event-queue.ts';
import { LandingEvents } from './landing-events.ts';
import { tablePolicy } from './policies.ts';
import { DEFAULT_TIMEOUT, type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface AppendPipelineProps extends FunctionSettings {
  /** Bucket whose files become tables, in place: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** Tables and settings. @default any table by the path convention */
  readonly config?: AppendConfigInput;
  /**
   * How events come from the bucket to the queue; `none` where something else sends them there, such as `EventGrouping`.
   * @default 's3'; 'eventbridge' with `fifo`
   */
  readonly notifications?: 's3' | 'eventbridge' | 'none';
  /** Key prefixes, in whole path segments, in which tables live; the function may touch nothing else. @default the whole bucket */
  readonly prefixes?: readonly string[];
  /** Endings of the keys that are announced; an empty list announces all. @default ['.parquet'] */
  readonly suffixes?: readonly string[];
  /** Whether the queue is FIFO, with each prefix as a message group, whose messages are handled one batch after the other. @default false */
  readonly fifo?: boolean;
  /** Messages of one invocation at most. @default 1000; 10 with `fifo` */
  readonly batchSize?: number;
  /** How long a batch is gathered. Longer: fewer and larger commits. @default 30 seconds; none with `fifo` */
  readonly batchingWindow?: Duration;
  /** Invocations at the same time at most, from 2. @default 4 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters. @default 5 */
  readonly maxReceiveCount?: number;
  /** Key of the queues. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** Events of a bucket -> queue with dead letters -> append function. */
export class AppendPipeline extends Construct {
  readonly bucket: Bucket | IBucket;
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** What EventBridge could not deliver; undefined where events come another way. */
  readonly undelivered: Queue | undefined;
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;
  /** MB. */
  readonly memorySize: number;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: AppendPipelineProps) {
    super(scope, id);
    const { bucket, config = {}, fifo = false, encryptionKey } = props;
    const parsed = checkProps(props);
    const prefixes = outermost((props.prefixes ?? []).map(trimSlashes));
    this.bucket = bucket;
    const { queue, deadLetters } = new EventQueue(this, 'Events', {
      functionTimeout: props.timeout ?? DEFAULT_TIMEOUT,
      fifo,
      ...(props.maxReceiveCount !== undefined && { maxReceiveCount: props.maxReceiveCount }),
      ...(encryptionKey !== undefined && { encryptionKey }),
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
    const pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const append = new ResacaFunction(this, 'Function', { ...props, name: 'append', config, pipelineName });
    this.function = append.function;
    this.role = append.role;
    this.logGroup = append.logGroup;
    this.pipelineName = pipelineName;
    this.memorySize = append.memorySize;
    const policy = appendPolicy(this, bucket, atMost(MAX_GRANTED_PREFIXES, prefixes));
    const rules = appendCommitRules(parsed);
    const commits = commitPolicy(this, 'CommitPolicy', { bucket, rules, prefixes });
    queue.grantConsumeMessages(this.role);
    for (const granted of [policy, commits].filter((one) => one !== undefined)) {
      granted.attachToRole(this.role);
      // Else the first invocations could come before what they may do.
      this.function.node.addDependency(granted);
    }
    this.function.addEventSource(
      new SqsEventSource(queue, {
        batchSize: props.batchSize ?? (fifo ? 10 : 1000),
        ...(!fifo && { maxBatchingWindow: props.batchingWindow ?? Duration.seconds(30) }),
        maxConcurrency: props.maxConcurrency ?? 4,
        reportBatchItemFailures: true,
      }),
    );
    const through = props.notifications ?? (fifo ? 'eventbridge' : 's3');
    const suffixes = props.suffixes ?? ['.parquet'];
    const announced = through === 's3' ? atMost(MAX_NOTIFIED_PREFIXES, prefixes) : prefixes;
    this.undelivered =
      through === 'none'
        ? undefined
        : new LandingEvents(this, 'LandingEvents', { bucket, queue, through, prefixes: announced, suffixes })
            .undelivered;
  }
}

/** Prefixes in the policy of the role: five ARNs each, of the 10,240 characters that the policies of a role may have. */
const MAX_GRANTED_PREFIXES = 10;

function checkProps({
  config = {},
  fifo,
  notifications,
  batchingWindow,
  prefixes = [],
}: AppendPipelineProps): AppendConfig {
  const problems: string[] = [];
  if (fifo === true && notifications === 's3') problems.push('notifications: s3 cannot send to a FIFO queue');
  if (fifo === true && batchingWindow !== undefined) problems.push('batchingWindow: a FIFO queue has none');
  for (const prefix of prefixes) {
    const problem = prefixProblem(trimSlashes(prefix), notifications ?? (fifo === true ? 'eventbridge' : 's3'));
    if (problem !== undefined) problems.push(`prefixes: ${problem}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return parseAppendConfig(config);
}

/** Reads what lands, writes logs and what the pipeline keeps beside them, deletes nothing. */
function appendPolicy(scope: Construct, bucket: Bucket | IBucket, prefixes: readonly string[]): Policy {
  const folders = prefixes.length === 0 ? [''] : prefixes.map((prefix) => `${prefix}/`);
  const kept = ['_delta_log/*', '*/_delta_log/*', '_resaca/*', '*/_resaca/*'];
  return tablePolicy(scope, {
    bucket,
    read: folders.map((folder) => `${folder}*`),
    written: folders.flatMap((folder) => kept.map((path) => folder + path)),
    reason:
      'Files land and tables live under names that nobody knows at deployment. What is read is limited to the landing ' +
      'prefixes, what is written to the folders _delta_log and _resaca of tables in them; nothing can be deleted by this.',
  });
}
