import { Stack } from 'aws-cdk-lib';
import { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { CatalogConfig } from '../../src/catalog/config.ts';
import { type CatalogRule, replacePlaceholders } from '../../src/catalog/names.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

/** Rules that are granted one by one, of the 10,240 characters that the policies of a role may have. */
const MAX_GRANTED_RULES = 8;

/** May read the logs of the tables, and nothing else of them. */
export function catalogReadPolicy(
  scope: Construct,
  id: string,
  bucket: Bucket | IBucket,
  rules: readonly CatalogRule[],
): Policy {
  const roots = rules.map(({ root }) => root.replaceAll(/\{\w+\}/g, '*'));
  const logs = [...new Set(roots.length > MAX_GRANTED_RULES ? ['*'] : roots)].map((root) =>
    bucket.arnForObjects(`${root}/_delta_log/*`),
  );
  const policy = new Policy(scope, id, {
    // The whole bucket: without it S3 answers 403 for an object that is not there.
    statements: [allow(['s3:GetObject'], logs), allow(['s3:ListBucket'], [bucket.bucketArn])],
  });
  if (bucket.encryptionKey !== undefined) {
    policy.addStatements(allow(['kms:Decrypt'], [bucket.encryptionKey.keyArn]));
  }
  acknowledgeWildcards(policy, logs, 'Tables and files of logs have names that nobody knows at deployment.');
  return policy;
}

/**
 * May make and change the tables that the rules can name, and the databases where they are made, too. Each action needs the
 * catalog, the database and the table (AWS Glue developer guide, "Specifying AWS Glue resource ARNs").
 */
export function catalogWritePolicy(scope: Construct, id: string, { rules, createDatabase }: CatalogConfig): Policy {
  const arn = (resource: string, resourceName?: string) =>
    Stack.of(scope).formatArn({ service: 'glue', resource, ...(resourceName !== undefined && { resourceName }) });
  const granted = rules.length > MAX_GRANTED_RULES ? [{ database: '{any}', table: '{any}' }] : rules;
  const names = granted.map(({ database, table }) => ({ database: pattern(database), table: pattern(table) }));
  const databases = [...new Set(names.map(({ database }) => arn('database', database)))];
  const tables = [...new Set(names.map(({ database, table }) => arn('table', `${database}/${table}`)))];
  const catalog = arn('catalog');
  const policy = new Policy(scope, id, {
    statements: [
      allow(['glue:GetTable', 'glue:CreateTable', 'glue:UpdateTable'], [catalog, ...databases, ...tables]),
      ...(createDatabase ? [allow(['glue:CreateDatabase'], [catalog, ...databases])] : []),
    ],
  });
  acknowledgeWildcards(
    policy,
    [...databases, ...tables],
    'Databases and tables are named after the paths of tables, which nobody knows at deployment; the rules limit both.',
  );
  return policy;
}

function pattern(template: string): string {
  return replacePlaceholders(template, () => '*');
}
