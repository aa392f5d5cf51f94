import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import { type KafkaConfigInput, parseKafkaConfig } from '../../src/kafka/config.ts';

/** A Kafka whose topics become bronze tables, beside what lands in the bucket. */
export interface KafkaDeploymentConfig {
  /** ARN of an MSK cluster, provisioned or serverless. */
  readonly clusterArn?: string;
  /** `host:port` of some brokers of any other Kafka. One of the two is required. */
  readonly bootstrapServers?: readonly string[];
  /** Topics that are read. */
  readonly topics: readonly string[];
  /** How Lambda logs in. @default 'iam' */
  readonly authentication?: 'iam' | 'scram-512' | 'scram-256' | 'plain' | 'mtls' | 'none';
  /** ARN of the secret with user and password, or with the client's certificate. */
  readonly secretArn?: string;
  /** ARN of the secret with the root certificate of other Kafkas' brokers. @default none */
  readonly rootCertificateArn?: string;
  /** Where brokers are that have no public address, for other Kafkas than MSK. @default the internet */
  readonly subnetIds?: readonly string[];
  readonly securityGroupId?: string;
  /** For a mapping that is new. @default 'TRIM_HORIZON' */
  readonly startingPosition?: 'TRIM_HORIZON' | 'LATEST';
  /** Records of one invocation at most: 1-10000. @default 10000 */
  readonly batchSize?: number;
  /** Seconds in which a batch is gathered: 0-300. Longer: fewer and larger files. @default 60 */
  readonly batchingWindow?: number;
  /** MB: 512-10240. @default 1024 */
  readonly memorySize?: number;
  /** An existing bucket for the tables, of this account and region. @default a new one */
  readonly bucketName?: string;
  /** Tables and formats: docs/kafka.md. @default any topic becomes `bronze/{topic}`, as bytes */
  readonly tables?: Omit<KafkaConfigInput, 'bucket' | 'reportBatchItemFailures'>;
}

export type KafkaDeployment = KafkaDeploymentConfig &
  Required<
    Pick<KafkaDeploymentConfig, 'authentication' | 'startingPosition' | 'batchSize' | 'batchingWindow' | 'memorySize'>
  >;

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
  if (reader.has('clusterArn') === reader.has('bootstrapServers')) {
    reader.problem('clusterArn', 'expected it for MSK, or bootstrapServers for another Kafka, and not both');
  }
  const authentication = reader.choice('authentication', METHODS, 'iam');
  const needsSecret = authentication !== 'iam' && authentication !== 'none';
  if (needsSecret !== reader.has('secretArn')) {
    reader.problem('secretArn', needsSecret ? `is required for "${authentication}"` : `is not for "${authentication}"`);
  }
  if (reader.has('bootstrapServers') && authentication === 'iam') {
    reader.problem('authentication', 'is required with bootstrapServers: "iam" is for MSK');
  }
  if (reader.has('subnetIds') !== reader.has('securityGroupId')) {
    reader.problem('securityGroupId', 'belongs to subnetIds: expected both or none');
  }
  for (const name of ['rootCertificateArn', 'subnetIds'] as const) {
    if (reader.has(name) && reader.has('clusterArn')) reader.problem(name, 'is for other Kafkas than MSK');
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
    ]) as Omit<KafkaDeploymentConfig, 'topics'>),
    topics: reader.texts('topics'),
    authentication,
    startingPosition: reader.choice('startingPosition', ['TRIM_HORIZON', 'LATEST'], 'TRIM_HORIZON'),
    batchSize: reader.integer('batchSize', 1, 10_000, 10_000),
    batchingWindow: reader.integer('batchingWindow', 0, 300, 60),
    memorySize: reader.integer('memorySize', 512, 10_240, 1_024),
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
