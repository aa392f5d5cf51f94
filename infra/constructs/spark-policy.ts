import { Policy, type PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { atMost, outermost, trimSlashes } from '../prefixes.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

/** Tables that Spark jobs work on. */
export interface SparkTables {
  readonly bucket: Bucket | IBucket;
  /** Key prefixes, in whole path segments, in which the tables lie. @default the whole bucket */
  readonly prefixes?: readonly string[];
  /**
   * `read`: rows and logs. `upkeep`: also what compaction writes, and the folders of its runs, but no log. `steps`: the same for
   * what steps write. `write`: everything, for jobs that commit by themselves.
   * @default 'upkeep'
   */
  readonly access?: 'read' | 'upkeep' | 'steps' | 'write';
  /** With `upkeep`: jobs may delete files that no version needs, and write checkpoints. @default false */
  readonly vacuum?: boolean;
  /** Prefixes that are granted one by one; parents in the place of more. @default 8 */
  readonly maxPrefixes?: number;
}

/** Prefixes in the policies of a role for tables of all buckets, see `MAX_POLICY_TEXT`. */
const MAX_GRANTED_PREFIXES = 8;

/** Names of what compaction writes, as a pattern of keys below a folder of tables. */
export const COMPACTED = '*resaca-compacted-*';
/** Folders of runs, and names of what jobs write, by what they are for. */
const OBJECTS = {
  upkeep: { runs: ['*_resaca/optimize/*'], files: [COMPACTED] },
  steps: { runs: ['*_resaca/step/*'], files: ['*resaca-step-*'] },
} as const satisfies Readonly<Record<string, { readonly runs: readonly string[]; readonly files: readonly string[] }>>;

function objectsOf({ access = 'upkeep' }: SparkTables) {
  if (access === 'read') return { runs: [], files: [] };
  return OBJECTS[access === 'steps' ? 'steps' : 'upkeep'];
}

/** What checkpoints and vacuums write into the log. */
const CHECKPOINTS = ['*.checkpoint.*', '_sidecars/*', '_last_checkpoint', '_last_vacuum_info'].map(
  (name) => `*_delta_log/${name}`,
);

/** How many prefixes each of so many places can be granted, so that the policies of all of them fit into a role. */
export function prefixesOfEach(places: number): number {
  return Math.max(1, Math.floor(MAX_GRANTED_PREFIXES / Math.max(places, 1)));
}

/** What the jobs may do with tables. */
export function sparkTablePolicy(scope: Construct, id: string, tables: SparkTables): Policy {
  const { bucket, access = 'upkeep', vacuum = false } = tables;
  const { runs, files } = objectsOf(tables);
  const arns = arnsOf(tables);
  const everything = arns(['*']);
  const written = access === 'write' ? everything : arns([...runs, ...files]);
  const checkpoints = access === 'upkeep' && vacuum ? arns(CHECKPOINTS) : [];
  const deleted = access === 'write' || (access === 'upkeep' && vacuum) ? everything : arns(runs);
  const statements = [
    allow(['s3:GetObject'], everything),
    // For the whole bucket: without it S3 answers 403 for an object that is not there.
    allow(['s3:ListBucket'], [bucket.bucketArn]),
  ];
  if (access !== 'read') {
    statements.push(
      allow(['s3:PutObject', 's3:AbortMultipartUpload'], [...written, ...checkpoints]),
      allow(['s3:DeleteObject'], deleted),
    );
  }
  return policyOf(scope, id, tables, statements, [...everything, ...written, ...checkpoints, ...deleted]);
}

/** What whoever starts runs needs beside the rights to read the tables and to commit to them. */
export function sparkRunPolicy(scope: Construct, id: string, tables: SparkTables): Policy {
  const runs = arnsOf(tables)(objectsOf(tables).runs);
  const statements = [allow(['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:DeleteObject'], runs)];
  return policyOf(scope, id, tables, statements, runs);
}

function arnsOf({
  bucket,
  prefixes = [],
  maxPrefixes = MAX_GRANTED_PREFIXES,
}: SparkTables): (patterns: readonly string[]) => string[] {
  const granted = atMost(maxPrefixes, outermost(prefixes.map(trimSlashes)));
  const folders = granted.length === 0 ? [''] : granted.map((prefix) => `${prefix}/`);
  return (patterns) => folders.flatMap((folder) => patterns.map((pattern) => bucket.arnForObjects(folder + pattern)));
}

function policyOf(
  scope: Construct,
  id: string,
  { bucket }: SparkTables,
  statements: PolicyStatement[],
  arns: readonly string[],
): Policy {
  if (bucket.encryptionKey !== undefined) {
    statements.push(allow(['kms:Decrypt', 'kms:GenerateDataKey'], [bucket.encryptionKey.keyArn]));
  }
  const policy = new Policy(scope, id, { statements });
  acknowledgeWildcards(
    policy,
    [...new Set(arns)],
    'Tables and their files have names that nobody knows at deployment. What is read is limited to the prefixes of the ' +
      'tables, what is written to the kinds of files that the jobs make.',
  );
  return policy;
}
