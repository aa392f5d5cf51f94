import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { QueueIngestPipeline, type QueueIngestPipelineProps } from '../../infra/constructs/queue-ingest-pipeline.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { createApp, roleStatements, templateOf, textOf } from '../support/templates.ts';

const CONFIG = { name: 'orders', table: 'bronze/orders' };
const ARN = 'arn:aws:sqs:eu-west-1:111122223333:theirs';

type Props = Partial<QueueIngestPipelineProps>;

function templateWith(props: (stack: Stack) => Props = () => ({})): Template {
  const stack = new Stack(createApp(), 'ingest');
  const bucket = Bucket.fromBucketName(stack, 'Lake', 'lake');
  new QueueIngestPipeline(stack, 'Orders', { bucket, config: CONFIG, ...props(stack) });
  return Template.fromStack(stack);
}

describe('the queue ingest', () => {
  it('may read and write the files of its table and of the dead letters, and take messages: nothing else', () => {
    const statements = roleStatements(templateWith()).map(({ Effect, Action, Resource }) => [
      Effect,
      [Action].flat().sort().join(),
      [Resource]
        .flat()
        .map(textOf)
        .join()
        .replaceAll(/[0-9A-F]{8}(?=[.>])/g, ''),
    ]);
    const objects = ['orders', 'orders__dead_letters'].map((name) => `arn:<AWS::Partition>:s3:::lake/bronze/${name}/*`);
    assert.deepEqual(statements.toSorted(), [
      ['Allow', 'logs:CreateLogStream,logs:PutLogEvents', '<OrdersFunctionLogs.Arn>'],
      ['Allow', 's3:GetObject,s3:PutObject', objects.join()],
      ['Allow', 's3:ListBucket', 'arn:<AWS::Partition>:s3:::lake'],
      [
        'Allow',
        'sqs:ChangeMessageVisibility,sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:GetQueueUrl,sqs:ReceiveMessage',
        '<OrdersMessagesQueue.Arn>',
      ],
    ]);
  });

  it('has a queue with dead letters, and reports what failed', () => {
    const template = templateWith();
    template.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 720,
      MessageRetentionPeriod: 1_209_600,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1000,
      MaximumBatchingWindowInSeconds: 30,
      ScalingConfig: { MaximumConcurrency: 2 },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    const [own] = Object.values(template.findResources('AWS::Lambda::Function'));
    assert.equal(own?.Properties.Environment.Variables.RESACA_BUCKET, 'lake');
    assert.equal(own?.Properties.Environment.Variables.RESACA_QUEUE_URL, undefined);
  });

  it('knows its queue, where it takes more messages by itself', () => {
    const template = templateWith(() => ({ config: { ...CONFIG, drain: true } }));
    const [own] = Object.values(template.findResources('AWS::Lambda::Function'));
    assert.match(textOf(own?.Properties.Environment.Variables.RESACA_QUEUE_URL), /^<OrdersMessagesQueue/);
  });

  it('takes the messages of a FIFO queue in batches of ten, without a window', () => {
    const template = templateWith(() => ({ config: { ...CONFIG, fifo: true } }));
    template.hasResourceProperties('AWS::SQS::Queue', { FifoQueue: true });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      MaximumBatchingWindowInSeconds: Match.absent(),
    });
  });

  it('takes the messages of a queue that is there', () => {
    const template = templateWith((stack) => ({ queue: Queue.fromQueueArn(stack, 'Theirs', ARN) }));
    template.resourceCountIs('AWS::SQS::Queue', 0);
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', { EventSourceArn: ARN });
  });

  it('names every mistake', () => {
    const wrong = (props: (stack: Stack) => Props, pattern: RegExp) =>
      assert.throws(
        () => templateWith(props),
        (error) => error instanceof ConfigError && pattern.test(error.message),
      );
    wrong(() => ({ config: { name: 'a b', table: '_x' } }), /config\.name: expected[\s\S]*config\.table: expected/);
    wrong(() => ({ config: { ...CONFIG, fifo: true, drain: true } }), /drain: is for standard queues/);
    wrong(() => ({ config: { ...CONFIG, fifo: true }, batchingWindow: Duration.seconds(5) }), /batchingWindow/);
    wrong((stack) => ({ queue: Queue.fromQueueArn(stack, 'T', ARN), maxReceiveCount: 3 }), /maxReceiveCount/);
    wrong((stack) => ({ queue: Queue.fromQueueArn(stack, 'T', `${ARN}.fifo`) }), /fifo: the queue is FIFO/);
    const properties = { 'delta.logRetentionDuration': 'interval 1 week 2 days' };
    wrong(() => ({ config: { ...CONFIG, properties } }), /logRetentionDuration: expected at least 14 days/);
  });
});

describe('the queues of a deployment', () => {
  it('share a bucket of their own, are watched, and their tables are looked after', () => {
    const template = templateOf({
      queues: [
        { name: 'orders', table: 'bronze/orders' },
        { name: 'clicks', table: 'bronze/clicks', queueArn: ARN },
      ],
      maintenance: { optimize: {} },
      catalog: { pattern: '{database}/{table}' },
    });
    template.resourceCountIs('AWS::S3::Bucket', 2);
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties.AlarmName as string,
    );
    const own = (name: string) => alarms.filter((alarm) => alarm.startsWith(`resaca-dev-${name}-`)).sort();
    const common = ['Errors', 'Failures', 'MessageAge', 'Rejects', 'Throttles'].map(
      (id) => `resaca-dev-clicks-Queue${id}`,
    );
    assert.deepEqual(own('clicks'), common);
    assert.equal(own('orders').length, 6);
    const functions = Object.entries(template.findResources('AWS::Lambda::Function'));
    const [maintenance] = functions.filter(([id]) => id.startsWith('MaintenanceFunction'));
    const places = textOf(maintenance?.[1].Properties.Environment.Variables.RESACA_PLACES);
    assert.match(places, /"bronze\/clicks","bronze\/clicks__dead_letters","bronze\/orders"/);
    for (const variable of ['RESACA_MAINTENANCE_QUEUE_URL', 'RESACA_CATALOG_QUEUE_URL']) {
      const asking = functions.filter(
        ([id, { Properties }]) => /^Queue/.test(id) && variable in Properties.Environment.Variables,
      );
      assert.equal(asking.length, 2, variable);
    }
  });

  it('are checked as a whole', () => {
    const problems = (config: unknown): string => {
      try {
        parseResacaConfig(config);
      } catch (error) {
        if (error instanceof ConfigError) return error.message;
        throw error;
      }
      return '';
    };
    const text = problems({
      landing: { bucketName: 'landing' },
      queues: [
        { name: 'a', table: 'x', bucketName: 'landing', filter: '][' },
        { name: 'a', table: 'x', bucketName: 'landing', batchSize: 20_000, other: 1 },
        { name: 'b', table: 'y', queueArn: `${ARN}.fifo`, maxReceiveCount: 2 },
      ],
    });
    for (const part of [
      'queues[0].bucketName: expected another bucket',
      'queues[0].filter',
      'queues[1].name: "a" is there twice',
      'queues[1].table: "x" is the table of another queue',
      'queues[1].batchSize',
      'queues[1].other: is not a setting',
      'queues[2].fifo: expected true',
      'queues[2].maxReceiveCount',
    ]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
  });
});
