import { Duration, Stack } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { KeyFilter } from '../prefixes.ts';
import { EventQueue } from './event-queue.ts';
import { LandingEvents } from './landing-events.ts';
import { type FunctionSettings, ResacaFunction, type ResacaFunctionProps } from './resaca-function.ts';

/** What the functions that take a bucket's events can be given. */
export interface EventFunctionSettings extends Omit<FunctionSettings, 'maintenanceQueue' | 'metricsByTable'> {
  /** Bucket whose events are taken: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** How events come from the bucket to the queue; `none` where something else sends them there. @default 's3' */
  readonly notifications?: 's3' | 'eventbridge' | 'none';
  /** How long a batch is gathered. */
  readonly batchingWindow?: Duration;
  /** Invocations at the same time at most, from 2. @default 2 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters. @default 5 */
  readonly maxReceiveCount?: number;
  /** Key of the queues. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

export interface EventFunctionProps
  extends EventFunctionSettings,
    Pick<ResacaFunctionProps, 'name' | 'config' | 'environment'> {
  readonly batchingWindow: Duration;
  /** Messages of one invocation at most. */
  readonly batchSize: number;
  /** Keys that are announced. */
  readonly filters: readonly KeyFilter[];
  /** Whether objects that go are announced, too. */
  readonly removals: boolean;
}

/** Without a window a batch has ten messages at most (Lambda guide, "Amazon SQS event source parameters"). */
const BATCH_WITHOUT_WINDOW = 10;

/** Events of a bucket -> queue with dead letters -> a function. */
export class EventFunction extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** What EventBridge could not deliver; undefined where events come another way. */
  readonly undelivered: Queue | undefined;
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly pipelineName: string;

  constructor(scope: Construct, id: string, props: EventFunctionProps) {
    super(scope, id);
    const { bucket, filters, removals, notifications = 's3', encryptionKey, maxReceiveCount, batchingWindow } = props;
    const timeout = props.timeout ?? Duration.minutes(1);
    const { queue, deadLetters } = new EventQueue(this, 'Events', {
      functionTimeout: timeout,
      ...(maxReceiveCount !== undefined && { maxReceiveCount }),
      ...(encryptionKey !== undefined && { encryptionKey }),
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${scope.node.id}`;
    const {
      function: lambda,
      role,
      logGroup,
    } = new ResacaFunction(this, 'Function', {
      ...props,
      memorySize: props.memorySize ?? 256,
      timeout,
      pipelineName: this.pipelineName,
    });
    this.function = lambda;
    this.role = role;
    this.logGroup = logGroup;
    queue.grantConsumeMessages(role);
    const hasWindow = batchingWindow.toSeconds() > 0;
    lambda.addEventSource(
      new SqsEventSource(queue, {
        batchSize: hasWindow ? props.batchSize : Math.min(props.batchSize, BATCH_WITHOUT_WINDOW),
        ...(hasWindow && { maxBatchingWindow: batchingWindow }),
        maxConcurrency: props.maxConcurrency ?? 2,
        reportBatchItemFailures: true,
      }),
    );
    this.undelivered =
      notifications === 'none'
        ? undefined
        : new LandingEvents(this, 'LandingEvents', { bucket, queue, through: notifications, filters, removals })
            .undelivered;
  }
}
