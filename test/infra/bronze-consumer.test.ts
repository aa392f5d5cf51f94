import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Cluster } from 'aws-cdk-lib/aws-ecs';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { BronzeConsumerProps } from '../../infra/constructs/bronze-consumer.ts';
import { MaintenanceQueue } from '../../infra/constructs/table-maintenance.ts';
import { CLUSTER_ARN, consumerStack, type PropsOf, rightsOf, SECRET_ARN, SUBNETS, vpcOf } from './bronze-stacks.ts';

const templateOf = (propsOf?: PropsOf<BronzeConsumerProps>) => Template.fromStack(consumerStack(propsOf));
const MSK_CONFIG = { brokers: ['b-1:9098'], topics: ['web', 'raw-*'], group: 'g', awsIam: { region: 'eu-west-1' } };

describe('the Fargate consumer', () => {
  const template = templateOf();

  it('runs the image as a process that may change nothing in its container', () => {
    template.hasResourceProperties('AWS::ECS::TaskDefinition', {
      Cpu: '512',
      Memory: '1024',
      NetworkMode: 'awsvpc',
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      ContainerDefinitions: [
        Match.objectLike({
          Image: 'example.com/resaca:1',
          ReadonlyRootFilesystem: true,
          User: '1000:1000',
          Command: Match.absent(),
          LinuxParameters: { Capabilities: { Drop: ['ALL'] } },
          StopTimeout: 120,
          HealthCheck: Match.objectLike({
            Command: ['CMD', 'node', '-e', Match.stringLikeRegexp('127\\.0\\.0\\.1:8080/health')],
          }),
          LogConfiguration: Match.objectLike({ LogDriver: 'awslogs' }),
        }),
      ],
    });
    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
  });

  it('is a service without public addresses that goes back when it does not come up', () => {
    template.hasResourceProperties('AWS::ECS::Service', {
      DesiredCount: 1,
      LaunchType: 'FARGATE',
      DeploymentConfiguration: Match.objectLike({
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
      }),
      NetworkConfiguration: {
        AwsvpcConfiguration: Match.objectLike({ AssignPublicIp: 'DISABLED', Subnets: SUBNETS }),
      },
    });
    for (const { Properties } of Object.values(template.findResources('AWS::EC2::SecurityGroup'))) {
      assert.equal(Properties.SecurityGroupIngress, undefined);
    }
    template.resourceCountIs('AWS::ECS::Cluster', 0);
  });

  it('has its settings in a variable, and passwords from Secrets Manager', () => {
    const container = containerOf(template);
    const settings = JSON.parse(container.Environment.find(({ Name }) => Name === 'RESACA_KAFKA_CONFIG')?.Value ?? '');
    assert.deepEqual(settings, {
      brokers: ['kafka-1.example.com:9094'],
      topics: ['web'],
      group: 'bronze',
      tls: true,
      sasl: { mechanism: 'SCRAM-SHA-512', username: { env: 'KAFKA_USER' }, password: { env: 'KAFKA_PASSWORD' } },
      storage: { bucket: 'lake' },
      http: { port: 8080 },
    });
    assert.deepEqual(
      container.Secrets.map(({ Name, ValueFrom }) => [Name, ValueFrom]),
      [
        ['KAFKA_USER', `${SECRET_ARN.replace('user', 'Secret')}:username::`],
        ['KAFKA_PASSWORD', `${SECRET_ARN.replace('user', 'Same')}:password::`],
      ],
    );
  });

  it('may write its tables, and nothing else', () => {
    assert.deepEqual(
      rightsOf(template).filter((right) => !right.startsWith('secretsmanager:')),
      [
        's3:GetObject arn:<AWS::Partition>:s3:::lake/bronze/*',
        's3:ListBucket arn:<AWS::Partition>:s3:::lake',
        's3:PutObject arn:<AWS::Partition>:s3:::lake/bronze/*',
      ],
    );
  });

  it('may read an MSK cluster in its group, with IAM', () => {
    const rights = rightsOf(templateOf(() => ({ config: MSK_CONFIG, clusterArn: CLUSTER_ARN })));
    const of = (kind: string, name: string) => `${CLUSTER_ARN.replace(':cluster/', `:${kind}/`)}/${name}`;
    for (const right of [
      `kafka-cluster:AlterGroup ${of('group', 'g')}`,
      `kafka-cluster:ReadData ${of('topic', 'raw-*')}`,
      `kafka-cluster:ReadData ${of('topic', 'web')}`,
    ]) {
      assert.ok(rights.includes(right), right);
    }
  });

  it('may ask for checkpoints, of the queue that it is given', () => {
    const asking = templateOf((scope) => ({ maintenanceQueue: new MaintenanceQueue(scope, 'Work').queue }));
    assert.equal(rightsOf(asking).filter((right) => right.startsWith('sqs:SendMessage ')).length, 1);
    assert.match(JSON.stringify(asking.findResources('AWS::ECS::TaskDefinition')), /RESACA_MAINTENANCE_QUEUE_URL/);
  });

  it('takes size, number, user and a cluster of its own', () => {
    const told = templateOf((scope) => ({
      vpc: vpcOf(scope),
      cpu: 1024,
      memory: 4096,
      desiredCount: 3,
      user: '65532',
      logRetention: RetentionDays.ONE_WEEK,
      logLevel: 'debug',
    }));
    told.hasResourceProperties('AWS::ECS::TaskDefinition', {
      Cpu: '1024',
      Memory: '4096',
      ContainerDefinitions: [Match.objectLike({ User: '65532', Command: ['kafka', '--log-level', 'debug'] })],
    });
    told.hasResourceProperties('AWS::ECS::Service', { DesiredCount: 3 });
    told.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    told.resourceCountIs('AWS::ECS::Cluster', 1);
  });

  it('names what is wrong with its properties', () => {
    const refused = (propsOf: PropsOf<BronzeConsumerProps>, expected: RegExp) =>
      assert.throws(() => consumerStack(propsOf), expected);
    const { awsIam, ...plain } = MSK_CONFIG;
    refused(() => ({ config: { ...plain, brokers: [] } }), /config\.brokers: expected one at least/);
    refused(() => ({ config: { ...plain, topics: [] } }), /config\.topics: expected one at least/);
    refused(() => ({ config: { ...plain, group: '' } }), /config\.group: is empty/);
    refused(() => ({ config: MSK_CONFIG }), /clusterArn: is required with config\.awsIam/);
    refused(() => ({ secrets: {} }), /secrets: expected the variable KAFKA_PASSWORD/);
    refused((scope) => {
      const vpc = vpcOf(scope);
      return { vpc, cluster: Cluster.fromClusterAttributes(scope, 'Both', { clusterName: 'theirs', vpc }) };
    }, /cluster: expected either it or vpc/);
    refused(() => ({ desiredCount: -1 }), /desiredCount: expected a whole number, got -1/);
    refused(
      () => ({ config: { ...plain, tables: { topics: [{ topic: 'a', table: '' }] } } }),
      /config\.tables\.topics\[0\]\.table/,
    );
    assert.throws(
      () => consumerStack(() => ({ config: { ...plain, brokers: [], group: '' }, desiredCount: 0.5 })),
      /has 3 problems/,
    );
  });
});

interface Container {
  readonly Environment: readonly { readonly Name: string; readonly Value: string }[];
  readonly Secrets: readonly { readonly Name: string; readonly ValueFrom: string }[];
}

function containerOf(template: Template): Container {
  const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
  return task?.Properties.ContainerDefinitions[0];
}
