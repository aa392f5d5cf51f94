import { type AppendConfig, appendCommitRules, type CommitRule } from '../../src/ingest/config.ts';
import { bronzeCommitRules, parseKafkaConfig } from '../../src/kafka/config.ts';
import type { KafkaDeployment } from './kafka-config.ts';
import type { LandingConfig } from './types.ts';

/** How the tables of a deployment's Kafka commit; its configuration was checked. */
export function kafkaCommitRules({ tables = {} }: Pick<KafkaDeployment, 'tables'>): CommitRule[] {
  return bronzeCommitRules(parseKafkaConfig({ ...tables, bucket: 'any-bucket' }));
}

export function usesDynamoDb(rules: readonly CommitRule[]): boolean {
  return rules.some(({ commitProtocol }) => commitProtocol !== undefined);
}

/** The DynamoDB tables that rules commit through, in the stack's own region. */
export function commitTableNames(rules: readonly CommitRule[]): string[] {
  const names = rules.flatMap(({ commitProtocol }) =>
    commitProtocol === undefined || commitProtocol.region !== undefined ? [] : [commitProtocol.table],
  );
  return [...new Set(names)].sort();
}

/** What keeps the tables of files that land from committing through DynamoDB. */
export function commitProblems(
  config: AppendConfig,
  { bucketName, enforceConditionalCommits }: LandingConfig,
): string[] {
  const isRefused = bucketName === undefined && enforceConditionalCommits === true;
  if (!isRefused || !usesDynamoDb(appendCommitRules(config))) return [];
  return [
    'landing.enforceConditionalCommits: expected false with tables that commit through DynamoDB: Spark and delta-rs write ' +
      'their commits without If-None-Match, and would lose those that the bucket refuses',
  ];
}
