import { Duration } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { type Bucket, EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { AppendFunction } from './append-function.ts';

export interface AppendPipelineProps {
  /** Bucket whose files become tables, in place. */
  readonly bucket: Bucket | IBucket;
  /** Messages of one invocation at most. @default 1000 */
  readonly batchSize?: number;
  /** How long a batch is gathered. Longer: fewer and larger commits. @default 30 seconds */
  readonly batchingWindow?: Duration;
  /** Invocations at the same time at most, from 2. @default 4 */
  readonly maxConcurrency?: number;
  /** Tables and settings, as JSON; see `AppendConfig` in `src/ingest/config.ts`. @default any table by the path convention */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Time-out of the function. Also decides how long a message stays hidden. */
const FUNCTION_TIMEOUT = Duration.minutes(5);
/** AWS asks for at least six times the function's time-out (Lambda guide, "Using Lambda with Amazon SQS"). */
const VISIBILITY_FACTOR = 6;
/** Deliveries before a message goes to the dead letters. AWS asks for at least 5 with partial batch responses. */
const MAX_RECEIVE_COUNT = 5;
/** The longest that SQS keeps a message. */
const DEAD_LETTER_RETENTION = Duration.days(14);

/** Bucket notifications -> queue with dead letters -> append function. */
export class AppendPipeline extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly function: AppendFunction;

  constructor(scope: Construct, id: string, props: AppendPipelineProps) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: DEAD_LETTER_RETENTION,
    });
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: DEAD_LETTER_RETENTION,
      visibilityTimeout: Duration.seconds(FUNCTION_TIMEOUT.toSeconds() * VISIBILITY_FACTOR),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
    this.function = new AppendFunction(this, 'Function', {
      timeout: FUNCTION_TIMEOUT,
      ...(props.config !== undefined && { config: props.config }),
    });
    this.function.function.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: props.batchSize ?? 1000,
        maxBatchingWindow: props.batchingWindow ?? Duration.seconds(30),
        maxConcurrency: props.maxConcurrency ?? 4,
        reportBatchItemFailures: true,
      }),
    );
    this.grantStorage(props.bucket);
    for (const event of [EventType.OBJECT_CREATED, EventType.OBJECT_REMOVED, EventType.LIFECYCLE_EXPIRATION]) {
      props.bucket.addEventNotification(event, new SqsDestination(this.queue));
    }
  }

  /** Reads anything in the bucket; writes only logs and what the pipeline keeps beside them; deletes nothing. */
  private grantStorage(bucket: Bucket | IBucket): void {
    const statements = [
      new PolicyStatement({ effect: Effect.ALLOW, actions: ['s3:GetObject'], resources: [bucket.arnForObjects('*')] }),
      new PolicyStatement({ effect: Effect.ALLOW, actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: ['s3:PutObject'],
        resources: ['_delta_log/*', '*/_delta_log/*', '_resaca/*', '*/_resaca/*'].map((path) =>
          bucket.arnForObjects(path),
        ),
      }),
    ];
    for (const statement of statements) this.function.function.addToRolePolicy(statement);
    bucket.encryptionKey?.grantEncryptDecrypt(this.function.function);
  }
}
