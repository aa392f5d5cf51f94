import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { ScheduledConsumer, type ScheduledConsumerProps } from '../../infra/constructs/scheduled-consumer.ts';
import { PRICES } from '../../src/cost/prices.ts';
import { MINUTELY, scheduledConsumer } from '../../src/cost/streams.ts';
import { createApp } from '../support/templates.ts';
import { CLUSTER_ARN, type PropsOf, rightsOf, SECRET_ARN, SUBNETS, scheduledStack, secretOf } from './bronze-stacks.ts';

const CONFIG = { brokers: ['kafka-1.example.com:9094'], topics: ['web'], group: 'bronze', tls: true } as const;
const SASL = {
  mechanism: 'SCRAM-SHA-512',
  username: { env: 'KAFKA_USER' },
  password: { env: 'KAFKA_PASSWORD' },
} as const;

const templateOf = (propsOf?: PropsOf<ScheduledConsumerProps>) => Template.fromStack(scheduledStack(propsOf));

describe('the scheduled consumer', () => {
  const template = templateOf();

  it('is one function in the private subnets, called once a minute', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 1_024,
      Timeout: 600,
      ReservedConcurrentExecutions: 1,
      VpcConfig: Match.objectLike({ SubnetIds: SUBNETS }),
      Environment: { Variables: Match.objectLike({ RESACA_BUCKET: 'lake', RESACA_KAFKA_SECRETS: Match.absent() }) },
    });
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(1 minute)' });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
    for (const { Properties } of Object.values(template.findResources('AWS::EC2::SecurityGroup'))) {
      assert.equal(Properties.SecurityGroupIngress, undefined);
    }
  });

  it('may write its tables and have network interfaces, and nothing else', () => {
    assert.deepEqual(rightsOf(template), [
      'ec2:AssignPrivateIpAddresses *',
      'ec2:CreateNetworkInterface *',
      'ec2:DeleteNetworkInterface *',
      'ec2:DescribeNetworkInterfaces *',
      'ec2:DescribeSubnets *',
      'ec2:UnassignPrivateIpAddresses *',
      's3:GetObject arn:<AWS::Partition>:s3:::lake/bronze/*',
      's3:ListBucket arn:<AWS::Partition>:s3:::lake',
      's3:PutObject arn:<AWS::Partition>:s3:::lake/bronze/*',
    ]);
  });

  it('may read the secrets that its variables name', () => {
    const told = templateOf((scope) => {
      const secret = secretOf(scope);
      const secrets = { KAFKA_USER: { secret, field: 'username' }, KAFKA_PASSWORD: { secret, field: 'password' } };
      return { config: { ...CONFIG, sasl: SASL }, secrets };
    });
    const arn = SECRET_ARN.replace('user', 'Secret');
    assert.ok(rightsOf(told).includes(`secretsmanager:GetSecretValue ${arn}`));
    const secrets = {
      KAFKA_USER: { secret: arn, field: 'username' },
      KAFKA_PASSWORD: { secret: arn, field: 'password' },
    };
    told.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ RESACA_KAFKA_SECRETS: JSON.stringify(secrets) }) },
    });
  });

  it('may read an MSK cluster in its group, with IAM', () => {
    const config = { brokers: ['b-1:9098'], topics: ['web'], group: 'g', awsIam: { region: 'eu-west-1' } };
    const rights = rightsOf(templateOf(() => ({ config, clusterArn: CLUSTER_ARN })));
    const of = (kind: string, name: string) => `${CLUSTER_ARN.replace(':cluster/', `:${kind}/`)}/${name}`;
    for (const right of [
      `kafka-cluster:AlterGroup ${of('group', 'g')}`,
      `kafka-cluster:ReadData ${of('topic', 'web')}`,
    ]) {
      assert.ok(rights.includes(right), right);
    }
  });

  it('takes another interval, memory and time', () => {
    const told = templateOf(() => ({ interval: Duration.minutes(5), memorySize: 2_048, timeout: Duration.minutes(4) }));
    told.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(5 minutes)' });
    told.hasResourceProperties('AWS::Lambda::Function', { MemorySize: 2_048, Timeout: 240 });
  });

  it('refuses variables without a secret, and other mistakes', () => {
    assert.throws(
      () => templateOf(() => ({ config: { ...CONFIG, sasl: SASL } })),
      /secrets: expected the variable KAFKA_USER/,
    );
    assert.throws(
      () => templateOf(() => ({ config: { ...CONFIG, topics: [] } })),
      /config\.topics: expected one at least/,
    );
    assert.throws(
      () => templateOf(() => ({ config: { ...CONFIG, tables: { commits: 'deferred' } } })),
      /config\.tables\.commits: expected "direct"/,
    );
  });

  it('is in no VPC where none is given', () => {
    const stack = new Stack(createApp(), 'kafka');
    const bucket = Bucket.fromBucketName(stack, 'Lake', 'lake');
    new ScheduledConsumer(stack, 'Consumer', { bucket, config: CONFIG });
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', { VpcConfig: Match.absent() });
  });

  it('has the alarms that the cost model counts', () => {
    const load = { gbPerDay: 1, topics: 1, recordBytes: 400 };
    const { items } = scheduledConsumer('it', load, MINUTELY, PRICES);
    const alarms = Object.keys(template.findResources('AWS::CloudWatch::Alarm')).length;
    assert.equal(items.find(({ price }) => price === 'cloudwatch.alarm')?.quantity, alarms);
  });
});
