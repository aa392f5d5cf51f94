import { Duration } from 'aws-cdk-lib';
import { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { parseTagConfig, type TagRuleInput } from '../../src/tag/config.ts';
import { disjoint, type KeyFilter } from '../prefixes.ts';
import { tagFilter } from '../tag-filters.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { EventFunction, type EventFunctionSettings, SMALL, type TableSettings } from './event-function.ts';
import { allow } from './policies.ts';

export interface ObjectTaggingProps extends Omit<EventFunctionSettings, keyof TableSettings> {
  /** Which objects get which tags. */
  readonly rules: readonly TagRuleInput[];
  /** How long a batch is gathered. @default 5 seconds */
  readonly batchingWindow?: Duration;
}

/** Messages of an invocation. */
const BATCH_SIZE = 100;

/** Events of a bucket -> queue with dead letters -> function that tags the objects. */
export class ObjectTagging extends EventFunction {
  /** Throws ConfigError naming every mistake of the rules. */
  constructor(scope: Construct, id: string, props: ObjectTaggingProps) {
    const { rules, ...settings } = props;
    const filters = disjoint(parseTagConfig({ rules }).rules.map(tagFilter));
    super(scope, id, {
      batchingWindow: Duration.seconds(5),
      ...SMALL,
      ...settings,
      name: 'tag',
      config: { rules },
      batchSize: BATCH_SIZE,
      filters,
      // An object that goes needs no tags, and tagging one makes no event of these kinds.
      removals: false,
    });
    this.grant(tagPolicy(this, props.bucket, filters));
  }
}

/** Reads and sets tags of the objects that the rules can mean, and of their versions; no content. */
function tagPolicy(scope: Construct, bucket: Bucket | IBucket, filters: readonly KeyFilter[]): Policy {
  const objects = filters.map(({ prefix, suffix }) =>
    bucket.arnForObjects(`${prefix === '' ? '' : `${prefix}/`}*${suffix}`),
  );
  const policy = new Policy(scope, 'TagPolicy', {
    statements: [
      allow(
        ['s3:GetObjectTagging', 's3:GetObjectVersionTagging', 's3:PutObjectTagging', 's3:PutObjectVersionTagging'],
        objects,
      ),
      // Without it S3 answers 403 for an object that is gone, where the function has to know that it is.
      allow(['s3:ListBucket'], [bucket.bucketArn]),
    ],
  });
  acknowledgeWildcards(
    policy,
    objects,
    'Objects land under names that nobody knows at deployment. What is tagged is limited to the prefixes and endings of ' +
      'the rules; no content can be read, written or deleted by this.',
  );
  return policy;
}
