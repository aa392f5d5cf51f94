import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { KeyFilter } from '../prefixes.ts';
import { EventQueue } from './event-queue.ts';
import { LandingEvents } from './landing-events.ts';
import { DEFAULT_TIMEOUT, type FunctionSettings, ResacaFunction, type ResacaFunctionProps } from './resaca-function.ts';

/** What the functions that take a bucket's events can be given. */
export interface EventFunctionSettings extends FunctionSettings {
  /** Bucket whose events are taken: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** How events come from the bucket to the queue; `none` where something else sends them there. @default 's3' */
  readonly notifications?: 's3' | 'eventbridge' | 'none';
  /** Invocations at the same time at most, from 2. @default 2 */
  readonly maxConcurrency?: number;
  /** Deliveries of a message before it goes to the dead letters. @default 5 */
  readonly maxReceiveCount?: number;
  /** Key of the queues. @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** What only functions have use for that work on tables. */
export type TableSettings = Pick<FunctionSettings, 'maintenanceQueue' | 'catalogQueue' | 'metricsByTable'>;

/** For functions that look at the names of objects only. */
export const SMALL = { memorySize: 256, timeout: Duration.minutes(1) };

export interface EventFunctionProps extends EventFunctionSettings, Pick<ResacaFunctionProps, 'config' | 'environment'> {
  readonly name: 'append' | 'group' | 'load' | 'merge' | 'tag';
  /** Messages of one invocation at most. */
  readonly batchSize: number;
  /** How long a batch is gathered. @default it is not */
  readonly batchingWindow?: Duration;
  /** Whether order is kept within each message group. @default false */
  readonly fifo?: boolean;
  /** Keys that are announced. */
  readonly filters: readonly KeyFilter[];
  /** Whether objects that go are announced, too. */
  readonly removals: boolean;
}

/** Without a window a batch has ten messages at most (Lambda guide, "Amazon SQS event source parameters"). */
const BATCH_WITHOUT_WINDOW = 10;

/** Events of a bucket -> queue with dead letters -> a function. */
export class EventFunction extends ResacaFunction {
  readonly bucket: Bucket | IBucket;
  readonly queue: Queue;
  readonly deadLetters: Queue;
  /** What EventBridge could not deliver; undefined where events come another way. */
  readonly undelivered: Queue | undefined;
  /** Of the function; also decides which alarms there are. */
  readonly name: EventFunctionProps['name'];

  constructor(scope: Construct, id: string, props: EventFunctionProps) {
    super(scope, id, props);
    const { bucket, filters, removals, notifications = 's3', encryptionKey, maxReceiveCount, batchingWindow } = props;
    this.bucket = bucket;
    this.name = props.name;
    const { queue, deadLetters } = new EventQueue(this, 'Events', {
      functionTimeout: props.timeout ?? DEFAULT_TIMEOUT,
      ...(props.fifo !== undefined && { fifo: props.fifo }),
      ...(maxReceiveCount !== undefined && { maxReceiveCount }),
      ...(encryptionKey !== undefined && { encryptionKey }),
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
    queue.grantConsumeMessages(this.role);
    const hasWindow = batchingWindow !== undefined && batchingWindow.toSeconds() > 0;
    this.function.addEventSource(
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
