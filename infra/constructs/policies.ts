import { Effect, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';

/** A statement that allows these actions on these ARNs. */
export function allow(actions: readonly string[], resources: readonly string[]): PolicyStatement {
  return new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] });
}

/** What sending to a queue takes; nothing where there is none. */
export function sendStatements(queue: IQueue | undefined): PolicyStatement[] {
  if (queue === undefined) return [];
  const { queueArn, encryptionMasterKey: key } = queue;
  const send = allow(['sqs:SendMessage'], [queueArn]);
  return key === undefined ? [send] : [send, allow(['kms:Decrypt', 'kms:GenerateDataKey'], [key.keyArn])];
}

export interface TablePolicyProps {
  /** Bucket of the tables. */
  readonly bucket: Bucket | IBucket;
  /** Patterns of the keys that are read, such as `lake/*`. */
  readonly read: readonly string[];
  /** Patterns of the keys that are written. */
  readonly written: readonly string[];
  /** Why there are wildcards, for cdk-nag. */
  readonly reason: string;
}

/** What those who write Delta tables may do in the bucket: read and write some of its keys, list it, delete nothing. */
export function tablePolicy(scope: Construct, { bucket, reason, ...keys }: TablePolicyProps): Policy {
  const read = keys.read.map((pattern) => bucket.arnForObjects(pattern));
  const written = keys.written.map((pattern) => bucket.arnForObjects(pattern));
  const statements = [
    allow(['s3:GetObject'], read),
    allow(['s3:PutObject'], written),
    // For the whole bucket: without it, or with a condition on the prefix, S3 answers 403 for an object that is not
    // there where the function has to know that it is not (S3 API reference, HeadObject, "Permissions").
    allow(['s3:ListBucket'], [bucket.bucketArn]),
  ];
  if (bucket.encryptionKey !== undefined) {
    statements.push(allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, 'TablePolicy', { statements });
  acknowledgeWildcards(policy, [...new Set([...read, ...written])], reason);
  return policy;
}
