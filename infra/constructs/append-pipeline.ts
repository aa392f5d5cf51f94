import { Duration } from 'aws-cdk-lib';
import type { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import {
  type AppendConfig,
  type AppendConfigInput,
  appendCommitRules,
  parseAppendConfig,
} from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { atMost, keyFilters, MAX_NOTIFIED_PREFIXES, outermost, prefixProblem, trimSlashes } from '../prefixes.ts';
import { commitPolicy } from './commit-policy.ts';
import { EventFunction, type EventFunctionSettings } from './event-function.ts';
import { tablePolicy } from './policies.ts';

export interface AppendPipelineProps extends EventFunctionSettings {
  /** Tables and settings. @default any table by the path convention */
  readonly config?: AppendConfigInput;
  /**
   * How events come from the bucket to the queue; `none` where something else sends them there, such as `EventGrouping`.
   * @default 's3'; 'eventbridge' with `fifo`
   */
  readonly notifications?: 's3' | 'eventbridge' | 'none';
  /** Key prefixes, in whole path segments, in which tables live; the function may touch nothing else. @default the whole bucket */
  readonly prefixes?: readonly string[];
  /** Endings of the keys that are announced; an empty list announces all. @default ['.parquet'] */
  readonly suffixes?: readonly string[];
  /** Whether the queue is FIFO, with each prefix as a message group, whose messages are handled one batch after the other. @default false */
  readonly fifo?: boolean;
  /** Messages of one invocation at most. @default 1000; 10 with `fifo` */
  readonly batchSize?: number;
  /** How long a batch is gathered. Longer: fewer and larger commits. @default 30 seconds; none with `fifo` */
  readonly batchingWindow?: Duration;
  /** Invocations at the same time at most, from 2. @default 4 */
  readonly maxConcurrency?: number;
}

/** Events of a bucket -> queue with dead letters -> append function. */
export class AppendPipeline extends EventFunction {
  /** Throws ConfigError naming every mistake of the properties. */
  constructor(scope: Construct, id: string, props: AppendPipelineProps) {
    const { bucket, config = {}, fifo = false, suffixes = ['.parquet'], batchingWindow } = props;
    const rules = appendCommitRules(checkProps(props));
    const prefixes = outermost((props.prefixes ?? []).map(trimSlashes));
    const notifications = props.notifications ?? (fifo ? 'eventbridge' : 's3');
    super(scope, id, {
      maxConcurrency: 4,
      batchSize: fifo ? 10 : 1_000,
      ...props,
      name: 'append',
      config,
      notifications,
      ...(!fifo && { batchingWindow: batchingWindow ?? Duration.seconds(30) }),
      filters: keyFilters(notifications === 's3' ? atMost(MAX_NOTIFIED_PREFIXES, prefixes) : prefixes, suffixes),
      removals: true,
    });
    this.grant(
      appendPolicy(this, bucket, atMost(MAX_GRANTED_PREFIXES, prefixes)),
      commitPolicy(this, 'CommitPolicy', { bucket, rules, prefixes }),
    );
  }
}

/** Prefixes in the policy of the role: five ARNs each, of the 10,240 characters that the policies of a role may have. */
const MAX_GRANTED_PREFIXES = 10;

function checkProps({
  config = {},
  fifo,
  notifications,
  batchingWindow,
  prefixes = [],
}: AppendPipelineProps): AppendConfig {
  const problems: string[] = [];
  if (fifo === true && notifications === 's3') problems.push('notifications: s3 cannot send to a FIFO queue');
  if (fifo === true && batchingWindow !== undefined) problems.push('batchingWindow: a FIFO queue has none');
  for (const prefix of prefixes) {
    const problem = prefixProblem(trimSlashes(prefix), notifications ?? (fifo === true ? 'eventbridge' : 's3'));
    if (problem !== undefined) problems.push(`prefixes: ${problem}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return parseAppendConfig(config);
}

/** Reads what lands, writes logs and what the pipeline keeps beside them, deletes nothing. */
function appendPolicy(scope: Construct, bucket: Bucket | IBucket, prefixes: readonly string[]): Policy {
  const folders = prefixes.length === 0 ? [''] : prefixes.map((prefix) => `${prefix}/`);
  const kept = ['_delta_log/*', '*/_delta_log/*', '_resaca/*', '*/_resaca/*'];
  return tablePolicy(scope, {
    bucket,
    read: folders.map((folder) => `${folder}*`),
    written: folders.flatMap((folder) => kept.map((path) => folder + path)),
    reason:
      'Files land and tables live under names that nobody knows at deployment. What is read is limited to the landing ' +
      'prefixes, what is written to the folders _delta_log and _resaca of tables in them; nothing can be deleted by this.',
  });
}
