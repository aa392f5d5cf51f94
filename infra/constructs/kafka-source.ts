import { Token } from 'aws-cdk-lib';
import type { ISecurityGroup, ISubnet } from 'aws-cdk-lib/aws-ec2';
import type { CfnEventSourceMapping, CfnEventSourceMappingProps } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

/** Where the records come from. */
export type KafkaSource = MskSource | SelfManagedKafkaSource;

export interface KafkaTopics {
  /** Topics that are read, each by a mapping of its own. */
  readonly topics: readonly string[];
  /**
   * Consumer group of the mappings, unique among the account's mappings; `{topic}` stands for the topic and is needed with
   * more than one. With a group, the role may use that group only, and where the group has offsets, reading goes on at
   * them, whatever `startingPosition` says. @default one that Lambda makes up for each mapping
   */
  readonly consumerGroupId?: string;
  /**
   * Where a mapping begins that is new; a date for the first record of that time. The tables' own offsets hold from then
   * on: what they have is not written again. @default 'TRIM_HORIZON', the oldest record
   */
  readonly startingPosition?: 'TRIM_HORIZON' | 'LATEST' | Date;
}

/** A cluster of Amazon MSK. */
export interface MskSource extends KafkaTopics {
  readonly kind: 'msk';
  /** ARN of the cluster, provisioned or serverless, of this account. */
  readonly clusterArn: string;
  /** MSK Serverless knows IAM only. @default IAM */
  readonly authentication?: MskAuthentication;
}

export type MskAuthentication =
  | { readonly method: 'iam' }
  /** SASL/SCRAM with SHA-512. The secret's name begins with `AmazonMSK_`, and it is associated with the cluster. */
  | { readonly method: 'scram-512'; readonly secret: ISecret }
  | MutualTls
  /** Unauthenticated, where the cluster has that and not IAM. */
  | { readonly method: 'none' };

export interface MutualTls {
  readonly method: 'mtls';
  /** Has `certificate` and `privateKey` (PEM, PKCS #8), and `privateKeyPassword` for an encrypted key. */
  readonly certificate: ISecret;
}

/** Any other Kafka: on instances, on premises, Confluent Cloud, Redpanda. */
export interface SelfManagedKafkaSource extends KafkaTopics {
  readonly kind: 'self-managed';
  /** `host:port` of some brokers. */
  readonly bootstrapServers: readonly string[];
  readonly authentication: SelfManagedAuthentication;
  /** Has `certificate`: the root certificate (PEM) of brokers whose certificates no public authority signed. @default none */
  readonly rootCertificate?: ISecret;
  /** Where brokers are reached that have no public address. @default the internet */
  readonly network?: KafkaNetwork;
}

export type SelfManagedAuthentication =
  /** The secret has `username` and `password`; over TLS. `plain` is SASL/PLAIN. */
  | { readonly method: 'scram-256' | 'scram-512' | 'plain'; readonly secret: ISecret }
  | MutualTls
  /** Lambda wants a `network` then. */
  | { readonly method: 'none' };

export interface KafkaNetwork {
  /** Of one VPC, in which the pollers get network interfaces. */
  readonly subnets: readonly ISubnet[];
  /** Lets the pollers reach the brokers. */
  readonly securityGroup: ISecurityGroup;
}

/** The parts of a mapping's properties that say where the records come from. */
export type MappingSource = Pick<
  CfnEventSourceMappingProps,
  'eventSourceArn' | 'selfManagedEventSource' | 'sourceAccessConfigurations'
>;

/** Kafka: `Topic.LEGAL_CHARS` and its longest name. */
const TOPIC = /^[\w.-]{1,249}$/;
/** MSK developer guide; the UUID of a serverless cluster ends with `-s` and a digit. */
const CLUSTER_ARN = /^arn:aws[\w-]*:kafka:[\w-]+:\d{12}:cluster\/[\w.-]+\/[\w-]+$/;
const SERVERLESS = /-s\d+$/;
/** Lambda API reference, `SelfManagedKafkaEventSourceConfig`. */
const GROUP_ID = /^[\w\-/*:+=.@]{1,200}$/;
/** Lambda API reference, `SelfManagedEventSource`: 1-300 characters each, ten at most. */
const BOOTSTRAP_SERVER = /^[A-Za-z0-9.-]{1,290}:\d{1,5}$/;
const MAX_BOOTSTRAP_SERVERS = 10;
/** Lambda API reference: 22 `SourceAccessConfigurations`, of which three can be security group, user and root certificate. */
const MAX_SUBNETS = 19;

/** What is wrong with a source, each with its path. Values that are known at the deployment only are not looked at. */
export function sourceProblems(source: KafkaSource): string[] {
  const problems = topicProblems(source);
  if (source.kind === 'msk') problems.push(...mskProblems(source));
  else problems.push(...selfManagedProblems(source));
  return problems.map((problem) => `source.${problem}`);
}

function topicProblems({ topics, consumerGroupId, startingPosition }: KafkaTopics): string[] {
  const problems: string[] = [];
  if (topics.length === 0) problems.push('topics: expected one at least');
  for (const topic of topics.filter((name) => !TOPIC.test(name))) {
    problems.push(`topics: expected up to 249 letters, digits, ".", "_" and "-", got "${topic}"`);
  }
  const twice = topics.find((topic, index) => topics.indexOf(topic) !== index);
  if (twice !== undefined) problems.push(`topics: "${twice}" is there twice`);
  if (consumerGroupId !== undefined && !Token.isUnresolved(consumerGroupId)) {
    if (topics.length > 1 && !consumerGroupId.includes('{topic}')) {
      problems.push(`consumerGroupId: expected {topic} in it, as there are several topics, got "${consumerGroupId}"`);
    }
    const bad = topics.map((topic) => groupOf(consumerGroupId, topic)).find((group) => !GROUP_ID.test(group));
    if (bad !== undefined) problems.push(`consumerGroupId: expected 1-200 of A-Z a-z 0-9 -/*:_+=.@, got "${bad}"`);
  }
  if (startingPosition instanceof Date && !(startingPosition.getTime() <= Date.now())) {
    problems.push(`startingPosition: expected a date that is over, got ${String(startingPosition)}`);
  }
  return problems;
}

function mskProblems({ clusterArn, authentication }: MskSource): string[] {
  if (Token.isUnresolved(clusterArn)) return [];
  if (!CLUSTER_ARN.test(clusterArn)) return [`clusterArn: expected the ARN of an MSK cluster, got "${clusterArn}"`];
  const method = authentication?.method ?? 'iam';
  if (!SERVERLESS.test(clusterArn) || method === 'iam') return [];
  return [`authentication: MSK Serverless knows IAM only, got "${method}"`];
}

function selfManagedProblems(source: SelfManagedKafkaSource): string[] {
  const { bootstrapServers, authentication, network } = source;
  const problems: string[] = [];
  if (bootstrapServers.length === 0 || bootstrapServers.length > MAX_BOOTSTRAP_SERVERS) {
    problems.push(`bootstrapServers: expected 1-${MAX_BOOTSTRAP_SERVERS}, got ${bootstrapServers.length}`);
  }
  for (const server of bootstrapServers) {
    if (Token.isUnresolved(server) || BOOTSTRAP_SERVER.test(server)) continue;
    problems.push(`bootstrapServers: expected host:port, got "${server}"`);
  }
  if (network !== undefined && (network.subnets.length === 0 || network.subnets.length > MAX_SUBNETS)) {
    problems.push(`network.subnets: expected 1-${MAX_SUBNETS}, got ${network.subnets.length}`);
  }
  if (authentication.method === 'none' && network === undefined) {
    problems.push('authentication: brokers that are reached over the internet need one, got "none" and no network');
  }
  return problems;
}

/** The group of the mapping of a topic. */
export function groupOf(consumerGroupId: string, topic: string): string {
  return consumerGroupId.replaceAll('{topic}', topic);
}

/** The secrets that the pollers read. */
export function sourceSecrets(source: KafkaSource): ISecret[] {
  const { authentication } = source;
  const secrets: ISecret[] = [];
  if (authentication !== undefined && 'secret' in authentication) secrets.push(authentication.secret);
  if (authentication?.method === 'mtls') secrets.push(authentication.certificate);
  if (source.kind === 'self-managed' && source.rootCertificate !== undefined) secrets.push(source.rootCertificate);
  return secrets;
}

/** Lambda API reference, `SourceAccessConfiguration`. */
const ACCESS_TYPES = { 'scram-256': 'SASL_SCRAM_256_AUTH', 'scram-512': 'SASL_SCRAM_512_AUTH', plain: 'BASIC_AUTH' };

/** The source as a mapping names it. */
export function mappingSource(source: KafkaSource): MappingSource {
  const access = accessConfigurations(source);
  return {
    ...(source.kind === 'msk'
      ? { eventSourceArn: source.clusterArn }
      : { selfManagedEventSource: { endpoints: { kafkaBootstrapServers: [...source.bootstrapServers] } } }),
    ...(access.length > 0 && { sourceAccessConfigurations: access }),
  };
}

function accessConfigurations(source: KafkaSource): CfnEventSourceMapping.SourceAccessConfigurationProperty[] {
  const { authentication } = source;
  const access: CfnEventSourceMapping.SourceAccessConfigurationProperty[] = [];
  if (authentication?.method === 'mtls') {
    access.push({ type: 'CLIENT_CERTIFICATE_TLS_AUTH', uri: authentication.certificate.secretArn });
  } else if (authentication !== undefined && 'secret' in authentication) {
    access.push({ type: ACCESS_TYPES[authentication.method], uri: authentication.secret.secretArn });
  }
  if (source.kind === 'msk') return access;
  if (source.rootCertificate !== undefined) {
    access.push({ type: 'SERVER_ROOT_CA_CERTIFICATE', uri: source.rootCertificate.secretArn });
  }
  if (source.network !== undefined) {
    const { subnets, securityGroup } = source.network;
    for (const { subnetId } of subnets) access.push({ type: 'VPC_SUBNET', uri: subnetId });
    access.push({ type: 'VPC_SECURITY_GROUP', uri: securityGroup.securityGroupId });
  }
  return access;
}
