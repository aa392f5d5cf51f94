import { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { MergeConfig } from '../../src/merge/config.ts';
import { keyFolders } from '../prefixes.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

/** Roots and sources in the policy of the role, of the 10,240 characters that the policies of a role may have. */
const MAX_ROOTS = 8;
const MAX_SOURCES = 10;
/** Of the files that the function writes, and reads again, below the root of a table. */
const MERGED = ['resaca-merged-*', '*/resaca-merged-*'];

/** Reads the small files; reads and writes the logs of the tables and files of its own names in them. Deletes sources where it is to. */
export function mergePolicy(scope: Construct, bucket: Bucket | IBucket, { rules, deleteSources }: MergeConfig): Policy {
  const arns = (folders: readonly string[], patterns: readonly string[]) =>
    folders.flatMap((folder) => patterns.map((pattern) => bucket.arnForObjects(`${folder}${pattern}`)));
  const prefixes = rules.map(({ prefix }) => prefix);
  const sources = arns(keyFolders(prefixes, MAX_SOURCES), ['*']);
  const roots = keyFolders(
    rules.map(({ table }) => table),
    MAX_ROOTS,
  );
  const read = [...sources, ...arns(roots, ['_delta_log/*', ...MERGED])];
  const written = arns(roots, ['_delta_log/*', ...MERGED, '_resaca/quarantine/*']);
  const statements = [
    allow(['s3:GetObject'], read),
    allow(['s3:PutObject'], written),
    ...(deleteSources ? [allow(['s3:DeleteObject'], sources)] : []),
    // For the whole bucket, as for all who write tables: an object that is not there has to be seen as such.
    allow(['s3:ListBucket'], [bucket.bucketArn]),
  ];
  if (bucket.encryptionKey !== undefined) {
    statements.push(allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, 'MergePolicy', { statements });
  acknowledgeWildcards(
    policy,
    [...new Set([...read, ...written])],
    'Files land under names that nobody knows at deployment. What is read is limited to the prefixes of the rules, the logs of ' +
      'their tables and files of the function’s own names in them, what is written to the latter two; it deletes sources at most.',
  );
  return policy;
}
