import { Fn, Token, Validations } from 'aws-cdk-lib';
import { Policy, type PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { KafkaConfig } from '../../src/kafka/config.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { groupOf, type KafkaSource, type MskSource } from './kafka-source.ts';
import { allow } from './policies.ts';

/** For the network interfaces of the pollers (Lambda guide, "Configuring Lambda permissions …", "VPC permissions"). */
const NETWORK_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcs',
];
/** Characters of topics' or groups' ARNs in the policy: all policies of a role together may have 10,240. */
const MAX_ARN_TEXT = 3_000;

/**
 * What the pollers of the mappings do in the name of the role (Lambda guide, "Configuring Lambda permissions for Amazon MSK
 * event source mappings" and "Configuring Lambda execution role permissions" of self-managed Kafka), without the secrets;
 * undefined where that is nothing.
 */
export function sourcePolicy(scope: Construct, source: KafkaSource): Policy | undefined {
  const isInVpc = source.kind === 'msk' || source.network !== undefined;
  if (!isInVpc) return undefined;
  const wildcards: string[] = [];
  const statements = [
    allow(NETWORK_ACTIONS, ['*']),
    ...(source.kind === 'msk' ? clusterStatements(source, wildcards) : []),
  ];
  const policy = new Policy(scope, 'ClusterPolicy', { statements });
  acknowledgeWildcards(
    policy,
    wildcards,
    'Lambda makes up the consumer group of a mapping that names none, and very many topics or groups do not fit into ' +
      'the policies of a role. All of it is within the one cluster.',
  );
  Validations.of(policy).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'The pollers make network interfaces in the VPC of the cluster; AWS documents these rights without resources.',
  });
  return policy;
}

function clusterStatements(source: MskSource, wildcards: string[]): PolicyStatement[] {
  const { clusterArn, topics, consumerGroupId } = source;
  const method = source.authentication?.method ?? 'iam';
  const statements = [allow(['kafka:DescribeClusterV2', 'kafka:GetBootstrapBrokers'], [clusterArn])];
  if (method === 'scram-512') statements.push(allow(['kafka:ListScramSecrets'], [clusterArn]));
  if (method !== 'iam') return statements;
  const groups = consumerGroupId === undefined ? ['*'] : topics.map((topic) => groupOf(consumerGroupId, topic));
  return [...statements, ...readStatements(clusterArn, topics, groups, wildcards)];
}

/** What IAM has to allow those who read topics of an MSK cluster in consumer groups; ARNs with wildcards are noted. */
export function readStatements(
  clusterArn: string,
  topics: readonly string[],
  groups: readonly string[],
  wildcards: string[],
): PolicyStatement[] {
  const topicArns = within(clusterArn, 'topic', topics);
  const groupArns = within(clusterArn, 'group', groups);
  wildcards.push(...topicArns, ...groupArns);
  return [
    allow(['kafka-cluster:Connect', 'kafka-cluster:DescribeClusterDynamicConfiguration'], [clusterArn]),
    allow(['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'], topicArns),
    allow(['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], groupArns),
  ];
}

/** ARNs of topics or groups of a cluster: each of them, or all where they would not fit into a policy. */
function within(clusterArn: string, kind: 'topic' | 'group', names: readonly string[]): string[] {
  const unique = [...new Set(names)];
  const arns = unique.map((name) => `${withKind(clusterArn, kind)}/${name}`);
  return arns.join().length <= MAX_ARN_TEXT ? arns : [`${withKind(clusterArn, kind)}/*`];
}

function withKind(clusterArn: string, kind: string): string {
  if (!Token.isUnresolved(clusterArn)) return clusterArn.replace(':cluster/', `:${kind}/`);
  return Fn.join(
    `:${kind}/`,
    [0, 1].map((index) => Fn.select(index, Fn.split(':cluster/', clusterArn))),
  );
}

/** What the function needs to get schemas from a registry; undefined where no rule names one. */
export function registryPolicy(scope: Construct, { registry, topics }: KafkaConfig): Policy | undefined {
  const statements: PolicyStatement[] = [];
  if (registry?.secretArn !== undefined) {
    statements.push(allow(['secretsmanager:GetSecretValue'], [registry.secretArn]));
  }
  const usesGlue = topics.some(({ format }) => format.type === 'glue');
  if (usesGlue) statements.push(allow(['glue:GetSchemaVersion'], ['*']));
  if (statements.length === 0) return undefined;
  const policy = new Policy(scope, 'RegistryPolicy', { statements });
  if (usesGlue) {
    Validations.of(policy).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'A record names the version of its schema, not the registry: Glue takes no resources for such a request.',
    });
  }
  return policy;
}
