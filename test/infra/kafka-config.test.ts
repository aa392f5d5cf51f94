import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KafkaDeploymentConfig } from '../../infra/config/kafka-config.ts';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { templateOf } from '../support/templates.ts';

const clusterArn = 'arn:aws:kafka:eu-west-1:123456789012:cluster/events/751d2973-a626-431c-9d4e-d7975eb44dd7-2';
const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_events-AbCdEf';
const msk: KafkaDeploymentConfig = { clusterArn, topics: ['web', 'orders'] };

/** Read by a function on a schedule. */
const scheduled = { ...msk, bootstrapServers: ['b-1.example.com:9098'], schedule: {} };

function problemsOf(kafka: object, more: object = {}): string {
  try {
    parseResacaConfig({ kafka, ...more });
    return '';
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.join('\n');
  }
}

describe('a stack with Kafka', () => {
  it('reads each topic into a bucket of its own, which announces nothing', () => {
    const tables = { topics: [{ topic: '*', format: 'json' }] } as const;
    const template = templateOf({ kafka: { ...msk, batchSize: 500, batchingWindow: 20, tables } });
    const mappings = Object.values(template.findResources('AWS::Lambda::EventSourceMapping'));
    const kafka = mappings.filter(({ Properties }) => Properties.EventSourceArn === clusterArn);
    assert.deepEqual(
      kafka.map(({ Properties: { Topics, BatchSize, MaximumBatchingWindowInSeconds: window } }) => [
        Topics,
        BatchSize,
        window,
      ]),
      [
        [['web'], 500, 20],
        [['orders'], 500, 20],
      ],
    );
    template.resourceCountIs('AWS::S3::Bucket', 2);
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 2);
    const notifications = JSON.stringify(template.findResources('Custom::S3BucketNotifications'));
    assert.match(notifications, /Landing/);
    assert.doesNotMatch(notifications, /Tables/);
    template.hasOutput('BronzeBucketName', {});
  });

  it('logs in to other Kafkas, in their network', () => {
    const template = templateOf({
      dashboard: false,
      kafka: {
        bootstrapServers: ['kafka-1.internal:9094'],
        topics: ['web'],
        authentication: 'scram-512',
        secretArn,
        subnetIds: ['subnet-1', 'subnet-2'],
        securityGroupId: 'sg-1',
        bucketName: 'lake',
      },
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      SelfManagedEventSource: { Endpoints: { KafkaBootstrapServers: ['kafka-1.internal:9094'] } },
      SourceAccessConfigurations: [
        { Type: 'SASL_SCRAM_512_AUTH', URI: secretArn },
        { Type: 'VPC_SUBNET', URI: 'subnet-1' },
        { Type: 'VPC_SUBNET', URI: 'subnet-2' },
        { Type: 'VPC_SECURITY_GROUP', URI: 'sg-1' },
      ],
    });
    template.resourceCountIs('AWS::S3::Bucket', 1);
  });

  it('has a function read the topics on a schedule, with the rights and the network for it', () => {
    const template = templateOf({
      kafka: {
        ...msk,
        bootstrapServers: ['b-1.events.kafka.eu-west-1.amazonaws.com:9098'],
        schedule: { every: 5, vpcId: 'vpc-0a1b2c3d' },
        subnetIds: ['subnet-0a1b2c3d', 'subnet-1a2b3c4d'],
        securityGroupId: 'sg-0a1b2c3d',
        memorySize: 2_048,
      },
    });
    const mapped = Object.values(template.findResources('AWS::Lambda::EventSourceMapping'));
    assert.ok(mapped.every(({ Properties }) => Properties.EventSourceArn !== clusterArn));
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(5 minutes)' });
    template.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 2_048,
      VpcConfig: { SubnetIds: ['subnet-0a1b2c3d', 'subnet-1a2b3c4d'], SecurityGroupIds: ['sg-0a1b2c3d'] },
    });
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 2);
    const rights = JSON.stringify(template.findResources('AWS::IAM::Policy'));
    assert.match(rights, /"kafka-cluster:ReadData"/);
    assert.doesNotMatch(rights, /GetBootstrapBrokers/);
    for (const output of ['BronzeBucketName', 'BronzeFunctionName']) template.hasOutput(output, {});
  });

  const mistakes: readonly (readonly [object, RegExp])[] = [
    [{ topics: ['a'] }, /kafka\.clusterArn: expected it for MSK, or bootstrapServers/],
    [{ ...msk, bootstrapServers: ['a:1'] }, /kafka\.clusterArn: .* and not both/],
    [{ ...msk, authentication: 'scram-512' }, /kafka\.secretArn: is required for "scram-512"/],
    [{ ...msk, secretArn }, /kafka\.secretArn: is not for "iam"/],
    [{ ...msk, authentication: 'mtls', secretArn: 'x' }, /kafka\.secretArn: expected the whole ARN/],
    [{ ...msk, subnetIds: ['a'], securityGroupId: 'b' }, /kafka\.subnetIds: is for other Kafkas/],
    [{ bootstrapServers: ['a:1'], topics: ['a'] }, /kafka\.authentication: is required with bootstrapServers/],
    [{ bootstrapServers: ['a:1'], topics: ['a'], authentication: 'none', subnetIds: ['s'] }, /expected both or none/],
    [{ ...msk, tables: { topics: [{ topic: 'a', format: 'xml' }] } }, /kafka\.tables: topics\[0\]\.format: /],
    [{ ...msk, nothing: 1 }, /kafka\.nothing: is not a setting/],
    [{ ...msk, batchSize: 20_000 }, /kafka\.batchSize: /],
    [{ ...scheduled, batchingWindow: 20 }, /kafka\.batchingWindow: is for the mapping/],
    [{ ...msk, schedule: {} }, /kafka\.bootstrapServers: is required with schedule/],
    [{ ...scheduled, clusterArn: undefined }, /kafka\.clusterArn: is required for "iam"/],
    [{ ...scheduled, authentication: 'none' }, /kafka\.clusterArn: is not for "none" with schedule/],
    [{ ...scheduled, subnetIds: ['s'], securityGroupId: 'g' }, /kafka\.schedule\.vpcId: belongs to subnetIds/],
    [{ ...scheduled, schedule: { every: 0 } }, /kafka\.schedule\.every: /],
    [{ ...scheduled, schedule: { vpcId: 'x' } }, /kafka\.schedule\.vpcId: expected the id of a VPC/],
    [{ ...scheduled, schedule: { minutes: 1 } }, /kafka\.schedule\.minutes: is not a setting/],
  ];
  for (const [kafka, expected] of mistakes) {
    it(`refuses ${JSON.stringify(kafka)}`, () => assert.match(problemsOf(kafka), expected));
  }

  it('keeps its tables out of the bucket in which files land', () => {
    const kafka = { ...msk, bucketName: 'lake' };
    assert.match(problemsOf(kafka, { landing: { bucketName: 'lake' } }), /kafka\.bucketName: expected another bucket/);
  });

  it('names what AWS would refuse before anything is synthesised', () => {
    assert.throws(() => templateOf({ kafka: { clusterArn: 'arn:nothing', topics: [] } }), ConfigError);
  });
});
