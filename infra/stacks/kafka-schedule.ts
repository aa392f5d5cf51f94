import { Duration, type Stack } from 'aws-cdk-lib';
import { SecurityGroup, Subnet, Vpc } from 'aws-cdk-lib/aws-ec2';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { KafkaDeployment } from '../config/kafka-config.ts';
import type { BronzeConsumerConfig } from '../constructs/bronze-consumer-config.ts';
import type { FunctionNetwork, FunctionSettings } from '../constructs/resaca-function.ts';
import {
  ScheduledConsumer,
  type ScheduledConsumerProps,
  type SecretFieldOf,
} from '../constructs/scheduled-consumer.ts';

type Login = Pick<BronzeConsumerConfig, 'tls' | 'sasl' | 'awsIam'>;
type Schedule = NonNullable<KafkaDeployment['schedule']>;

const MECHANISMS = { 'scram-512': 'SCRAM-SHA-512', 'scram-256': 'SCRAM-SHA-256', plain: 'PLAIN' } as const;
/** The variables that a consumer's settings name, and the fields of the secrets as Lambda's mapping has them, too. */
const [USERNAME, PASSWORD, CERTIFICATE, KEY, ROOT] = [
  { env: 'KAFKA_USERNAME', field: 'username' },
  { env: 'KAFKA_PASSWORD', field: 'password' },
  { env: 'KAFKA_CERTIFICATE', field: 'certificate' },
  { env: 'KAFKA_PRIVATE_KEY', field: 'privateKey' },
  { env: 'KAFKA_ROOT_CERTIFICATE', field: 'certificate' },
] as const;

/** The function that reads the topics of a deployment by itself. Throws ConfigError. */
export function createScheduledConsumer(
  stack: Stack,
  kafka: KafkaDeployment & { readonly schedule: Schedule },
  settings: FunctionSettings & { readonly bucket: Bucket | IBucket },
): ScheduledConsumer {
  const { clusterArn, bootstrapServers = [], topics, startingPosition, tables, schedule } = kafka;
  const props: ScheduledConsumerProps = {
    ...settings,
    ...networkOf(stack, kafka),
    config: {
      brokers: bootstrapServers,
      topics,
      group: settings.pipelineName ?? stack.stackName,
      from: startingPosition === 'LATEST' ? 'latest' : 'earliest',
      ...loginOf(kafka),
      ...(tables !== undefined && { tables }),
    },
    secrets: secretsOf(stack, kafka),
    ...(clusterArn !== undefined && { clusterArn }),
    interval: Duration.minutes(schedule.every),
  };
  return new ScheduledConsumer(stack, 'Bronze', props);
}

function loginOf({ authentication: method, clusterArn, rootCertificateArn }: KafkaDeployment): Login {
  const ca = rootCertificateArn === undefined ? {} : { ca: variable(ROOT) };
  switch (method) {
    case 'iam':
      // arn:aws:kafka:REGION:...
      return { awsIam: { region: clusterArn?.split(':')[3] ?? '' } };
    case 'mtls':
      return { tls: { ...ca, cert: variable(CERTIFICATE), key: variable(KEY) } };
    case 'none':
      return { tls: rootCertificateArn === undefined ? false : ca };
    default:
      return {
        tls: rootCertificateArn === undefined ? true : ca,
        sasl: { mechanism: MECHANISMS[method], username: variable(USERNAME), password: variable(PASSWORD) },
      };
  }
}

function variable({ env }: { readonly env: string }) {
  return { env };
}

function secretsOf(stack: Stack, kafka: KafkaDeployment): Record<string, SecretFieldOf> {
  const { authentication, secretArn, rootCertificateArn } = kafka;
  const login = authentication === 'mtls' ? [CERTIFICATE, KEY] : [USERNAME, PASSWORD];
  const of = (
    id: string,
    arn: string | undefined,
    fields: readonly { readonly env: string; readonly field: string }[],
  ) => {
    if (arn === undefined) return [];
    const secret = Secret.fromSecretCompleteArn(stack, id, arn);
    return fields.map(({ env, field }) => [env, { secret, field }] as const);
  };
  return Object.fromEntries([
    ...of('KafkaSecret', secretArn, login),
    ...of('RootCertificate', rootCertificateArn, [ROOT]),
  ]);
}

function networkOf(stack: Stack, kafka: KafkaDeployment): Partial<FunctionNetwork> {
  const { subnetIds, securityGroupId, schedule: { vpcId } = {} } = kafka;
  if (vpcId === undefined || subnetIds === undefined || securityGroupId === undefined) return {};
  return {
    // Lambda takes zones from the subnets; what stands here is used by nothing.
    vpc: Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId, availabilityZones: stack.availabilityZones }),
    vpcSubnets: { subnets: subnetIds.map((id, index) => Subnet.fromSubnetId(stack, `Subnet${index}`, id)) },
    securityGroups: [SecurityGroup.fromSecurityGroupId(stack, 'Reader', securityGroupId, { mutable: false })],
  };
}
