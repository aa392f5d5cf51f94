import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { BronzePipeline } from '../../infra/constructs/bronze-pipeline.ts';
import { tableFolders } from '../../infra/constructs/bronze-tables.ts';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import { createApp } from '../support/templates.ts';
import { bronzeStack, bronzeTemplate, CLUSTER_ARN, MSK, POLLERS, rightsOf, secretOf } from './bronze-stacks.ts';

/** A right as `rightsOf` gives it, of a bucket named `lake`. */
const inLake = (action: string, key: string) => `${action} arn:<AWS::Partition>:s3:::lake/${key}`;

describe('the bronze pipeline', () => {
  it('reads each topic by a mapping of its own, with IAM', () => {
    const template = bronzeTemplate();
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
    for (const topic of MSK.topics) {
      template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
        EventSourceArn: CLUSTER_ARN,
        Topics: [topic],
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 10_000,
        MaximumBatchingWindowInSeconds: 60,
        SourceAccessConfigurations: Match.absent(),
        AmazonManagedKafkaEventSourceConfig: Match.absent(),
        ProvisionedPollerConfig: Match.absent(),
        DestinationConfig: Match.absent(),
      });
    }
    template.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      MemorySize: 1024,
      VpcConfig: Match.absent(),
      Environment: { Variables: Match.objectLike({ RESACA_BUCKET: 'lake', RESACA_PIPELINE: 'kafka-Bronze' }) },
    });
  });

  it('may read its topics, write its tables, and nothing else', () => {
    const of = (kind: string, name: string) => `${CLUSTER_ARN.replace(':cluster/', `:${kind}/`)}/${name}`;
    assert.deepEqual(rightsOf(bronzeTemplate()), [
      'ec2:CreateNetworkInterface *',
      'ec2:DeleteNetworkInterface *',
      'ec2:DescribeNetworkInterfaces *',
      'ec2:DescribeSecurityGroups *',
      'ec2:DescribeSubnets *',
      'ec2:DescribeVpcs *',
      `kafka-cluster:AlterGroup ${of('group', '*')}`,
      `kafka-cluster:Connect ${CLUSTER_ARN}`,
      `kafka-cluster:DescribeClusterDynamicConfiguration ${CLUSTER_ARN}`,
      `kafka-cluster:DescribeGroup ${of('group', '*')}`,
      `kafka-cluster:DescribeTopic ${of('topic', 'orders')}`,
      `kafka-cluster:DescribeTopic ${of('topic', 'web')}`,
      `kafka-cluster:ReadData ${of('topic', 'orders')}`,
      `kafka-cluster:ReadData ${of('topic', 'web')}`,
      `kafka:DescribeClusterV2 ${CLUSTER_ARN}`,
      `kafka:GetBootstrapBrokers ${CLUSTER_ARN}`,
      inLake('s3:GetObject', 'bronze/*'),
      's3:ListBucket arn:<AWS::Partition>:s3:::lake',
      inLake('s3:PutObject', 'bronze/*'),
    ]);
  });

  it('touches the folders of its rules only', () => {
    const template = bronzeTemplate(() => ({
      config: {
        topics: [
          { topic: 'web', table: 'lake/raw/{topic}' },
          { topic: '*', table: 'rest' },
        ],
      },
    }));
    assert.deepEqual(
      rightsOf(template).filter((right) => /^s3:[GP]/.test(right)),
      ['s3:GetObject', 's3:PutObject'].flatMap((action) => [
        inLake(action, 'lake/raw/*'),
        inLake(action, 'rest/*'),
        inLake(action, 'rest__dead_letters/*'),
      ]),
    );
  });

  it('knows in which folders tables can come to lie', () => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['bronze/{topic}', ['bronze']],
      ['bronze/pre_{topic}', ['bronze']],
      ['lake/orders', ['lake/orders', 'lake/orders__dead_letters']],
      ['{topic}/bronze', []],
      ['pre_{topic}', []],
    ];
    for (const [table, folders] of cases) {
      const config = parseKafkaConfig({ bucket: 'lake', topics: [{ topic: '*', table }] });
      assert.deepEqual(tableFolders(config), folders, table);
    }
    const whole = bronzeTemplate(() => ({ config: { topics: [{ topic: '*', table: '{topic}' }] } }));
    assert.ok(rightsOf(whole).includes(inLake('s3:PutObject', '*')));
  });

  it('uses the key of the bucket', () => {
    const stack = new Stack(createApp(), 'kafka');
    const bucket = new Bucket(stack, 'Lake', { encryptionKey: new Key(stack, 'Key') });
    new BronzePipeline(stack, 'Bronze', { bucket, source: MSK });
    const rights = rightsOf(Template.fromStack(stack)).filter((right) => right.startsWith('kms:'));
    assert.deepEqual(
      rights.map((right) => right.replace(/<.*/, '')),
      ['kms:Decrypt ', 'kms:GenerateDataKey '],
    );
  });

  it('stays within the size of a role with very many topics and tables', () => {
    const topics = Array.from({ length: 200 }, (_, index) => `department_${index}.orders`);
    const template = bronzeTemplate(() => ({
      source: { ...MSK, topics, consumerGroupId: 'bronze-{topic}' },
      config: { topics: topics.map((topic) => ({ topic, table: `department/${topic}` })) },
    }));
    const policies = Object.values(template.findResources('AWS::IAM::Policy')).map(({ Properties }) => Properties);
    assert.ok(JSON.stringify(policies).length < 10_240);
    assert.ok(rightsOf(template).includes(`kafka-cluster:ReadData ${CLUSTER_ARN.replace(':cluster/', ':topic/')}/*`));
  });

  it('gets schemas from the registries of its rules', () => {
    const registry = {
      url: 'https://registry.example.com',
      secretArn: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:r',
    };
    const template = bronzeTemplate(() => ({
      config: {
        registry,
        topics: [
          { topic: 'web', format: { type: 'glue' } },
          { topic: '*', format: { type: 'confluent' } },
        ],
      },
    }));
    const rights = rightsOf(template);
    assert.ok(rights.includes(`secretsmanager:GetSecretValue ${registry.secretArn}`));
    assert.ok(rights.includes('glue:GetSchemaVersion *'));
    assert.ok(!rightsOf(bronzeTemplate()).some((right) => /^(glue|secretsmanager)/.test(right)));
  });

  it('tells the function that it is to name what failed', () => {
    const configOf = (reportBatchItemFailures: boolean) => {
      const app = createApp();
      const stack = bronzeStack(
        () => ({ reportBatchItemFailures, provisionedPollers: POLLERS, config: { application: 'a' } }),
        app,
      );
      const [lambda] = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
      const asset = `asset.${lambda?.Properties.Code.S3Key.replace('.zip', '')}`;
      return JSON.parse(readFileSync(join(app.outdir, asset, 'config.json'), 'utf8'));
    };
    assert.deepEqual(configOf(true), { application: 'a', reportBatchItemFailures: true });
    assert.deepEqual(configOf(false), { application: 'a' });
  });

  it('makes the mappings when the role has all its rights', () => {
    const template = bronzeTemplate((scope) => ({
      source: { ...MSK, authentication: { method: 'scram-512', secret: secretOf(scope) } },
      onFailure: 'new-bucket',
    }));
    const policies = Object.keys(template.findResources('AWS::IAM::Policy'));
    assert.ok(policies.length >= 4);
    for (const { DependsOn } of Object.values(template.findResources('AWS::Lambda::EventSourceMapping'))) {
      assert.deepEqual(
        policies.filter((policy) => !DependsOn.includes(policy)),
        [],
      );
    }
  });

  it('names everything that is wrong with its properties at once', () => {
    const config = { topics: [{ topic: 'a', table: '' }], bucket: 'mine' };
    assert.throws(
      () => bronzeStack(() => ({ source: { ...MSK, topics: [] }, batchSize: 0, config })),
      ({ name, problems }: { name: string; problems: string[] }) => {
        const paths = problems.map((problem) => problem.slice(0, problem.indexOf(': ')));
        assert.deepEqual(
          [name, ...paths],
          ['ConfigError', 'source.topics', 'batchSize', 'config.bucket', 'config.topics[0].table'],
        );
        return true;
      },
    );
  });
});
