import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { CfnEventSourceMapping, type Function as LambdaFunction, type StartingPosition } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { type KafkaConfigInput, parseKafkaConfig } from '../../src/kafka/config.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface BronzePipelineProps extends FunctionSettings {
  /** Bucket of the tables: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** ARN of the MSK cluster, provisioned or serverless. */
  readonly clusterArn: string;
  /** Topics that are read, each by a mapping of its own. */
  readonly topics: readonly string[];
  /** User and password for SASL/SCRAM, in Secrets Manager, named `AmazonMSK_…`. @default IAM */
  readonly scramSecret?: ISecret;
  /** Tables and formats, without the bucket. @default any topic becomes `bronze/{topic}`, as bytes */
  readonly config?: Omit<KafkaConfigInput, 'bucket'>;
  /** Where a mapping begins that is new; the tables' own offsets hold from then on. @default TRIM_HORIZON */
  readonly startingPosition?: StartingPosition;
  /** Records of one invocation at most, to 10000. @default 10000 */
  readonly batchSize?: number;
  /** How long a batch is gathered, to 5 minutes. Longer: fewer and larger files. @default 60 seconds */
  readonly batchingWindow?: Duration;
}

/** Topics of an MSK cluster -> bronze function -> Delta tables, exactly once. */
export class BronzePipeline extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  readonly mappings: readonly CfnEventSourceMapping[];
  readonly pipelineName: string;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: BronzePipelineProps) {
    super(scope, id);
    const { bucket, topics, clusterArn, scramSecret } = props;
    checkProps(props);
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const bronze = new ResacaFunction(this, 'Function', {
      memorySize: 1024,
      ...props,
      name: 'bronze',
      config: props.config ?? {},
      environment: { RESACA_BUCKET: bucket.bucketName },
      pipelineName: this.pipelineName,
    });
    this.function = bronze.function;
    this.role = bronze.role;
    this.logGroup = bronze.logGroup;
    const policies = [tablePolicy(this, bucket), clusterPolicy(this, clusterArn, topics, scramSecret)];
    for (const policy of policies) policy.attachToRole(this.role);
    scramSecret?.grantRead(this.role);
    this.mappings = topics.map((topic) => {
      const mapping = new CfnEventSourceMapping(this, `Mapping ${topic}`, {
        eventSourceArn: clusterArn,
        functionName: this.function.functionName,
        topics: [topic],
        startingPosition: props.startingPosition ?? 'TRIM_HORIZON',
        batchSize: props.batchSize ?? 10_000,
        maximumBatchingWindowInSeconds: (props.batchingWindow ?? Duration.seconds(60)).toSeconds(),
        ...(scramSecret !== undefined && {
          sourceAccessConfigurations: [{ type: 'SASL_SCRAM_512_AUTH', uri: scramSecret.secretArn }],
        }),
      });
      // The mapping is checked against the rights of the role when it is made.
      for (const policy of policies) mapping.node.addDependency(policy);
      return mapping;
    });
  }
}

function checkProps({ topics, config = {} }: BronzePipelineProps): void {
  const problems: string[] = [];
  if (topics.length === 0) problems.push('topics: expected one at least');
  const bad = topics.find((topic) => !/^[\w.-]{1,249}$/.test(topic));
  if (bad !== undefined) problems.push(`topics: expected letters, digits, ".", "_" and "-", got "${bad}"`);
  if (problems.length > 0) throw new ConfigError(problems);
  parseKafkaConfig({ ...config, bucket: 'any-bucket' });
}

/** Reads logs, writes logs and data files, deletes nothing. */
function tablePolicy(scope: Construct, bucket: Bucket | IBucket): Policy {
  const objects = bucket.arnForObjects('*');
  const statements = [allow(['s3:GetObject', 's3:PutObject'], [objects]), allow(['s3:ListBucket'], [bucket.bucketArn])];
  if (bucket.encryptionKey !== undefined) {
    statements.push(allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, 'TablePolicy', { statements });
  acknowledgeWildcards(policy, [objects], 'Tables are made on first sight of a topic; nothing can be deleted.');
  return policy;
}

/**
 * What the pollers of the mapping do in the name of the role (Lambda guide, "Configuring Lambda permissions for MSK
 * event source mappings").
 */
function clusterPolicy(scope: Construct, clusterArn: string, topics: readonly string[], secret?: ISecret): Policy {
  const arnOf = (kind: string, name: string) => `${clusterArn.replace(':cluster/', `:${kind}/`)}/${name}`;
  const groups = arnOf('group', '*');
  const network = [
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSecurityGroups',
    'ec2:DescribeSubnets',
    'ec2:DescribeVpcs',
  ];
  const statements = [
    allow(['kafka:DescribeCluster', 'kafka:DescribeClusterV2', 'kafka:GetBootstrapBrokers'], [clusterArn]),
    allow(network, ['*']),
  ];
  if (secret === undefined) {
    statements.push(
      allow(['kafka-cluster:Connect', 'kafka-cluster:DescribeClusterDynamicConfiguration'], [clusterArn]),
      allow(
        ['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'],
        topics.map((topic) => arnOf('topic', topic)),
      ),
      allow(['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], [groups]),
    );
  } else statements.push(allow(['kafka:ListScramSecrets'], [clusterArn]));
  const policy = new Policy(scope, 'ClusterPolicy', { statements });
  acknowledgeWildcards(policy, secret === undefined ? [groups] : [], 'Lambda names the consumer group of a mapping.');
  Validations.of(policy).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'The pollers make network interfaces in the VPC of the cluster; EC2 takes no resources for these actions.',
  });
  return policy;
}

function allow(actions: string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ effect: Effect.ALLOW, actions, resources });
}
