import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import { type KafkaConfigInput, parseKafkaConfig } from '../../src/kafka/config.ts';

/** A Kafka whose topics become bronze tables, beside what lands in the bucket. */
export interface KafkaDeploymentConfig {
  /** ARN of an MSK cluster, provisioned or serverless. */
  readonly clusterArn?: string;
  /** `host:port` of some brokers of any other Kafka, and with `schedule` of MSK. One of the two is required. */
  readonly bootstrapServers?: readonly string[];
  /** Topics that are read. */
  readonly topics: readonly string[];
  /**
   * Has a function read the topics by itself, once in a while, in place of Lambda's mapping: fewer and larger files, for
   * less. @default the mapping
   */
  readonly schedule?: KafkaScheduleConfig;
  /** How readers log in. @default 'iam' */
  readonly authentication?: 'iam' | 'scram-512' | 'scram-256' | 'plain' | 'mtls' | 'none';
  /** ARN of the secret with user and password, or with the client's certificate. */
  readonly secretArn?: string;
  /** ARN of the secret with the root certificate of other Kafkas' brokers. @default none */
  readonly rootCertificateArn?: string;
  /** Where brokers are that have no public address, for other Kafkas than MSK, and with `schedule`. @default the internet */
  readonly subnetIds?: readonly string[];
  readonly securityGroupId?: string;
  /** For a mapping that is new, and with `schedule` for partitions that no table knows. @default 'TRIM_HORIZON' */
  readonly startingPosition?: 'TRIM_HORIZON' | 'LATEST';
  /** Records of one invocation at most, of the mapping: 1-10000. @default 10000 */
  readonly batchSize?: number;
  /** Seconds in which the mapping gathers a batch: 0-300. Longer: fewer and larger files. @default 60 */
  readonly batchingWindow?: number;
  /** MB: 512-10240. @default 1024 */
  readonly memorySize?: number;
  /** An existing bucket for the tables, of this account and region. @default a new one */
  readonly bucketName?: string;
  /** Tables and formats: docs/kafka.md. @default any topic becomes `bronze/{topic}`, as bytes */
  readonly tables?: Omit<KafkaConfigInput, 'bucket' | 'reportBatchItemFailures'>;
}

export interface KafkaScheduleConfig {
  /** Minutes between two turns, by which rows come later: 1-60. @default 1 */
  readonly every?: number;
  /** VPC of `subnetIds`. */
  readonly vpcId?: string;
}

export type KafkaDeployment = Omit<KafkaDeploymentConfig, 'schedule'> &
  Required<
    Pick<KafkaDeploymentConfig, 'authentication' | 'startingPosition' | 'batchSize' | 'batchingWindow' | 'memorySize'>
  > & { readonly schedule?: KafkaScheduleConfig & Required<Pick<KafkaScheduleConfig, 'every'>> };

const METHODS = ['iam', 'scram-512', 'scram-256', 'plain', 'mtls', 'none'] as const;
const SECRET_ARN = /^arn:aws[\w-]*:secretsmanager:[\w-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/;

/**
 * Reads the part for Kafka. Tables are in another bucket than the one in which files land: there, every file of theirs
 * would be taken as one that landed. What AWS would refuse of the source itself is found by the construct.
 */
export function readKafka(reader: ConfigReader, landingBucket: string | undefined): KafkaDeployment {
  reader.onlyKnows([
    'clusterArn',
    'bootstrapServers',
    'topics',
    'schedule',
    'authentication',
    'secretArn',
    'rootCertificateArn',
    'subnetIds',
    'securityGroupId',
    'startingPosition',
    'batchSize',
    'batchingWindow',
    'memorySize',
    'bucketName',
    'tables',
  ]);
  const authentication = reader.choice('authentication', METHODS, 'iam');
  const schedule = reader.has('schedule') ? readSchedule(reader, authentication) : undefined;
  if (schedule === undefined) checkMapped(reader);
  const needsSecret = authentication !== 'iam' && authentication !== 'none';
  if (needsSecret !== reader.has('secretArn')) {
    reader.problem('secretArn', needsSecret ? `is required for "${authentication}"` : `is not for "${authentication}"`);
  }
  if (reader.has('bootstrapServers') && schedule === undefined && authentication === 'iam') {
    reader.problem('authentication', 'is required with bootstrapServers: "iam" is for MSK');
  }
  if (reader.has('subnetIds') !== reader.has('securityGroupId')) {
    reader.problem('securityGroupId', 'belongs to subnetIds: expected both or none');
  }
  const bucketName = reader.optionalText('bucketName');
  if (bucketName !== undefined && bucketName === landingBucket) {
    reader.problem('bucketName', 'expected another bucket than landing.bucketName, where each file is one that landed');
  }
  for (const name of ['secretArn', 'rootCertificateArn'] as const) {
    if (reader.has(name)) reader.matching(name, SECRET_ARN, 'the whole ARN of a secret, with its six characters', '');
  }
  checkTables(reader);
  return {
    ...(reader.pick([
      'clusterArn',
      'bootstrapServers',
      'secretArn',
      'rootCertificateArn',
      'subnetIds',
      'securityGroupId',
      'bucketName',
      'tables',
    ]) as Omit<KafkaDeploymentConfig, 'topics' | 'schedule'>),
    ...(schedule !== undefined && { schedule }),
    topics: reader.texts('topics'),
    authentication,
    startingPosition: reader.choice('startingPosition', ['TRIM_HORIZON', 'LATEST'], 'TRIM_HORIZON'),
    batchSize: reader.integer('batchSize', 1, 10_000, 10_000),
    batchingWindow: reader.integer('batchingWindow', 0, 300, 60),
    memorySize: reader.integer('memorySize', 512, 10_240, 1_024),
  };
}

/** What Lambda's mapping takes. */
function checkMapped(reader: ConfigReader): void {
  if (reader.has('clusterArn') === reader.has('bootstrapServers')) {
    reader.problem('clusterArn', 'expected it for MSK, or bootstrapServers for another Kafka, and not both');
  }
  for (const name of ['rootCertificateArn', 'subnetIds'] as const) {
    if (reader.has(name) && reader.has('clusterArn')) reader.problem(name, 'is for other Kafkas than MSK');
  }
}

function readSchedule(parent: ConfigReader, authentication: string): KafkaDeployment['schedule'] {
  const reader = parent.child('schedule');
  reader.onlyKnows(['every', 'vpcId']);
  for (const name of ['batchSize', 'batchingWindow'] as const) {
    if (parent.has(name)) parent.problem(name, 'is for the mapping, which schedule stands for');
  }
  if (!parent.has('bootstrapServers')) parent.problem('bootstrapServers', 'is required with schedule, also for MSK');
  if (parent.has('clusterArn') !== (authentication === 'iam')) {
    const expected =
      authentication === 'iam' ? 'is required for "iam"' : `is not for "${authentication}" with schedule`;
    parent.problem('clusterArn', expected);
  }
  if (parent.has('subnetIds') !== reader.has('vpcId')) {
    reader.problem('vpcId', 'belongs to subnetIds: expected both or none');
  }
  return {
    every: reader.integer('every', 1, 60, 1),
    ...(reader.has('vpcId') && { vpcId: reader.matching('vpcId', /^vpc-[0-9a-f]+$/, 'the id of a VPC', '') }),
  };
}

function checkTables(reader: ConfigReader): void {
  const { tables = {} } = reader.pick(['tables']);
  try {
    parseKafkaConfig(typeof tables === 'object' ? { ...tables, bucket: 'any-bucket' } : tables);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) reader.problem('tables', problem);
  }
}
