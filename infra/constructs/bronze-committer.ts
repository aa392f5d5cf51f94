import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { Policy, type Role } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { bronzeCommitRules, type KafkaConfig, PENDING_PREFIX } from '../../src/kafka/config.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { type BronzeConfigInput, bronzeTablePolicy } from './bronze-tables.ts';
import { commitPolicy } from './commit-policy.ts';
import { allow } from './policies.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

export interface BronzeCommitterProps extends Omit<FunctionSettings, 'timeout'> {
  readonly bucket: Bucket | IBucket;
  readonly pipelineName: string;
  /** As the function reads it. */
  readonly config: BronzeConfigInput;
  readonly parsed: KafkaConfig;
  /** Time between two turns; rows come as much later. @default 1 minute */
  readonly interval?: Duration;
}

/** Commits, in turns, what the bronze function wrote with `commits: 'deferred'`. */
export class BronzeCommitter extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: BronzeCommitterProps) {
    super(scope, id);
    const { bucket, parsed, interval = Duration.minutes(1), ...settings } = props;
    const committer = new ResacaFunction(this, 'Function', {
      ...settings,
      name: 'committer',
      timeout: Duration.minutes(5),
      environment: { RESACA_BUCKET: bucket.bucketName },
    });
    this.function = committer.function;
    this.role = committer.role;
    this.logGroup = committer.logGroup;
    bronzeTablePolicy(this, bucket, parsed).attachToRole(this.role);
    const rules = bronzeCommitRules(parsed);
    commitPolicy(this, 'CommitPolicy', { bucket, rules })?.attachToRole(this.role);
    pendingPolicy(this, bucket, ['s3:GetObject', 's3:DeleteObject']).attachToRole(this.role);
    // What fails waits for the next turn; to try again at once would only be a turn more.
    const target = new LambdaTarget(this.function, { retryAttempts: 0 });
    new Rule(this, 'Schedule', { schedule: Schedule.rate(interval), targets: [target] });
  }
}

/** What may be done with the descriptions of files that wait for their commit. */
export function pendingPolicy(scope: Construct, bucket: Bucket | IBucket, actions: readonly string[]): Policy {
  const objects = bucket.arnForObjects(`${PENDING_PREFIX}*`);
  const policy = new Policy(scope, 'PendingPolicy', { statements: [allow(actions, [objects])] });
  acknowledgeWildcards(policy, [objects], 'Each batch that waits for its commit is an object under this prefix.');
  return policy;
}
