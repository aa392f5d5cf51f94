import { Policy } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { atMost, trimSlashes } from '../prefixes.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { allow } from './policies.ts';

/** A prefix of a bucket. */
interface Place {
  readonly bucket: Bucket | IBucket;
  readonly prefix: string;
}

/** Prefixes of a bucket in the policy of the role; parents in the place of more, see `MAX_POLICY_TEXT`. */
const MAX_GRANTED_PREFIXES = 20;

/**
 * Reads the tables, writes and reads what it exports, deletes nothing. Throws ConfigError where very many exports cannot
 * be allowed without being allowed to write tables.
 */
export function exportPolicy(scope: Construct, exports: readonly (Place & { readonly to: Place })[]): Policy {
  const tables = granted(exports);
  const targets = granted(exports.map(({ to }) => to));
  const asked = new Set(exports.map(({ to }) => trimSlashes(to.prefix)));
  checkParents(
    tables,
    targets.filter(({ prefix }) => !asked.has(prefix)),
  );
  const arns = (places: readonly Place[]) =>
    places.map(({ bucket, prefix }) => bucket.arnForObjects(prefix === '' ? '*' : `${prefix}/*`));
  const read = arns(tables);
  const written = arns(targets);
  const bucketsOf = (places: readonly Place[]) => [...new Set(places.map(({ bucket }) => bucket))];
  const keysOf = (places: readonly Place[]) =>
    bucketsOf(places).flatMap(({ encryptionKey: key }) => (key === undefined ? [] : [key.keyArn]));
  const [decrypted, encrypted] = [keysOf(tables), keysOf(targets)];
  const policy = new Policy(scope, 'ExportPolicy', {
    statements: [
      allow(['s3:GetObject'], read),
      allow(['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'], written),
      // Without it S3 answers 403 for an object that is not there.
      allow(['s3:ListBucket'], [...new Set(bucketsOf([...tables, ...targets]).map(({ bucketArn }) => bucketArn))]),
      ...(decrypted.length > 0 ? [allow(['kms:Decrypt'], decrypted)] : []),
      ...(encrypted.length > 0 ? [allow(['kms:Decrypt', 'kms:GenerateDataKey'], encrypted)] : []),
    ],
  });
  acknowledgeWildcards(
    policy,
    [...new Set([...read, ...written])],
    'Files of tables and of exports have names that nobody knows at deployment; reading is limited to the prefixes of the ' +
      'tables, writing to those of the exports.',
  );
  return policy;
}

/** The prefixes of each bucket, few enough for a policy. One that is imported twice, as another object, is the same bucket. */
function granted(places: readonly Place[]): Place[] {
  const buckets = new Map(places.map(({ bucket }) => [bucket.bucketName, bucket]));
  return [...buckets].flatMap(([name, bucket]) => {
    const own = places.filter((place) => place.bucket.bucketName === name).map(({ prefix }) => trimSlashes(prefix));
    const prefixes = atMost(MAX_GRANTED_PREFIXES, own);
    return (prefixes.length === 0 ? [''] : prefixes).map((prefix) => ({ bucket, prefix }));
  });
}

/** Parents must not let the function write tables, which no export asks for. */
function checkParents(tables: readonly Place[], parents: readonly Place[]): void {
  const problems = parents.flatMap(({ bucket, prefix }) => {
    const holds = (other: string) => prefix === '' || `${other}/`.startsWith(`${prefix}/`);
    const table = tables.find((one) => one.bucket.bucketName === bucket.bucketName && holds(one.prefix));
    if (table === undefined) return [];
    return [
      `exports: more than ${MAX_GRANTED_PREFIXES} places in one bucket are granted by their parent "${prefix}", in which there ` +
        `are tables, too: "${table.prefix}"; expected a common prefix of their own, such as exports/…`,
    ];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}
