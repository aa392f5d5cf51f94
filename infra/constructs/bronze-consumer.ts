import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import {
  Capability,
  Cluster,
  type ContainerDefinition,
  type ContainerImage,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LinuxParameters,
  LogDriver,
  OperatingSystemFamily,
  type Secret,
} from 'aws-cdk-lib/aws-ecs';
import { type IRole, Policy } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { bronzeCommitRules, type KafkaConfig } from '../../src/kafka/config.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { type BronzeConsumerConfig, consumerProblems } from './bronze-consumer-config.ts';
import { readStatements, registryPolicy } from './bronze-source-policy.ts';
import { bronzeTablePolicy, readBronzeConfig } from './bronze-tables.ts';
import { commitPolicy } from './commit-policy.ts';
import { sendStatements } from './policies.ts';

export interface BronzeConsumerProps {
  /** Bucket of the tables: of the same stack, or imported by its name. */
  readonly bucket: Bucket | IBucket;
  /** The image of `container/Dockerfile`, built for ARM64. */
  readonly image: ContainerImage;
  readonly config: BronzeConsumerConfig;
  /** Variables of the container from Secrets Manager, such as the password that `config` names. @default none */
  readonly secrets?: Readonly<Record<string, Secret>>;
  /** Of which the service is part. @default a new one in `vpc` */
  readonly cluster?: ICluster;
  /** VPC of the new cluster, from which the brokers can be reached. */
  readonly vpc?: IVpc;
  /** @default the private subnets */
  readonly vpcSubnets?: SubnetSelection;
  /** @default a new one, which may reach anything and be reached by nothing */
  readonly securityGroups?: readonly ISecurityGroup[];
  /** ARN of the MSK cluster that is read with IAM. @default none */
  readonly clusterArn?: string;
  /** Units of 1/1024 CPU, as Fargate has them. @default 512 */
  readonly cpu?: number;
  /** MB, as Fargate has them for these units. @default 1024 */
  readonly memory?: number;
  /** Tasks, which share the partitions. @default 1 */
  readonly desiredCount?: number;
  /** User and group of the process, by number. @default '1000:1000' */
  readonly user?: string;
  /** Queue that is asked for checkpoints where they are due, of a `MaintenanceQueue`. @default nobody is asked */
  readonly maintenanceQueue?: IQueue;
  /** Queue that is told of tables that are made or change, of a `CatalogQueue`. @default nobody is told */
  readonly catalogQueue?: IQueue;
  /** @default one month */
  readonly logRetention?: RetentionDays;
  /** @default the image's, 'info' */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
}

/** Where the container says whether it is well. */
const PORT = 8080;
/** Asks that; Node.js is in the image, curl need not be. */
const HEALTH_CHECK = `fetch('http://127.0.0.1:${PORT}/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;

/** A Fargate service that reads Kafka by itself and writes Delta tables, exactly once: for Kafkas that Lambda does not read. */
export class BronzeConsumer extends Construct {
  readonly service: FargateService;
  readonly container: ContainerDefinition;
  /** Of the process. */
  readonly role: IRole;
  readonly logGroup: LogGroup;

  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: BronzeConsumerProps) {
    super(scope, id);
    const tables = checkProps(props);
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const task = new FargateTaskDefinition(this, 'Task', {
      cpu: props.cpu ?? 512,
      memoryLimitMiB: props.memory ?? 1024,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    this.role = task.taskRole;
    this.container = this.addContainer(task, props);
    this.service = new FargateService(this, 'Service', {
      cluster: this.clusterOf(props),
      taskDefinition: task,
      desiredCount: props.desiredCount ?? 1,
      assignPublicIp: false,
      circuitBreaker: { enable: true, rollback: true },
      // Two that have one partition for a while write its records once all the same.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      ...(props.vpcSubnets !== undefined && { vpcSubnets: props.vpcSubnets }),
      ...(props.securityGroups !== undefined && { securityGroups: [...props.securityGroups] }),
    });
    for (const policy of this.policies(props, tables)) {
      policy.attachToRole(this.role);
      this.service.node.addDependency(policy);
    }
  }

  private clusterOf({ cluster, vpc }: BronzeConsumerProps): ICluster {
    if (cluster !== undefined) return cluster;
    const own = new Cluster(this, 'Cluster', { ...(vpc !== undefined && { vpc }) });
    Validations.of(own).acknowledge({
      id: 'AwsSolutions-ECS4',
      reason: 'Container Insights cost by the metric, and the consumer reports its own; give a cluster that has them.',
    });
    // The CDK's own types do not agree with `exactOptionalPropertyTypes`.
    return own as ICluster;
  }

  private addContainer(task: FargateTaskDefinition, props: BronzeConsumerProps): ContainerDefinition {
    const { bucket, config, logLevel } = props;
    const settings = { ...config, storage: { bucket: bucket.bucketName }, http: { port: PORT } };
    const linuxParameters = new LinuxParameters(this, 'Linux', {});
    linuxParameters.dropCapabilities(Capability.ALL);
    const container = task.addContainer('Consumer', {
      image: props.image,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        RESACA_KAFKA_CONFIG: Stack.of(this).toJsonString(settings),
        ...(props.maintenanceQueue !== undefined && {
          RESACA_MAINTENANCE_QUEUE_URL: props.maintenanceQueue.queueUrl,
        }),
        ...(props.catalogQueue !== undefined && { RESACA_CATALOG_QUEUE_URL: props.catalogQueue.queueUrl }),
      },
      ...(logLevel !== undefined && { command: ['kafka', '--log-level', logLevel] }),
      ...(props.secrets !== undefined && { secrets: { ...props.secrets } }),
      logging: LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: 'bronze' }),
      readonlyRootFilesystem: true,
      user: props.user ?? '1000:1000',
      linuxParameters,
      // What was read is written when the task is stopped; two minutes is the most that Fargate waits.
      stopTimeout: Duration.minutes(2),
      healthCheck: {
        command: ['CMD', 'node', '-e', HEALTH_CHECK],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(5),
        retries: 3,
        startPeriod: Duration.minutes(2),
      },
    });
    Validations.of(task).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'The variables are settings; passwords come from Secrets Manager.',
    });
    if (task.executionRole !== undefined) {
      Validations.of(task.executionRole).acknowledge({
        id: 'AwsSolutions-IAM5[Resource::*]',
        reason: 'ECR has no resources for its action to get a token, which an image in ECR needs.',
      });
    }
    return container;
  }

  private policies(props: BronzeConsumerProps, tables: KafkaConfig): Policy[] {
    const { bucket, clusterArn, config, maintenanceQueue, catalogQueue } = props;
    const policies = [
      bronzeTablePolicy(this, bucket, tables),
      commitPolicy(this, 'CommitPolicy', { bucket, rules: bronzeCommitRules(tables) }),
      registryPolicy(this, tables),
    ];
    if (maintenanceQueue !== undefined || catalogQueue !== undefined) {
      const statements = [...sendStatements(maintenanceQueue), ...sendStatements(catalogQueue)];
      policies.push(new Policy(this, 'RequestPolicy', { statements }));
    }
    if (clusterArn !== undefined) {
      const wildcards: string[] = [];
      const statements = readStatements(clusterArn, config.topics, [config.group], wildcards);
      const policy = new Policy(this, 'ClusterPolicy', { statements });
      acknowledgeWildcards(policy, wildcards, 'The topics that are read are given by patterns, in the one cluster.');
      policies.push(policy);
    }
    return policies.filter((policy) => policy !== undefined);
  }
}

function checkProps(props: BronzeConsumerProps): KafkaConfig {
  const problems = consumerProblems(props.config, props.secrets ?? {}, props.clusterArn);
  if ((props.cluster === undefined) === (props.vpc === undefined)) problems.push('cluster: expected either it or vpc');
  const count = props.desiredCount ?? 1;
  if (!Number.isInteger(count) || count < 0) problems.push(`desiredCount: expected a whole number, got ${count}`);
  const tables = readBronzeConfig(props.config.tables ?? {}, problems, 'config.tables');
  if (problems.length > 0) throw new ConfigError(problems);
  return tables;
}
