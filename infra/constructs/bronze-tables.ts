import type { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { type KafkaConfig, type KafkaConfigInput, parseKafkaConfig } from '../../src/kafka/config.ts';
import { atMost } from '../prefixes.ts';
import { tablePolicy } from './policies.ts';

/** Tables and formats as the constructs take them: they set the rest themselves. */
export type BronzeConfigInput = Omit<KafkaConfigInput, 'bucket' | 'reportBatchItemFailures'>;

/** A rule for topics as it is written. */
export type TopicRuleInput = NonNullable<KafkaConfigInput['topics']>[number];

/** Folders in the policy of the role: four ARNs each, of the 10,240 characters that the policies of a role may have. */
const MAX_GRANTED_FOLDERS = 10;
/** What the function puts behind a table's root for its dead letters. */
const DEAD_LETTERS = '__dead_letters';

/** Parses the tables' configuration; its mistakes go to `problems`, with its path, and the defaults come back then. */
export function readBronzeConfig(config: BronzeConfigInput, problems: string[], path = 'config'): KafkaConfig {
  const bucket = 'any-bucket';
  for (const name of ['bucket', 'reportBatchItemFailures']) {
    if (name in config) problems.push(`${path}.${name}: is set by the construct`);
  }
  try {
    return parseKafkaConfig({ ...config, bucket });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems.map((problem) => `${path}.${problem}`));
    return parseKafkaConfig({ bucket });
  }
}

/**
 * The folders of a bucket in which the tables of the rules and their dead letters lie, in whole path segments; none where
 * that can be the whole bucket. `bronze/{topic}` lies in `bronze`, `lake/orders` in itself and beside it.
 */
export function tableFolders({ topics }: Pick<KafkaConfig, 'topics'>): string[] {
  const folders = topics.flatMap(({ table }) => {
    const end = table.indexOf('{');
    if (end === -1) return [table, table + DEAD_LETTERS];
    return [table.slice(0, Math.max(table.lastIndexOf('/', end), 0))];
  });
  // An empty name is the whole bucket, which holds all others.
  return [...atMost(MAX_GRANTED_FOLDERS * 2, folders)];
}

/** Reads and writes tables of the rules and their dead letters, deletes nothing. */
export function bronzeTablePolicy(scope: Construct, bucket: Bucket | IBucket, config: KafkaConfig): Policy {
  const folders = tableFolders(config);
  const keys = folders.length === 0 ? ['*'] : folders.map((folder) => `${folder}/*`);
  return tablePolicy(scope, {
    bucket,
    read: keys,
    written: keys,
    reason:
      'Tables are made on first sight of a topic. What is read and written is limited to the folders of the rules; ' +
      'nothing can be deleted.',
  });
}
