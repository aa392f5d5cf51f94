import { Duration, Stack } from 'aws-cdk-lib';
import type { Policy, Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { CommitRule } from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseQueueConfig, type QueueConfig, type QueueConfigInput, queueCommitRules } from '../../src/queue/config.ts';
import { commitPolicy } from './commit-policy.ts';
import { EventQueue } from './event-queue.ts';
import { tablePolicy } from './policies.ts';
import { DEFAULT_TIMEOUT, type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface QueueIngestPipelineProps extends FunctionSettings {
  /** Bucket of the table: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** Table, and how messages become rows. */
  readonly config: Omit<QueueConfigInput, 'bucket'>;
  /** A queue that is there, whose messages are hidden for as long as the function may run at least. @default a new one */
  readonly queue?: IQueue;
  /** Messages of one invocation at most. @default 1000; 10 for FIFO */
  readonly batchSize?: number;
  /** How long a batch is gathered. Longer: fewer and larger files. @default 30 seconds; none for FIFO */
  readonly batchingWindow?: Duration;
  /** Invocations at the same time at most, from 2: they commit to one table. @default 2 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters of the new queue. @default 5 */
  readonly maxReceiveCount?: number;
  /** Key of the new queues. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** Messages with JSON in a queue -> queue ingest -> a Delta table, each once. */
export class QueueIngestPipeline extends Construct {
  readonly bucket: Bucket | IBucket;
  readonly queue: IQueue;
  /** Of the new queue; undefined for one that was there. */
  readonly deadLetters: Queue | undefined;
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;
  /** MB. */
  readonly memorySize: number;
  /** Roots of the table and of its dead letters. */
  readonly roots: readonly string[];
  readonly commits: readonly CommitRule[];

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: QueueIngestPipelineProps) {
    super(scope, id);
    const { bucket, config } = props;
    const parsed = checkProps(props);
    const isFifo = parsed.fifo;
    this.bucket = bucket;
    this.commits = queueCommitRules(parsed);
    this.roots = this.commits.map(({ root }) => root);
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const { queue, deadLetters } =
      props.queue === undefined ? this.createQueue(props, isFifo) : { queue: props.queue, deadLetters: undefined };
    this.queue = queue;
    this.deadLetters = deadLetters;
    const ingest = new ResacaFunction(this, 'Function', {
      memorySize: 1024,
      ...props,
      name: 'queue-ingest',
      config,
      environment: {
        RESACA_BUCKET: bucket.bucketName,
        ...(parsed.drain !== undefined && { RESACA_QUEUE_URL: this.queue.queueUrl }),
      },
      pipelineName: this.pipelineName,
    });
    this.function = ingest.function;
    this.role = ingest.role;
    this.logGroup = ingest.logGroup;
    this.memorySize = ingest.memorySize;
    ingest.grant(...this.policies());
    this.queue.grantConsumeMessages(this.role);
    this.function.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: props.batchSize ?? (isFifo ? 10 : 1000),
        ...(!isFifo && { maxBatchingWindow: props.batchingWindow ?? Duration.seconds(30) }),
        maxConcurrency: props.maxConcurrency ?? 2,
        reportBatchItemFailures: true,
      }),
    );
  }

  private createQueue(props: QueueIngestPipelineProps, fifo: boolean): EventQueue {
    return new EventQueue(this, 'Messages', {
      functionTimeout: props.timeout ?? DEFAULT_TIMEOUT,
      fifo,
      ...(props.maxReceiveCount !== undefined && { maxReceiveCount: props.maxReceiveCount }),
      ...(props.encryptionKey !== undefined && { encryptionKey: props.encryptionKey }),
    });
  }

  private policies(): (Policy | undefined)[] {
    const { bucket, roots } = this;
    const keys = roots.map((root) => `${root}/*`);
    return [
      tablePolicy(this, {
        bucket,
        read: keys,
        written: keys,
        reason:
          'Files of tables have random names. Only those of the one table and its dead letters; none can be deleted.',
      }),
      commitPolicy(this, 'CommitPolicy', { bucket, rules: this.commits }),
    ];
  }
}

function checkProps({
  config,
  queue,
  batchingWindow,
  batchSize = 1,
  maxReceiveCount,
  encryptionKey,
}: QueueIngestPipelineProps): QueueConfig {
  const problems: string[] = [];
  if ('bucket' in config) problems.push('config.bucket: is set by the construct');
  if (queue !== undefined && queue.fifo !== (config.fifo === true)) {
    problems.push(`config.fifo: the queue is ${queue.fifo ? '' : 'not '}FIFO, expected the same here`);
  }
  for (const [name, value] of Object.entries({ maxReceiveCount, encryptionKey })) {
    if (queue !== undefined && value !== undefined)
      problems.push(`${name}: is for a new queue; one that is there has its own`);
  }
  if (config.fifo === true && batchingWindow !== undefined) problems.push('batchingWindow: a FIFO queue has none');
  if (config.fifo === true && batchSize > 10) problems.push('batchSize: expected 10 at most for a FIFO queue');
  try {
    const parsed = parseQueueConfig({ ...config, bucket: 'any-bucket' });
    if (problems.length === 0) return parsed;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems.map((problem) => `config.${problem}`));
  }
  throw new ConfigError(problems);
}
