import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { CdfExport, type TableExport } from '../../infra/constructs/cdf-export.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { createApp, roleStatements, type Statement, templateOf, textOf } from '../support/templates.ts';
import { CLUSTER_ARN } from './bronze-stacks.ts';

function templateWith(change: Partial<TableExport> = {}): Template {
  const stack = new Stack(createApp(), 'exports');
  const bucket = Bucket.fromBucketName(stack, 'Lake', 'lake');
  const to = { bucket: Bucket.fromBucketName(stack, 'Feeds', 'feeds'), prefix: 'cdf' };
  new CdfExport(stack, 'CdfExport', { exports: [{ bucket, prefix: 'lake/orders/', to, ...change }] });
  return Template.fromStack(stack);
}

/** What is allowed on buckets and keys, as `action name-or-ARN`. */
function allowed(template: Template, service: string): string[] {
  const statements: Statement[] = roleStatements(template).filter(({ Effect }) => Effect === 'Allow');
  return statements
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((arn) => `${action} ${textOf(arn)}`)),
    )
    .filter((text) => text.startsWith(service))
    .map((text) => text.replace(/arn:<AWS::Partition>:s3:::/, ''))
    .sort();
}

describe('the export of changes', () => {
  it('may read the tables, write and read what it exports, and delete nothing', () => {
    assert.deepEqual(allowed(templateWith(), 's3:'), [
      's3:AbortMultipartUpload feeds/cdf/*',
      's3:GetObject feeds/cdf/*',
      's3:GetObject lake/lake/orders/*',
      's3:ListBucket feeds',
      's3:ListBucket lake',
      's3:PutObject feeds/cdf/*',
    ]);
  });

  it('may use the keys of both buckets as it has to', () => {
    const stack = new Stack(createApp(), 'exports');
    const keyArn = (id: string) => `arn:aws:kms:eu-west-1:123456789012:key/${id}`;
    const bucketOf = (id: string) =>
      Bucket.fromBucketAttributes(stack, id, {
        bucketName: id.toLowerCase(),
        encryptionKey: Key.fromKeyArn(stack, `${id}Key`, keyArn(id.toLowerCase())),
      });
    const exports = [{ bucket: bucketOf('Lake'), prefix: 'a', to: { bucket: bucketOf('Feeds'), prefix: 'b' } }];
    new CdfExport(stack, 'CdfExport', { exports });
    assert.deepEqual(allowed(Template.fromStack(stack), 'kms:'), [
      `kms:Decrypt ${keyArn('feeds')}`,
      `kms:Decrypt ${keyArn('lake')}`,
      `kms:GenerateDataKey ${keyArn('feeds')}`,
    ]);
  });

  it('works through a FIFO queue with dead letters, one table at a time', () => {
    const template = templateWith();
    template.hasResourceProperties('AWS::SQS::Queue', {
      FifoQueue: true,
      VisibilityTimeout: 6 * 15 * 60,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 3 }),
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  it('is called for the exports of a rate together', () => {
    const one = { prefix: 'lake/a', to: 's3://feeds/cdf', every: 15 };
    const template = templateOf({ exports: [one, { ...one, prefix: 'lake/b' }, { ...one, prefix: 'c', every: 60 }] });
    const rules = Object.entries(template.findResources('AWS::Events::Rule'))
      .filter(([id]) => id.startsWith('CdfExport'))
      .map(([, { Properties }]) => [
        Properties.ScheduleExpression,
        Properties.Targets[0].InputTransformer.InputTemplate,
      ]);
    assert.deepEqual(rules.toSorted(), [
      ['rate(1 hour)', '{"exports":["c"],"time":<time>}'],
      ['rate(15 minutes)', '{"exports":["lake/a","lake/b"],"time":<time>}'],
    ]);
  });

  it('names the buckets, and has its settings in a file', () => {
    const functions = Object.values(templateWith({ name: 'orders' }).findResources('AWS::Lambda::Function'));
    const { RESACA_EXPORT_BUCKETS: buckets } = functions[0]?.Properties.Environment.Variables ?? {};
    assert.equal(textOf(buckets), '{"orders":{"tables":"lake","to":"feeds"}}');
  });

  it('refuses what cannot be', () => {
    assert.throws(() => templateWith({ every: Duration.seconds(90) }), ConfigError);
    assert.throws(
      () => templateWith({ format: 'parquet', compression: 'gzip' }),
      /exports\[0\]\.compression: is for csv/,
    );
  });
});

describe('the exports of a deployment', () => {
  it('are none without the part', () => {
    assert.ok(!/Export/.test(JSON.stringify(Object.keys(templateOf({}).toJSON().Resources))));
  });

  it('have alarms, and take the tables of Kafka, too', () => {
    const template = templateOf({
      kafka: { clusterArn: CLUSTER_ARN, topics: ['web'] },
      exports: [{ prefix: 'web', source: 'kafka', to: 'feeds', format: 'jsonl', name: 'web' }],
    });
    for (const id of ['ExportFailures', 'ExportLag']) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: `resaca-dev-${id}` });
    }
    const s3 = allowed(template, 's3:').filter((text) => text.includes('feeds/'));
    assert.match(s3.join(), /s3:PutObject <Tables\w*\.Arn>\/feeds\/\*/);
  });

  it('take the tables of queues, each from the bucket of its queue', () => {
    const template = templateOf({
      queues: [
        { name: 'orders', table: 'bronze/orders' },
        { name: 'clicks', table: 'bronze/clicks', bucketName: 'theirs' },
      ],
      exports: ['orders', 'clicks'].map((queue) => ({ prefix: `bronze/${queue}`, queue, to: 's3://feeds/cdf' })),
    });
    const read = allowed(template, 's3:').join(' ');
    assert.match(read, /GetObject <QueueTables\w*\.Arn>\/bronze\/orders\/\*/);
    assert.match(read, /GetObject theirs\/bronze\/clicks\/\*/);
  });

  for (const [what, exports, problem] of [
    ['no prefix', [{ to: 's3://feeds/a' }], /exports\[0\]\.prefix: is required/],
    ['no place', [{ prefix: 'a' }], /exports\[0\]\.to: is required/],
    ['a place in the table', [{ prefix: 'a', to: 'a/feed' }], /exports\[0\]\.to: expected it outside/],
    ['another bucket of tables', [{ prefix: 'a', to: 'b', bucket: 'x' }], /exports\[0\]\.bucket: is that of/],
    ['a name twice', [1, 2].map(() => ({ prefix: 'a', to: 'b' })), /exports\[1\]\.name: "a" is there twice/],
    ['Kafka without Kafka', [{ prefix: 'a', to: 'b', source: 'kafka' }], /exports\[0\]\.source: is kafka/],
    ['an unknown queue', [{ prefix: 'a', to: 'b', queue: 'q' }], /exports\[0\]\.queue: expected .* \(there are none\)/],
    ['two sources', [{ prefix: 'a', to: 'b', source: 'landing', queue: 'q' }], /exports\[0\]\.source: is given, and/],
    ['a rate of no minutes', [{ prefix: 'a', to: 'b', every: 0 }], /exports\[0\]\.every: expected/],
    ['an unknown setting', [{ prefix: 'a', to: 'b', formt: 'csv' }], /exports\[0\]\.formt: is not a setting/],
    ['a bad form', [{ prefix: 'a', to: 'b', csv: { delimiter: '::' } }], /exports\[0\]\.csv\.delimiter: expected/],
    ['a zone that is none', [{ prefix: 'a', to: 'b', values: { zone: 'Mars' } }], /values\.zone: expected a time zone/],
    ['an alias of a key', [{ prefix: 'a', to: 's3://bucket/b', keyArn: 'x' }], /exports\[0\]\.keyArn: expected/],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.throws(() => parseResacaConfig({ exports } as unknown as ResacaConfig), problem);
    });
  }
});
