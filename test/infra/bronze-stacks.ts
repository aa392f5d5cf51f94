import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SecurityGroup, Subnet, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage, Secret as EcsSecret } from 'aws-cdk-lib/aws-ecs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { BronzeConsumer, type BronzeConsumerProps } from '../../infra/constructs/bronze-consumer.ts';
import { BronzePipeline, type BronzePipelineProps } from '../../infra/constructs/bronze-pipeline.ts';
import type { MskSource, SelfManagedKafkaSource } from '../../infra/constructs/kafka-source.ts';
import {
  ScheduledConsumer,
  ScheduledConsumerAlarms,
  type ScheduledConsumerProps,
} from '../../infra/constructs/scheduled-consumer.ts';
import { actionsOf, createApp, roleStatements, textOf } from '../support/templates.ts';

const UUID = '0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e';
export const CLUSTER_ARN = `arn:aws:kafka:us-east-1:111122223333:cluster/events/${UUID}-1`;
export const SERVERLESS_ARN = `arn:aws:kafka:us-east-1:111122223333:cluster/events/${UUID}-s1`;
export const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:AmazonMSK_user-AbCdEf';

export const SUBNETS = ['subnet-0a1b2c3d', 'subnet-1a2b3c4d'];
export const SECURITY_GROUP = 'sg-0a1b2c3d';
const ROUTES = 'rtb-0a1b2c3d';

/** An MSK cluster of which two topics are read with IAM. */
export const MSK: MskSource = { kind: 'msk', clusterArn: CLUSTER_ARN, topics: ['web', 'orders'] };
export const POLLERS = { minimum: 1, maximum: 4 };

export function secretOf(scope: Stack, id = 'Secret'): ISecret {
  return Secret.fromSecretCompleteArn(scope, id, SECRET_ARN.replace('user', id));
}

/** Brokers in a VPC, with a user and a root certificate. */
export function selfManaged(scope: Stack): SelfManagedKafkaSource {
  return {
    kind: 'self-managed',
    topics: ['web'],
    bootstrapServers: ['kafka-1.example.com:9094', 'kafka-2.example.com:9094'],
    authentication: { method: 'scram-256', secret: secretOf(scope, 'User') },
    rootCertificate: secretOf(scope, 'Root'),
    network: {
      subnets: SUBNETS.map((subnetId) =>
        Subnet.fromSubnetAttributes(scope, subnetId, { subnetId, routeTableId: ROUTES }),
      ),
      securityGroup: SecurityGroup.fromSecurityGroupId(scope, 'Brokers', SECURITY_GROUP),
    },
  };
}

export type PropsOf<Props> = (scope: Stack) => Partial<Props>;

/** A stack with a bronze pipeline. */
export function bronzeStack(propsOf: PropsOf<BronzePipelineProps> = () => ({}), app = createApp()): Stack {
  const stack = new Stack(app, 'kafka');
  new BronzePipeline(stack, 'Bronze', { bucket: bucketOf(stack), source: MSK, ...propsOf(stack) });
  return stack;
}

export function bronzeTemplate(propsOf?: PropsOf<BronzePipelineProps>): Template {
  return Template.fromStack(bronzeStack(propsOf));
}

/** A stack with a Fargate consumer in someone's cluster. */
export function consumerStack(propsOf: PropsOf<BronzeConsumerProps> = () => ({}), app = createApp()): Stack {
  const stack = new Stack(app, 'kafka');
  const props = propsOf(stack);
  new BronzeConsumer(stack, 'Consumer', {
    bucket: bucketOf(stack),
    image: ContainerImage.fromRegistry('example.com/resaca:1'),
    ...(props.vpc === undefined && {
      cluster: Cluster.fromClusterAttributes(stack, 'Cluster', { clusterName: 'theirs', vpc: vpcOf(stack) }),
    }),
    config: {
      brokers: ['kafka-1.example.com:9094'],
      topics: ['web'],
      group: 'bronze',
      tls: true,
      sasl: { mechanism: 'SCRAM-SHA-512', username: { env: 'KAFKA_USER' }, password: { env: 'KAFKA_PASSWORD' } },
    },
    secrets: {
      KAFKA_USER: EcsSecret.fromSecretsManager(secretOf(stack), 'username'),
      KAFKA_PASSWORD: EcsSecret.fromSecretsManager(secretOf(stack, 'Same'), 'password'),
    },
    ...props,
  });
  return stack;
}

/** A stack with a scheduled consumer and its alarms. */
export function scheduledStack(propsOf: PropsOf<ScheduledConsumerProps> = () => ({}), app = createApp()): Stack {
  const stack = new Stack(app, 'kafka');
  const consumer = new ScheduledConsumer(stack, 'Consumer', {
    bucket: bucketOf(stack),
    vpc: vpcOf(stack),
    config: { brokers: ['kafka-1.example.com:9094'], topics: ['web'], group: 'bronze', tls: true },
    ...propsOf(stack),
  });
  new ScheduledConsumerAlarms(stack, 'Alarms', { consumer });
  return stack;
}

export function vpcOf(scope: Stack) {
  return Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId: 'vpc-0a1b2c3d',
    vpcCidrBlock: '10.0.0.0/16',
    availabilityZones: ['us-east-1a', 'us-east-1b'],
    privateSubnetIds: SUBNETS,
    privateSubnetRouteTableIds: [ROUTES, ROUTES],
  });
}

/** The bucket of the tables. */
export function bucketOf(scope: Stack) {
  return Bucket.fromBucketName(scope, 'Bucket', 'lake');
}

/** Of the roles of a template: each action with its resources, `action resource`, without the ones for logs. */
export function rightsOf(template: Template): string[] {
  return roleStatements(template)
    .flatMap((statement) =>
      actionsOf([statement]).flatMap((action) => [statement.Resource].flat().map((arn) => `${action} ${textOf(arn)}`)),
    )
    .filter((right) => !right.startsWith('logs:'))
    .sort();
}
