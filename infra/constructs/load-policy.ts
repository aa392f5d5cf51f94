import { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { LoaderConfig } from '../../src/loader/config.ts';
import { keyFolders } from '../prefixes.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

/** Roots and sources in the policy of the role, of the 10,240 characters that the policies of a role may have. */
const MAX_ROOTS = 8;
const MAX_SOURCES = 10;

/** Reads the sources and the logs of the tables; writes files of its own names there, and what it keeps beside tables. */
export function loadPolicy(scope: Construct, bucket: Bucket | IBucket, { rules }: LoaderConfig): Policy {
  const arns = (folders: readonly string[], patterns: readonly string[]) =>
    folders.flatMap((folder) => patterns.map((pattern) => bucket.arnForObjects(`${folder}${pattern}`)));
  const sources = arns(
    keyFolders(
      rules.map(({ prefix }) => prefix),
      MAX_SOURCES,
    ),
    ['*'],
  );
  const roots = keyFolders(
    rules.map(({ table }) => table),
    MAX_ROOTS,
  );
  const kept = arns(roots, ['_resaca/loaded/*']);
  const read = [...sources, ...arns(roots, ['_delta_log/*']), ...kept];
  const written = [
    ...kept,
    ...arns(roots, ['_resaca/rejected/*', '_resaca/quarantine/*', 'resaca-loaded-*', '*/resaca-loaded-*']),
  ];
  const statements = [
    allow(['s3:GetObject'], read),
    allow(['s3:PutObject'], written),
    allow(['s3:DeleteObject'], kept),
    // For the whole bucket, as for all who write tables: an object that is not there has to be seen as such.
    allow(['s3:ListBucket'], [bucket.bucketArn]),
  ];
  if (bucket.encryptionKey !== undefined) {
    statements.push(allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, 'LoadPolicy', { statements });
  acknowledgeWildcards(
    policy,
    [...new Set([...read, ...written])],
    'Files land under names that nobody knows at deployment. What is read is limited to the prefixes of the rules and the logs ' +
      'of their tables, what is written to files of the loader’s own names in them; it deletes only what it kept for itself.',
  );
  return policy;
}
