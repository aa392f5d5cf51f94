import { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { appendCommitRules } from '../../src/ingest/config.ts';
import { type MergeConfigInput, parseMergeConfig } from '../../src/merge/config.ts';
import { stagedPrefixes } from '../config/merge-config.ts';
import { keyFilters, literalPrefix } from '../prefixes.ts';
import { commitPolicy } from './commit-policy.ts';
import { EventFunction, type EventFunctionSettings } from './event-function.ts';
import { mergePolicy } from './merge-policy.ts';

/** In the bucket the small files land and the tables live. */
export interface MergePipelineProps extends EventFunctionSettings {
  readonly config: MergeConfigInput;
  /** Files of one invocation at most. @default 10000 */
  readonly batchSize?: number;
  /** How long files are gathered, up to 5 minutes. @default 5 minutes */
  readonly batchingWindow?: Duration;
}

const TIMEOUT = Duration.minutes(5);
/** The longest that Lambda gathers a batch. */
const LONGEST_WINDOW = Duration.minutes(5);
/** The most messages of a batch of a standard queue. */
const LARGEST_BATCH = 10_000;

/** Events of a bucket -> queue with dead letters -> the function that merges very small files before they come into tables. */
export class MergePipeline extends EventFunction {
  /** Throws ConfigError naming every mistake of the configuration. */
  constructor(scope: Construct, id: string, props: MergePipelineProps) {
    const { bucket, config } = props;
    const parsed = parseMergeConfig(config);
    super(scope, id, {
      memorySize: 1024,
      timeout: TIMEOUT,
      batchSize: LARGEST_BATCH,
      batchingWindow: LONGEST_WINDOW,
      ...props,
      name: 'merge',
      filters: keyFilters(stagedPrefixes(parsed), ['.parquet']),
      removals: false,
    });
    const prefixes = parsed.rules.map(({ table }) => literalPrefix(table));
    const rules = appendCommitRules(parsed.append);
    this.grant(mergePolicy(this, bucket, parsed), commitPolicy(this, 'CommitPolicy', { bucket, rules, prefixes }));
  }
}
