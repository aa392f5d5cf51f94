import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import { SecurityGroup, Subnet } from 'aws-cdk-lib/aws-ec2';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { kafkaCommitRules, usesDynamoDb } from '../config/commit-tables.ts';
import type { KafkaDeployment } from '../config/kafka-config.ts';
import type { Deployment } from '../config/parse-config.ts';
import { BronzeAlarms } from '../constructs/bronze-alarms.ts';
import { BronzeDashboard } from '../constructs/bronze-dashboard.ts';
import { BronzePipeline } from '../constructs/bronze-pipeline.ts';
import type { KafkaSource, MskAuthentication, SelfManagedAuthentication } from '../constructs/kafka-source.ts';
import { LandingBucket } from '../constructs/landing-bucket.ts';
import { type ScheduledConsumer, ScheduledConsumerAlarms } from '../constructs/scheduled-consumer.ts';
import { createScheduledConsumer } from './kafka-schedule.ts';

/** Keys for the bucket, and for the topic of the alarms. */
export interface KafkaKeys {
  /** Made for a new bucket only. */
  data(): { readonly encryptionKey?: Key };
  readonly events: { readonly encryptionKey?: Key };
}

export interface KafkaSurroundings {
  readonly keys: KafkaKeys;
  /** Asked for checkpoints. @default nobody */
  readonly maintenanceQueue?: IQueue;
  /** Told of tables that are made or change. @default nobody */
  readonly catalogQueue?: IQueue;
}

/** What writes the topics of a deployment into tables. */
export type BronzeReader = BronzePipeline | ScheduledConsumer;

/** Adds what reads the topics of a deployment, its bucket and what watches it. Throws ConfigError. */
export function addKafka(
  stack: Stack,
  deployment: Deployment,
  kafka: KafkaDeployment,
  { keys, maintenanceQueue, catalogQueue }: KafkaSurroundings,
): BronzeReader {
  const bucket = bronzeBucket(stack, deployment, kafka, keys);
  const { logLevel, tracing, metricsByTable, logRetention } = deployment.append;
  const settings = {
    bucket,
    memorySize: kafka.memorySize,
    logLevel,
    tracing,
    metricsByTable,
    logRetention,
    ...(maintenanceQueue !== undefined && { maintenanceQueue }),
    ...(catalogQueue !== undefined && { catalogQueue }),
    pipelineName: `${stack.stackName}-bronze`,
  };
  const { email, maxLag, maxConflictsPerCommit } = deployment.alarms;
  const bounds = { ...keys.events, maxLag: Duration.seconds(maxLag), ...(email !== undefined && { email }) };
  const { schedule } = kafka;
  let pipeline: BronzeReader;
  let alarms: BronzeAlarms | ScheduledConsumerAlarms;
  if (schedule === undefined) {
    pipeline = new BronzePipeline(stack, 'Bronze', {
      ...settings,
      source: sourceOf(stack, kafka),
      batchSize: kafka.batchSize,
      batchingWindow: Duration.seconds(kafka.batchingWindow),
      config: kafka.tables ?? {},
    });
    alarms = new BronzeAlarms(stack, 'BronzeAlarms', { ...bounds, pipeline, maxConflictsPerCommit });
  } else {
    pipeline = createScheduledConsumer(stack, { ...kafka, schedule }, settings);
    alarms = new ScheduledConsumerAlarms(stack, 'BronzeAlarms', { ...bounds, consumer: pipeline });
  }
  if (deployment.dashboard) new BronzeDashboard(stack, 'BronzeDashboard', { pipeline, alarms });
  new CfnOutput(stack, 'BronzeBucketName', { value: bucket.bucketName });
  new CfnOutput(stack, 'BronzeFunctionName', { value: pipeline.function.functionName });
  return pipeline;
}

function bronzeBucket(stack: Stack, { landing }: Deployment, kafka: KafkaDeployment, keys: KafkaKeys) {
  const { bucketName } = kafka;
  if (bucketName !== undefined) return Bucket.fromBucketName(stack, 'Tables', bucketName) as IBucket;
  const enforceConditionalCommits = landing.enforceConditionalCommits && !usesDynamoDb(kafkaCommitRules(kafka));
  return new LandingBucket(stack, 'Tables', { ...keys.data(), enforceConditionalCommits }).bucket;
}

function sourceOf(scope: Construct, kafka: KafkaDeployment): KafkaSource {
  const { clusterArn, bootstrapServers = [], topics, startingPosition, rootCertificateArn } = kafka;
  const common = { topics, startingPosition };
  if (clusterArn !== undefined) {
    return { ...common, kind: 'msk', clusterArn, authentication: authenticationOf(scope, kafka) as MskAuthentication };
  }
  const { subnetIds, securityGroupId } = kafka;
  return {
    ...common,
    kind: 'self-managed',
    bootstrapServers,
    authentication: authenticationOf(scope, kafka) as SelfManagedAuthentication,
    ...(rootCertificateArn !== undefined && {
      rootCertificate: secretAt(scope, 'RootCertificate', rootCertificateArn),
    }),
    ...(subnetIds !== undefined &&
      securityGroupId !== undefined && {
        network: {
          subnets: subnetIds.map((id, index) => Subnet.fromSubnetId(scope, `Subnet${index}`, id)),
          securityGroup: SecurityGroup.fromSecurityGroupId(scope, 'Pollers', securityGroupId, { mutable: false }),
        },
      }),
  };
}

function authenticationOf(scope: Construct, { authentication: method, secretArn }: KafkaDeployment) {
  if (secretArn === undefined) return { method };
  const secret = secretAt(scope, 'KafkaSecret', secretArn);
  return method === 'mtls' ? { method, certificate: secret } : { method, secret };
}

function secretAt(scope: Construct, id: string, arn: string): ISecret {
  return Secret.fromSecretCompleteArn(scope, id, arn);
}
