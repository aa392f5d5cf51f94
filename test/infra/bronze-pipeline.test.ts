import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Stack, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks } from 'cdk-nag';
import { BronzePipeline, type BronzePipelineProps } from '../../infra/constructs/bronze-pipeline.ts';
import { actionsOf, createApp, roleStatements, textOf } from '../support/templates.ts';

const clusterArn = 'arn:aws:kafka:us-east-1:111122223333:cluster/events/0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e-1';

function bronzeStack(propsOf: (scope: Stack) => Partial<BronzePipelineProps> = () => ({}), app = createApp()): Stack {
  const stack = new Stack(app, 'kafka');
  const bucket = Bucket.fromBucketName(stack, 'Bucket', 'lake');
  new BronzePipeline(stack, 'Bronze', { bucket, clusterArn, topics: ['web', 'orders'], ...propsOf(stack) });
  return stack;
}

describe('the bronze pipeline', () => {
  it('reads each topic by a mapping of its own, with IAM', () => {
    const template = Template.fromStack(bronzeStack());
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: clusterArn,
      Topics: ['web'],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 60,
      SourceAccessConfigurations: Match.absent(),
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      MemorySize: 1024,
      Environment: { Variables: Match.objectLike({ RESACA_BUCKET: 'lake', RESACA_PIPELINE: 'kafka-Bronze' }) },
    });
    const statements = roleStatements(template);
    const read = statements.find(({ Action }) => actionsOf([{ Action } as never]).includes('kafka-cluster:ReadData'));
    assert.deepEqual([read?.Resource].flat().map(textOf), [
      clusterArn.replace(':cluster/', ':topic/').concat('/orders'),
      clusterArn.replace(':cluster/', ':topic/').concat('/web'),
    ]);
    assert.ok(actionsOf(statements).every((action) => !/\*|Delete(?!NetworkInterface)|WriteData/.test(action)));
  });

  it('reads with the user of a secret', () => {
    const secretArn = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:AmazonMSK_user-AbCdEf';
    const stack = bronzeStack((scope) => ({ scramSecret: Secret.fromSecretCompleteArn(scope, 'Secret', secretArn) }));
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      SourceAccessConfigurations: [{ Type: 'SASL_SCRAM_512_AUTH', URI: secretArn }],
    });
    const actions = actionsOf(roleStatements(template));
    assert.ok(actions.includes('secretsmanager:GetSecretValue'));
    assert.ok(!actions.includes('kafka-cluster:Connect'));
  });

  it('passes the AwsSolutions pack of cdk-nag', () => {
    const app = createApp();
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    bronzeStack(() => ({}), app);
    app.synth();
    const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8'));
    assert.deepEqual(
      report.pluginReports.flatMap(({ violations }: { violations: unknown[] }) => violations),
      [],
    );
  });

  it('names what is wrong with its properties', () => {
    assert.throws(() => bronzeStack(() => ({ topics: [] })), /topics: expected one at least/);
    assert.throws(() => bronzeStack(() => ({ topics: ['a b'] })), /topics: expected letters, digits/);
    assert.throws(() => bronzeStack(() => ({ config: { topics: [{ topic: 'a', table: '' }] } })), /topics\[0\]\.table/);
  });
});
