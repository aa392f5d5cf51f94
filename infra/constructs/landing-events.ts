import { createHash } from 'node:crypto';
import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { type IRule, type IRuleTarget, Rule } from 'aws-cdk-lib/aws-events';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type Bucket, EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface LandingEventsProps {
  readonly bucket: Bucket | IBucket;
  readonly queue: Queue;
  /** EventBridge is for buckets whose notifications something else owns, and for FIFO queues. @default 's3' */
  readonly through?: 's3' | 'eventbridge';
  /** In whole path segments. None may lie in another. @default the whole bucket */
  readonly prefixes?: readonly string[];
  /** Endings of the keys that are announced. @default [], which stands for all */
  readonly suffixes?: readonly string[];
  /** Whether objects that go away do not matter. @default false */
  readonly createdOnly?: boolean;
}

/** What makes, changes or takes away an object. */
const S3_EVENTS = [EventType.OBJECT_CREATED, EventType.OBJECT_REMOVED, EventType.LIFECYCLE_EXPIRATION];

/** Sends the events of a bucket's objects to a queue. In a FIFO queue each prefix is a message group. */
export class LandingEvents extends Construct {
  /** What EventBridge could not deliver to the queue within a day; undefined where it is not used. */
  readonly undelivered: Queue | undefined;

  constructor(scope: Construct, id: string, props: LandingEventsProps) {
    super(scope, id);
    const prefixes = props.prefixes === undefined || props.prefixes.length === 0 ? [''] : props.prefixes;
    const suffixes = props.suffixes === undefined || props.suffixes.length === 0 ? [''] : props.suffixes;
    if (props.through === 'eventbridge') this.undelivered = this.addRules(props, prefixes, suffixes);
    else this.addNotifications(props, prefixes, suffixes);
    acknowledgeHandler(this);
  }

  private addNotifications(
    { bucket, queue, createdOnly = false }: LandingEventsProps,
    prefixes: readonly string[],
    suffixes: readonly string[],
  ): void {
    const events = createdOnly ? [EventType.OBJECT_CREATED] : S3_EVENTS;
    for (const prefix of prefixes) {
      for (const suffix of suffixes) {
        const filter = { ...(prefix !== '' && { prefix: `${prefix}/` }), ...(suffix !== '' && { suffix }) };
        for (const event of events) bucket.addEventNotification(event, new SqsDestination(queue), filter);
      }
    }
  }

  private addRules(
    { bucket, queue, createdOnly = false }: LandingEventsProps,
    prefixes: readonly string[],
    suffixes: readonly string[],
  ): Queue {
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
    for (const prefix of prefixes) {
      const keys = suffixes.map((suffix) => (prefix === '' ? { suffix } : { wildcard: `${prefix}/*${suffix}` }));
      new Rule(this, prefix === '' ? 'Rule' : `Rule ${encodeURIComponent(prefix)}`, {
        description: `Objects of ${prefix === '' ? 'the bucket' : prefix} to the queue of resaca`,
        eventPattern: {
          source: ['aws.s3'],
          detailType: createdOnly ? ['Object Created'] : ['Object Created', 'Object Deleted'],
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
      ...(this.queue.fifo && { sqsParameters: { messageGroupId: messageGroup(this.prefix) } }),
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

/** The prefix, where SQS takes it as the id of a group (API reference, SendMessage, `MessageGroupId`). */
function messageGroup(prefix: string): string {
  if (prefix === '') return 'bucket';
  return /^[\w!"#$%&'()*+,./:;<=>?@[\\\]^`{|}~-]{1,128}$/.test(prefix)
    ? prefix
    : createHash('sha256').update(prefix).digest('hex');
}
