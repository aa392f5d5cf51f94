import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { EventGrouping, type EventGroupingProps } from '../../infra/constructs/event-grouping.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { actionsOf, alarmsOf, createApp, stackOf, statementsOf, templateOf, textOf } from '../support/templates.ts';

const grouped = (config: Parameters<typeof templateOf>[0] = {}) =>
  templateOf({ maintenance: false, ...config, append: { queue: 'grouped', ...config.append } });

describe('a deployment with grouped events', () => {
  const template = grouped();

  it('sends them to a standard queue, and on to a FIFO queue, both with dead letters', () => {
    const queues = Object.entries(template.findResources('AWS::SQS::Queue')).map(
      ([id, { Properties }]) => [id.replace(/[0-9A-F]{8}$/, ''), Properties.FifoQueue === true] as const,
    );
    assert.deepEqual(queues.sort(), [
      ['AppendEventsDeadLetters', true],
      ['AppendEventsQueue', true],
      ['GroupingEventsDeadLetters', false],
      ['GroupingEventsQueue', false],
    ]);
    template.hasResourceProperties('Custom::S3BucketNotifications', {
      NotificationConfiguration: {
        QueueConfigurations: [['s3:ObjectCreated:*'], ['s3:ObjectRemoved:*'], ['s3:LifecycleExpiration:*']].map(
          (Events) => ({
            Events,
            QueueArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^GroupingEventsQueue'), 'Arn'] },
            Filter: { Key: { FilterRules: [{ Name: 'suffix', Value: '.parquet' }] } },
          }),
        ),
      },
    });
  });

  it('gathers them in the one, and hands them out one table at a time from the other', () => {
    const mappings = Object.values(template.findResources('AWS::Lambda::EventSourceMapping')).map(
      ({ Properties: { EventSourceArn, BatchSize, MaximumBatchingWindowInSeconds: window, ...rest } }) => ({
        source: textOf(EventSourceArn)
          .replace(/[0-9A-F]{8}\.Arn>$/, '')
          .slice(1),
        BatchSize,
        window,
        types: rest.FunctionResponseTypes,
      }),
    );
    const types = ['ReportBatchItemFailures'];
    assert.deepEqual(
      mappings.toSorted((a, b) => a.source.localeCompare(b.source)),
      [
        { source: 'AppendEventsQueue', BatchSize: 10, window: undefined, types },
        { source: 'GroupingEventsQueue', BatchSize: 1_000, window: 30, types },
      ],
    );
  });

  it('lets the function take its messages, send to the FIFO queue, write its log, and nothing else', () => {
    const allowed = statementsOf(template, 'Grouping').map(({ Effect, Action, Resource }) => [
      Effect,
      [Action].flat().join(),
      textOf(Resource).replace(/[0-9A-F]{8}\.Arn>/, ''),
    ]);
    assert.deepEqual(allowed.toSorted(), [
      ['Allow', 'logs:CreateLogStream,logs:PutLogEvents', '<GroupingLogs'],
      [
        'Allow',
        'sqs:ChangeMessageVisibility,sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:GetQueueUrl,sqs:ReceiveMessage',
        '<GroupingEventsQueue',
      ],
      ['Allow', 'sqs:SendMessage', '<AppendEventsQueue'],
    ]);
  });

  it('has the tables of the append function, and where events go', () => {
    const stack = stackOf({ append: { queue: 'grouped', groups: 3 }, tables: [{ prefix: 'web' }] });
    const functions = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
    const group = functions.find(
      ({ Properties }) => 'RESACA_TARGET_QUEUE_URL' in (Properties.Environment?.Variables ?? {}),
    );
    assert.match(textOf(group?.Properties.Environment.Variables.RESACA_TARGET_QUEUE_URL), /^<AppendEventsQueue/);
    const asset = group?.Properties.Code.S3Key.replace(/\.zip$/, '');
    const { outdir } = stack.node.root as ReturnType<typeof createApp>;
    const file = join(outdir, `asset.${asset}`, 'config.json');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { tables: [{ prefix: 'web' }], groups: 3 });
  });

  it('alarms where events do not get on', () => {
    const bridged = grouped({ landing: { notifications: 'eventbridge' } });
    assert.deepEqual(alarmsOf(bridged, 'Grouping'), [
      'GroupingDeadLetters',
      'GroupingErrors',
      'GroupingMessageAge',
      'GroupingUndelivered',
    ]);
  });

  it('may use the keys of the queues, where they have one', () => {
    const encrypted = grouped({ encryption: 'kms' });
    const actions = actionsOf(statementsOf(encrypted, 'Grouping')).filter((action) => action.startsWith('kms:'));
    assert.deepEqual([...new Set(actions)].sort(), ['kms:Decrypt', 'kms:GenerateDataKey']);
  });

  it('works through EventBridge, by the convention as by rules', () => {
    const bridged = grouped({ landing: { notifications: 'eventbridge' } });
    const [rule] = Object.values(bridged.findResources('AWS::Events::Rule'));
    assert.match(textOf(rule?.Properties.Targets[0].Arn), /^<GroupingEventsQueue/);
    assert.equal(rule?.Properties.Targets[0].SqsParameters, undefined);
    const tables = [{ prefix: 'a' }, { prefix: 'b/{x}' }];
    assert.deepEqual(parseResacaConfig({ append: { queue: 'grouped' }, convention: 'none', tables }).prefixes, [
      'a',
      'b',
    ]);
  });

  it('has settings of its own, which other queues do not have', () => {
    const { append } = parseResacaConfig({ append: { queue: 'grouped' } });
    assert.deepEqual([append.groups, append.batchSize, append.batchingWindow], [1, 10, 30]);
    const problemOf = (config: unknown) => {
      try {
        parseResacaConfig(config);
      } catch (error) {
        return error instanceof ConfigError ? error.problems.join() : String(error);
      }
      return undefined;
    };
    assert.match(problemOf({ append: { groups: 2 } }) ?? '', /^append.groups: is for the queue "grouped"/);
    assert.match(problemOf({ append: { queue: 'grouped', groups: 65 } }) ?? '', /^append.groups: .* 1 to 64, got 65/);
    assert.match(problemOf({ append: { queue: 'grouped', batchSize: 11 } }) ?? '', /^append.batchSize: .* 1 to 10/);
    assert.equal(problemOf({ append: { queue: 'grouped', batchingWindow: 0 } }), undefined);
  });
});

describe('the construct EventGrouping', () => {
  function build(props: (stack: Stack) => Partial<EventGroupingProps> = () => ({})): Template {
    const stack = new Stack(createApp(), 'theirs');
    new EventGrouping(stack, 'Grouping', {
      bucket: Bucket.fromBucketName(stack, 'Bucket', 'theirs'),
      target: new Queue(stack, 'Target', { fifo: true }),
      ...props(stack),
    });
    return Template.fromStack(stack);
  }

  it('needs a FIFO queue, literal prefixes and a right configuration', () => {
    build().resourceCountIs('AWS::SQS::Queue', 3);
    assert.throws(() => build((stack) => ({ target: new Queue(stack, 'Standard') })), /target: expected a FIFO queue/);
    assert.throws(() => build(() => ({ prefixes: ['a/*'] })), /prefixes: expected a literal prefix/);
    assert.throws(() => build(() => ({ groups: 0 })), /groups: expected a whole number from 1/);
  });

  it('takes ten messages where none are gathered', () => {
    const template = grouped({ append: { batchingWindow: 0 } });
    const sizes = Object.values(template.findResources('AWS::Lambda::EventSourceMapping')).map(({ Properties }) => [
      Properties.BatchSize,
      Properties.MaximumBatchingWindowInSeconds,
    ]);
    assert.deepEqual(sizes, [
      [10, undefined],
      [10, undefined],
    ]);
  });

  it('leaves the bucket alone where events come another way', () => {
    build(() => ({ notifications: 'none' })).resourceCountIs('Custom::S3BucketNotifications', 0);
  });
});
