import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface EventQueueProps {
  /** Time-out of the function that takes the messages. */
  readonly functionTimeout: Duration;
  /** For which a message that was taken is hidden. @default six times the function's time-out */
  readonly visibilityTimeout?: Duration;
  /** Whether order is kept within each message group. @default false */
  readonly fifo?: boolean;
  /** Deliveries before a message goes to the dead letters. AWS asks for at least 5 with partial batch responses. @default 5 */
  readonly maxReceiveCount?: number;
  /** @default the keys of SQS */
  readonly encryptionKey?: IKey;
}

/** AWS asks for at least six times the function's time-out (Lambda guide, "Using Lambda with Amazon SQS"). */
const VISIBILITY_FACTOR = 6;
/** The longest that SQS keeps a message. */
const RETENTION = Duration.days(14);

/** A queue for a function and its dead letters: encrypted, TLS only, both keep a message for 14 days. */
export class EventQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: EventQueueProps) {
    super(scope, id);
    const common: QueueProps = {
      ...(props.encryptionKey === undefined
        ? { encryption: QueueEncryption.SQS_MANAGED }
        : { encryption: QueueEncryption.KMS, encryptionMasterKey: props.encryptionKey }),
      enforceSSL: true,
      retentionPeriod: RETENTION,
      // High throughput: the limits hold for each message group. EventBridge sends no deduplication ids.
      ...(props.fifo === true && {
        fifo: true,
        contentBasedDeduplication: true,
        deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
        fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      }),
    };
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    this.queue = new Queue(this, 'Queue', {
      ...common,
      visibilityTimeout:
        props.visibilityTimeout ?? Duration.seconds(props.functionTimeout.toSeconds() * VISIBILITY_FACTOR),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: props.maxReceiveCount ?? 5 },
    });
  }
}
