/** IAM policies, as far as those of readers go: statements that allow, with `StringLike` on `s3:prefix`. */

import type { S3Request } from './reading-recorder.ts';

export interface Policy {
  readonly Statement: readonly Statement[];
}

interface Statement {
  readonly Effect: 'Allow';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': readonly string[] } };
}

/**
 * Whether a policy lets a request pass. A HEAD or GET of a key that does not exist needs `s3:ListBucket` as well, else
 * S3 answers 403 for 404; the key is then what `s3:prefix` is compared with.
 */
export function isAllowed({ Statement: statements }: Policy, { method, bucket, key, query }: S3Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const allows = (action: string, resource: string, prefix?: string): boolean =>
    statements.some(
      ({ Action, Resource, Condition }) =>
        list(Action).includes(action) &&
        list(Resource).some((pattern) => isLike(resource, pattern)) &&
        (Condition === undefined ||
          (prefix !== undefined && Condition.StringLike['s3:prefix'].some((pattern) => isLike(prefix, pattern)))),
    );
  if (key === '') return 'list-type' in query && allows('s3:ListBucket', bucketArn, query.prefix ?? '');
  return allows('s3:GetObject', `${bucketArn}/${key}`) && allows('s3:ListBucket', bucketArn, key);
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

/** `*` stands for any text, also over slashes. */
function isLike(text: string, pattern: string): boolean {
  const expression = pattern.split('*').map((part) => part.replace(/[.?+^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${expression.join('.*')}$`, 's').test(text);
}
