import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { ResacaStack } from '../../infra/stacks/resaca-stack.ts';

/** Without bundling: `test/bundle.test.ts` looks at the bundle. */
const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
const template = Template.fromStack(new ResacaStack(app, 'resaca-test', { stage: 'test' }));

describe('the stack', () => {
  it('keeps the landing bucket and its tables, private, encrypted, TLS only', () => {
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        BucketEncryption: Match.anyValue(),
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  it('hides a message for six times the time-out of the function, and keeps dead letters 14 days', () => {
    const timeout = 300;
    template.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Timeout: timeout,
      MemorySize: 512,
    });
    template.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 6 * timeout,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
    template.allResourcesProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * 86_400,
    });
  });

  it('answers for single messages of a batch', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1000,
      MaximumBatchingWindowInSeconds: 30,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 4 },
    });
  });

  it('lets the function read the bucket, write logs and quarantine, and nothing else', () => {
    const policies = Object.values(template.findResources('AWS::IAM::Policy'));
    const ours = policies.find(({ Properties }) => JSON.stringify(Properties).includes('_delta_log'));
    const statements: { Action: string | string[]; Resource: unknown }[] = ours?.Properties.PolicyDocument.Statement;
    const storage = statements.filter(({ Action }) => [Action].flat().some((action) => action.startsWith('s3:')));
    assert.deepEqual(
      storage.map(({ Action }) => Action),
      ['s3:GetObject', 's3:ListBucket', 's3:PutObject'],
    );
    const put = JSON.stringify(storage[2]?.Resource);
    assert.equal(put.match(/_delta_log\/\*|_resaca\/\*/g)?.length, 4);
  });

  it('has stable ids for what holds data', () => {
    const stateful = ['AWS::S3::Bucket', 'AWS::SQS::Queue'].flatMap((type) =>
      Object.keys(template.findResources(type)),
    );
    assert.deepEqual(stateful.sort(), ['AppendDeadLettersE05BDD12', 'AppendQueue02AB6F1C', 'LandingBucket6D60388F']);
  });
});
