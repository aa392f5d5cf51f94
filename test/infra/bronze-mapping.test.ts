import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { BronzePipeline, type BronzePipelineProps } from '../../infra/constructs/bronze-pipeline.ts';
import { createApp, textOf } from '../support/templates.ts';
import { bronzeStack, bronzeTemplate, bucketOf, MSK, POLLERS, rightsOf } from './bronze-stacks.ts';

const MAPPING = 'AWS::Lambda::EventSourceMapping';
type Settings = Omit<BronzePipelineProps, 'bucket' | 'source'>;

function refusal(settings: Settings, topics: readonly string[] = MSK.topics): string {
  try {
    bronzeStack(() => ({ ...settings, source: { ...MSK, topics } }));
  } catch (error) {
    assert.equal((error as Error).name, 'ConfigError');
    return (error as Error).message;
  }
  return 'nothing';
}

describe('the mappings', () => {
  it('gather batches as told', () => {
    const filters = [{ key: { id: [{ prefix: 'a' }] } }, { value: { n: [{ numeric: ['>', 1] }] } }];
    bronzeTemplate(() => ({ batchSize: 500, batchingWindow: Duration.minutes(5), filters })).allResourcesProperties(
      MAPPING,
      {
        BatchSize: 500,
        MaximumBatchingWindowInSeconds: 300,
        FilterCriteria: { Filters: filters.map((pattern) => ({ Pattern: JSON.stringify(pattern) })) },
      },
    );
  });

  it('have pollers of their own as told, or the defaults of Lambda', () => {
    bronzeTemplate(() => ({
      provisionedPollers: { minimum: 2, maximum: 9, groupName: 'lake-prod' },
    })).allResourcesProperties(MAPPING, {
      ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 9, PollerGroupName: 'lake-prod' },
      MetricsConfig: Match.absent(),
      MaximumRetryAttempts: Match.absent(),
    });
    bronzeTemplate(() => ({ provisionedPollers: {} })).allResourcesProperties(MAPPING, {
      ProvisionedPollerConfig: { MinimumPollers: 1, MaximumPollers: 200 },
    });
  });

  it('bound what they retry, and keep what they discard', () => {
    const template = bronzeTemplate(() => ({
      provisionedPollers: POLLERS,
      maximumRetryAttempts: 3,
      maximumRecordAge: Duration.hours(1),
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
    }));
    template.allResourcesProperties(MAPPING, {
      MaximumRetryAttempts: 3,
      MaximumRecordAgeInSeconds: 3_600,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MetricsConfig: { Metrics: ['EventCount'] },
    });
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        BucketEncryption: Match.anyValue(),
        PublicAccessBlockConfiguration: Match.objectLike({ BlockPublicAcls: true, RestrictPublicBuckets: true }),
      },
    });
    const [bucketId] = Object.keys(template.findResources('AWS::S3::Bucket'));
    for (const { Properties } of Object.values(template.findResources(MAPPING))) {
      assert.equal(textOf(Properties.DestinationConfig.OnFailure.Destination), `<${bucketId}.Arn>`);
    }
    assert.deepEqual(
      rightsOf(template).filter((right) => right.includes(`<${bucketId}`)),
      [`s3:ListBucket <${bucketId}.Arn>`, `s3:PutObject <${bucketId}.Arn>/aws/lambda/*`],
    );
  });

  it('retry ten times with a destination, which is what AWS makes of no limit', () => {
    bronzeTemplate(() => ({ provisionedPollers: POLLERS, onFailure: 'new-bucket' })).allResourcesProperties(MAPPING, {
      MaximumRetryAttempts: 10,
    });
    // Pollers on demand have no such setting.
    bronzeTemplate(() => ({ onFailure: 'new-bucket' })).allResourcesProperties(MAPPING, {
      DestinationConfig: Match.anyValue(),
      MaximumRetryAttempts: Match.absent(),
      MetricsConfig: Match.absent(),
    });
  });

  it('put what they discard into a bucket that is given, with its key', () => {
    const stack = new Stack(createApp(), 'kafka');
    const onFailure = new Bucket(stack, 'Theirs', { encryptionKey: new Key(stack, 'Key') });
    new BronzePipeline(stack, 'Bronze', { bucket: bucketOf(stack), source: MSK, onFailure });
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::S3::Bucket', 1);
    const kms = rightsOf(template).filter((right) => right.startsWith('kms:'));
    assert.deepEqual(
      kms.map((right) => right.replace(/ .*/, '')),
      ['kms:GenerateDataKey'],
    );
  });

  it('discard without a bucket only when told so', () => {
    const template = bronzeTemplate(() => ({
      provisionedPollers: POLLERS,
      maximumRetryAttempts: 0,
      onFailure: 'discard',
    }));
    template.resourceCountIs('AWS::S3::Bucket', 0);
    template.allResourcesProperties(MAPPING, { MaximumRetryAttempts: 0, DestinationConfig: Match.absent() });
  });
});

describe('settings that AWS refuses', () => {
  const provisionedPollers = POLLERS;
  const cases: Readonly<Record<string, readonly [Settings, RegExp]>> = {
    'retries on demand': [{ maximumRetryAttempts: 1 }, /maximumRetryAttempts: needs provisionedPollers/],
    'age on demand': [{ maximumRecordAge: Duration.hours(1) }, /maximumRecordAge: needs provisionedPollers/],
    'halves on demand': [{ bisectBatchOnError: true }, /bisectBatchOnError: needs provisionedPollers/],
    'parts on demand': [{ reportBatchItemFailures: true }, /reportBatchItemFailures: needs provisionedPollers/],
    'batch size': [{ batchSize: 10_001 }, /batchSize: expected a whole number from 1 to 10000, got 10001/],
    'part of a record': [{ batchSize: 1.5 }, /batchSize: expected a whole number/],
    window: [{ batchingWindow: Duration.seconds(301) }, /batchingWindow: .* from 0 to 300 seconds, got 301/],
    'part of a second': [{ batchingWindow: Duration.millis(500) }, /batchingWindow: expected a whole number/],
    retries: [{ provisionedPollers, maximumRetryAttempts: -1 }, /maximumRetryAttempts: .* from 0 to 10000, got -1/],
    age: [{ provisionedPollers, maximumRecordAge: Duration.seconds(59) }, /maximumRecordAge: .* from 60 to 604800/],
    'least pollers': [
      { provisionedPollers: { minimum: 201 } },
      /provisionedPollers\.minimum: .* from 1 to 200, got 201/,
    ],
    'most pollers': [{ provisionedPollers: { maximum: 2_001 } }, /provisionedPollers\.maximum: .* from 1 to 2000/],
    'more at least': [{ provisionedPollers: { minimum: 5, maximum: 4 } }, /minimum: expected at most the maximum, 4/],
    'name of the group': [{ provisionedPollers: { groupName: 'a b' } }, /groupName: expected 1-128 letters.*"a b"/],
    'no filter': [{ filters: [] }, /filters: expected a whole number from 1 to 10, got 0/],
  };
  for (const [name, [settings, expected]] of Object.entries(cases)) {
    it(`are named: ${name}`, () => assert.match(refusal(settings), expected));
  }

  it('are named: more pollers or mappings than a group takes', () => {
    const topics = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);
    const group = { groupName: 'a' };
    assert.match(
      refusal({ provisionedPollers: group }, topics(11)),
      /maximum: a group has 2000 at most, got 200 for each/,
    );
    assert.match(refusal({ provisionedPollers: { ...group, maximum: 4 } }, topics(101)), /100 topics at most, got 101/);
    assert.equal(refusal({ provisionedPollers: { ...group, maximum: 20 } }, topics(100)), 'nothing');
  });

  it('are named all together', () => {
    const message = refusal({ maximumRetryAttempts: 1, bisectBatchOnError: true, batchSize: 0 });
    assert.match(message, /has 3 problems/);
  });

  it('are not what is at the limits', () => {
    assert.equal(
      refusal({
        provisionedPollers: { minimum: 200, maximum: 2_000 },
        batchSize: 10_000,
        batchingWindow: Duration.seconds(0),
        maximumRetryAttempts: 10_000,
        maximumRecordAge: Duration.days(7),
      }),
      'nothing',
    );
  });
});
