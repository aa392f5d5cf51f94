import { createHash } from 'node:crypto';
import { Stack, Validations } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type Bucket, EventType, type IBucket } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
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
}

/** What makes, changes or takes away an object. */
const S3_EVENTS = [EventType.OBJECT_CREATED, EventType.OBJECT_REMOVED, EventType.LIFECYCLE_EXPIRATION];

/** Sends the events of a bucket's objects to a queue. In a FIFO queue each prefix is a message group. */
export class LandingEvents extends Construct {
  constructor(scope: Construct, id: string, props: LandingEventsProps) {
    super(scope, id);
    const prefixes = props.prefixes === undefined || props.prefixes.length === 0 ? [''] : props.prefixes;
    const suffixes = props.suffixes === undefined || props.suffixes.length === 0 ? [''] : props.suffixes;
    if (props.through === 'eventbridge') {
      for (const prefix of prefixes) this.addRule(props, prefix, suffixes);
      props.bucket.enableEventBridgeNotification();
      if (props.queue.encryptionMasterKey !== undefined) allowEventBridge(this, props.queue.encryptionMasterKey);
    } else {
      this.addNotifications(props, prefixes, suffixes);
    }
    acknowledgeHandler(this);
  }

  private addNotifications(
    { bucket, queue }: LandingEventsProps,
    prefixes: readonly string[],
    suffixes: readonly string[],
  ): void {
    for (const prefix of prefixes) {
      for (const suffix of suffixes) {
        const filter = { ...(prefix !== '' && { prefix: `${prefix}/` }), ...(suffix !== '' && { suffix }) };
        for (const event of S3_EVENTS) {
          bucket.addEventNotification(event, new SqsDestination(queue), filter);
        }
      }
    }
  }

  private addRule({ bucket, queue }: LandingEventsProps, prefix: string, suffixes: readonly string[]): void {
    const keys = suffixes.map((suffix) => (prefix === '' ? { suffix } : { wildcard: `${prefix}/*${suffix}` }));
    new Rule(this, prefix === '' ? 'Rule' : `Rule ${prefix}`, {
      description: `Objects of ${prefix === '' ? 'the bucket' : prefix} to the queue of resaca`,
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created', 'Object Deleted'],
        detail: {
          bucket: { name: [bucket.bucketName] },
          ...(prefix === '' && suffixes.includes('') ? {} : { object: { key: keys } }),
        },
      },
      targets: [new SqsQueue(queue, queue.fifo ? { messageGroupId: messageGroup(prefix) } : {})],
    });
  }
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

/** EventBridge needs the key of an encrypted queue (EventBridge user guide, "Encrypted queues"). */
function allowEventBridge(scope: Construct, key: IKey): void {
  key.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [new ServicePrincipal('events.amazonaws.com')],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
}
