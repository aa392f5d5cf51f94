import { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { sourcesOf } from '../../src/medallion/graph.ts';
import type { StepRule, TablePlace } from '../../src/medallion/rule.ts';
import { COMPANIONS } from '../../src/medallion/rule.ts';
import { atMost } from '../prefixes.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

/** Prefixes of each kind in the policy of a bucket, of the 10,240 characters that the policies of a role may have. */
const MAX_PREFIXES = 12;

/**
 * What the medallion function may do in one bucket: read sources, lookups and targets, write targets and the tables beside
 * them, `…__quarantine` and `…__tombstones`, list it, delete nothing.
 */
export function medallionPolicy(
  scope: Construct,
  id: string,
  { bucket, name }: { readonly bucket: Bucket | IBucket; readonly name: string },
  steps: readonly StepRule[],
): Policy {
  const prefixesOf = (places: readonly TablePlace[]) =>
    atMost(
      MAX_PREFIXES,
      places.filter((place) => place.bucket === name).map(({ prefix }) => prefix),
    );
  const sources = steps.flatMap(sourcesOf);
  const targets = steps.map(({ target }) => target);
  const companions = targets.flatMap((target) =>
    Object.values(COMPANIONS).map((ending) => ({ ...target, prefix: `${target.prefix}${ending}` })),
  );
  const isWritten = targets.some((target) => target.bucket === name);
  const arns = (places: readonly TablePlace[]) => {
    const prefixes = prefixesOf(places);
    return prefixes.length === 0
      ? [bucket.arnForObjects('*')]
      : prefixes.map((one) => bucket.arnForObjects(`${one}/*`));
  };
  const read = arns([...sources, ...targets, ...companions]);
  const written = isWritten ? arns([...targets, ...companions]) : [];
  const statements = [
    allow(['s3:GetObject'], read),
    ...(isWritten ? [allow(['s3:PutObject', 's3:AbortMultipartUpload'], written)] : []),
    // For the whole bucket: without it S3 answers 403 for an object that is not there (API reference, HeadObject).
    allow(['s3:ListBucket'], [bucket.bucketArn]),
  ];
  const { encryptionKey } = bucket;
  if (encryptionKey !== undefined) {
    const actions = isWritten ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'];
    statements.push(allow(actions, [encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, id, { statements });
  acknowledgeWildcards(
    policy,
    [...new Set([...read, ...written])],
    'Files of tables have names that nobody knows at deployment; reading is limited to the tables of the steps, writing to their ' +
      'targets and what is kept beside them, and nothing is deleted.',
  );
  return policy;
}
