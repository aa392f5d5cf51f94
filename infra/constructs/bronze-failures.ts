import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Policy } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

/** Under this prefix Lambda puts what a mapping discards: `aws/lambda/<mapping>/…`. */
const PREFIX = 'aws/lambda/';

/** A bucket for discarded batches: private, encrypted, TLS only; it stays when the stack goes. */
export function failureBucket(scope: Construct): Bucket {
  const bucket = new Bucket(scope, 'OnFailure', {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  bucket.policy?.applyRemovalPolicy(RemovalPolicy.RETAIN);
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Holds what could not be written, which is seldom anything; give a bucket with access logs where they are asked for.',
  });
  return bucket;
}

/** What the pollers need to put discarded batches into a bucket (Lambda guide, "Capturing discarded batches …"). */
export function failurePolicy(scope: Construct, bucket: Bucket | IBucket): Policy {
  const objects = bucket.arnForObjects(`${PREFIX}*`);
  const statements = [allow(['s3:PutObject'], [objects]), allow(['s3:ListBucket'], [bucket.bucketArn])];
  if (bucket.encryptionKey !== undefined) {
    statements.push(allow(['kms:GenerateDataKey'], [bucket.encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, 'OnFailurePolicy', { statements });
  acknowledgeWildcards(policy, [objects], 'Lambda names the objects, under this prefix.');
  return policy;
}
