import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { type IRule, type IRuleTarget, Rule } from 'aws-cdk-lib/aws-events';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type Bucket, EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { messageGroup } from '../../src/group/message-group.ts';
import type { KeyFilter } from '../prefixes.ts';

export interface LandingEventsProps {
  readonly bucket: Bucket | IBucket;
  readonly queue: Queue;
  /** EventBridge is for buckets whose notifications something else owns, and for FIFO queues. @default 's3' */
  readonly through?: 's3' | 'eventbridge';
  /** Keys that are announced. No two may overlap. */
  readonly filters: readonly KeyFilter[];
  /** Whether objects that go are announced, too. @default true */
  readonly removals?: boolean;
}

/** What makes or changes an object, and what takes it away. */
const CREATIONS = [EventType.OBJECT_CREATED];
const REMOVALS = [EventType.OBJECT_REMOVED, EventType.LIFECYCLE_EXPIRATION];

/** Sends the events of a bucket's objects to a queue. In a FIFO queue each prefix is a message group. */
export class LandingEvents extends Construct {
  /** What EventBridge could not deliver to the queue within a day; undefined where it is not used. */
  readonly undelivered: Queue | undefined;

  constructor(scope: Construct, id: string, props: LandingEventsProps) {
    super(scope, id);
    if (props.through === 'eventbridge') this.undelivered = this.addRules(props);
    else this.addNotifications(props);
    acknowledgeHandler(this);
  }

  private addNotifications({ bucket, queue, removals, filters }: LandingEventsProps): void {
    const events = removals === false ? CREATIONS : [...CREATIONS, ...REMOVALS];
    for (const { prefix, suffix } of filters) {
      const filter = { ...(prefix !== '' && { prefix: `${prefix}/` }), ...(suffix !== '' && { suffix }) };
      for (const event of events) bucket.addEventNotification(event, new SqsDestination(queue), filter);
    }
  }

  private addRules({ bucket, queue, removals, filters }: LandingEventsProps): Queue {
    const undelivered = new Queue(this, 'Undelivered', {
      ...(queue.encryptionMasterKey === undefined
        ? { encryption: QueueEncryption.SQS_MANAGED }
        : { encryption: QueueEncryption.KMS, encryptionMasterKey: queue.encryptionMasterKey }),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    Validations.of(undelivered).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is the queue of dead letters of the rules.',
    });
    for (const prefix of new Set(filters.map((filter) => filter.prefix))) {
      const suffixes = filters.filter((filter) => filter.prefix === prefix).map(({ suffix }) => suffix);
      const keys = suffixes.map((suffix) => (prefix === '' ? { suffix } : { wildcard: `${prefix}/*${suffix}` }));
      new Rule(this, prefix === '' ? 'Rule' : `Rule ${encodeURIComponent(prefix)}`, {
        description: `Objects of ${prefix === '' ? 'the bucket' : prefix} to the queue of resaca`,
        eventPattern: {
          source: ['aws.s3'],
          detailType: removals === false ? ['Object Created'] : ['Object Created', 'Object Deleted'],
          detail: {
            bucket: { name: [bucket.bucketName] },
            ...(prefix === '' && suffixes.includes('') ? {} : { object: { key: keys } }),
          },
        },
        targets: [new QueueTarget(queue, undelivered, prefix)],
      });
    }
    for (const target of [queue, undelivered]) allowRules(this, target);
    bucket.enableEventBridgeNotification();
    return undelivered;
  }
}

/**
 * The queue as the target of a rule, without a statement in the queue's policy for each rule: a policy takes 20 of them
 * (SQS developer guide, "Amazon SQS policy quotas").
 */
class QueueTarget implements IRuleTarget {
  private readonly queue: Queue;
  private readonly undelivered: Queue;
  private readonly prefix: string;

  constructor(queue: Queue, undelivered: Queue, prefix: string) {
    this.queue = queue;
    this.undelivered = undelivered;
    this.prefix = prefix;
  }

  bind(_rule: IRule) {
    return {
      arn: this.queue.queueArn,
      targetResource: this.queue,
      deadLetterConfig: { arn: this.undelivered.queueArn },
      ...(this.queue.fifo && {
        sqsParameters: { messageGroupId: messageGroup(this.prefix === '' ? 'bucket' : this.prefix) },
      }),
    };
  }
}

/** Lets the rules of this stack send to a queue, and use its key. Their names begin with the name of the stack. */
function allowRules(scope: Construct, queue: Queue): void {
  const stack = Stack.of(scope);
  const events = new ServicePrincipal('events.amazonaws.com');
  const rules = stack.formatArn({ service: 'events', resource: 'rule', resourceName: `${stack.stackName}-*` });
  queue.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [events],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: { ArnLike: { 'aws:SourceArn': rules } },
    }),
  );
  queue.encryptionMasterKey?.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [events],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
    }),
  );
}

/** The CDK's own function, once in a stack, that sets the notifications of buckets. */
function acknowledgeHandler(scope: Construct): void {
  const handler = Stack.of(scope).node.children.find(({ node }) => node.id.startsWith('BucketNotificationsHandler'));
  if (handler === undefined) return;
  Validations.of(handler).acknowledge({
    id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
    reason: 'Made by the CDK; runs at deployment only, to set the notifications of the bucket.',
  });
}
