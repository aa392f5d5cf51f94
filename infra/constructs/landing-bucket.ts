import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

export interface LandingBucketProps {
  /** What becomes of the bucket and its tables when the stack is deleted. @default RemovalPolicy.RETAIN */
  readonly removalPolicy?: RemovalPolicy;
  /** @default S3's own key */
  readonly encryptionKey?: IKey;
  /** Whether commits that could overwrite another are refused, whoever writes them. @default true */
  readonly enforceConditionalCommits?: boolean;
  /** Gets the server access logs. @default none */
  readonly accessLogsBucket?: IBucket;
}

/** Names of commits: 20 digits (PROTOCOL.md, "Delta Log Entries"), at the root of the bucket and below it. */
const COMMITS = ['_delta_log/', '*/_delta_log/'].map((folder) => `${folder}${'?'.repeat(20)}.json`);

/** The bucket in which files land and in which their tables live: private, encrypted, TLS only. */
export class LandingBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: LandingBucketProps = {}) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      ...(props.encryptionKey === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : { encryption: BucketEncryption.KMS, encryptionKey: props.encryptionKey, bucketKeyEnabled: true }),
      enforceSSL: true,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(7) }],
      ...(props.accessLogsBucket !== undefined && {
        serverAccessLogsBucket: props.accessLogsBucket,
        serverAccessLogsPrefix: 'resaca/',
      }),
    });
    if (props.enforceConditionalCommits !== false) this.refuseUnconditionalCommits();
    // What guards a bucket that stays has to stay, too.
    this.bucket.policy?.applyRemovalPolicy(props.removalPolicy ?? RemovalPolicy.RETAIN);
    if (props.accessLogsBucket === undefined) {
      Validations.of(this.bucket).acknowledge({
        id: 'AwsSolutions-S1',
        reason: 'Access logs cost more than the pipeline; accessLogsBucket turns them on where they are asked for.',
      });
    }
  }

  /** S3 user guide, "Enforce conditional writes on Amazon S3 buckets". */
  private refuseUnconditionalCommits(): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CommitsOnlyIfAbsent',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: COMMITS.map((path) => this.bucket.arnForObjects(path)),
        conditions: {
          Null: { 's3:if-none-match': 'true' },
          // The parts of a multipart upload carry no such header; its completion does.
          Bool: { 's3:ObjectCreationOperation': 'true' },
        },
      }),
    );
  }
}
