import { Stack } from 'aws-cdk-lib';
import { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { CommitRule } from '../../src/ingest/config.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

export interface CommitPolicyProps {
  readonly bucket: Bucket | IBucket;
  /** How the tables of the bucket commit. */
  readonly rules: readonly CommitRule[];
  /** Key prefixes in which tables lie. @default the whole bucket */
  readonly prefixes?: readonly string[];
}

/** Roots of a bucket in the policy of a role, two ARNs each, see `MAX_POLICY_TEXT`. */
const MAX_ROOTS = 4;
const COMMIT_ACTIONS = ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'];
/** Temporary files in `_delta_log`: Spark's and ours, and delta-rs'. */
const TEMPORARY = ['.tmp/*', '_commit_*.json.tmp'];

/**
 * What committing through DynamoDB takes beside reading and writing the log: the entries, and to delete the temporary files
 * of commits that are in the log. Undefined where no table needs it.
 */
export function commitPolicy(
  scope: Construct,
  id: string,
  { bucket, rules, prefixes = [] }: CommitPolicyProps,
): Policy | undefined {
  const coordinated = rules.flatMap(({ root, commitProtocol }) => (commitProtocol ? [{ root, commitProtocol }] : []));
  if (coordinated.length === 0) return undefined;
  const entries = coordinated.map(({ commitProtocol: { table, region } }) =>
    Stack.of(scope).formatArn({
      service: 'dynamodb',
      resource: 'table',
      resourceName: table,
      ...(region !== undefined && { region }),
    }),
  );
  const roots = [...new Set(coordinated.flatMap(({ root }) => keyPatterns(root, prefixes)))];
  const files = (roots.length > MAX_ROOTS ? keyPatterns('**', []) : roots).flatMap((root) =>
    TEMPORARY.map((name) => bucket.arnForObjects(`${root === '' ? '' : `${root}/`}_delta_log/${name}`)),
  );
  const policy = new Policy(scope, id, {
    statements: [allow(COMMIT_ACTIONS, [...new Set(entries)]), allow(['s3:DeleteObject'], files)],
  });
  acknowledgeWildcards(policy, files, 'Temporary files of commits have random names.');
  return policy;
}

/** The roots that a rule is for, as patterns of keys, in which `*` stands for anything. */
function keyPatterns(root: string, prefixes: readonly string[]): string[] {
  if (root !== '**') return [root.replaceAll('**', '*')];
  return prefixes.length === 0 ? ['', '*'] : prefixes.flatMap((prefix) => [prefix, `${prefix}/*`]);
}
