import { Effect, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { PENDING_PREFIX } from '../../src/kafka/config.ts';
import { atMost } from '../prefixes.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';
import { COMPACTED } from './spark-policy.ts';

export interface MaintenancePolicyProps {
  readonly bucket: Bucket | IBucket;
  /** In which tables lie; none for the whole bucket. */
  readonly prefixes: readonly string[];
  /** Prefixes that are granted one by one; parents in the place of more. */
  readonly maxPrefixes: number;
  /** Whether small files are compacted. */
  readonly rewrites: boolean;
  /** Whether files that no version needs are deleted. */
  readonly deletesFiles: boolean;
  /** Whether expired files of the log are deleted. */
  readonly deletesLog: boolean;
  /** Whether files that events missed are appended, or noted in quarantine. */
  readonly reconciles: boolean;
}

/** One pattern for a table at the prefix and for those below it: each ARN counts, see `MAX_POLICY_TEXT`. */
const LOG = '*_delta_log/*';
const QUARANTINE = '*_resaca/quarantine/*';
/** How far a reconciliation of several turns has come. */
const POSITION = '*_resaca/reconcile.json';

/** Reads tables and writes their logs; what is more than that only where it is asked for. */
export function maintenancePolicy(scope: Construct, id: string, props: MaintenancePolicyProps): Policy {
  const { bucket, rewrites, deletesFiles, deletesLog, reconciles } = props;
  const prefixes = atMost(props.maxPrefixes, props.prefixes);
  const folders = prefixes.length === 0 ? [''] : prefixes.map((prefix) => `${prefix}/`);
  const arns = (pattern: string) => folders.map((folder) => bucket.arnForObjects(folder + pattern));
  const everything = arns('*');
  const log = arns(LOG);
  const written = [
    ...log,
    ...(rewrites ? arns(COMPACTED) : []),
    ...(reconciles ? [...arns(QUARANTINE), ...arns(POSITION)] : []),
  ];
  // Files that wait for a deferred commit are named at the bucket's root: a vacuum leaves them alone.
  const pending = deletesFiles && prefixes.length > 0 ? [bucket.arnForObjects(`${PENDING_PREFIX}*`)] : [];
  const statements = [
    allow(deletesFiles ? ['s3:GetObject', 's3:DeleteObject'] : ['s3:GetObject'], everything),
    ...(pending.length > 0 ? [allow(['s3:GetObject'], pending)] : []),
    allow(['s3:PutObject', 's3:AbortMultipartUpload'], written),
    allow(['s3:ListBucket'], [bucket.bucketArn]),
    ...(deletesLog && !deletesFiles ? [allow(['s3:DeleteObject'], log)] : []),
    ...(deletesFiles && !deletesLog
      ? [new PolicyStatement({ effect: Effect.DENY, actions: ['s3:DeleteObject'], resources: log })]
      : []),
  ];
  if (bucket.encryptionKey !== undefined) {
    statements.push(allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, id, { statements });
  acknowledgeWildcards(
    policy,
    [...new Set([...everything, ...pending, ...written])],
    'Tables have names that nobody knows at deployment. Reading is limited to the prefixes of the tables, writing to their ' +
      'logs, to what compaction makes, and to the quarantine where what events missed is looked for; files are deleted only where a vacuum, log files where their clean-up is asked for.',
  );
  return policy;
}
