import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { TableRef } from '../delta/table.ts';
import type { CommitRule } from '../ingest/config.ts';
import { ConfigError } from '../ingest/config-reader.ts';
import { createFolderStore } from '../storage/folder-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { TagStore } from '../tag/tag-object.ts';
import { UsageError } from './args.ts';

/** `s3://bucket/prefix`; the other two schemes are what Hadoop calls it. */
const S3_LOCATION = /^(s3[an]?):\/\/([^/]+)(?:\/(.*))?$/s;

/**
 * The table, or the folder that is to become one, that an argument names: a local path or `s3://bucket/prefix`. On S3 it
 * commits by conditional PUT, unless RESACA_COMMIT_TABLE names a DynamoDB table; the scheme is then the argument's (see
 * `commitEnvironment`). Throws UsageError for other URLs, and for a local folder that is not there.
 */
export function openLocation(text: string): Promise<TableRef> {
  return openConfigured(text, undefined);
}

/** As `openLocation`, but the tables commit as the rules have it. */
export async function openConfigured(text: string, rules: readonly CommitRule[] | undefined): Promise<TableRef> {
  const [matched, scheme = '', bucket = '', prefix = ''] = S3_LOCATION.exec(text) ?? [];
  if (matched !== undefined) return openS3({ scheme, bucket, root: prefix.replace(/\/+$/, '') }, rules);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    throw new UsageError(`expected a local path or s3://bucket/prefix, got "${text}"`);
  }
  const folder = resolve(text);
  const stats = await stat(folder).catch(() => undefined);
  if (!stats?.isDirectory()) throw new UsageError(`there is no folder "${text}"`);
  return { store: createFolderStore(folder), root: '', url: folder };
}

/** A bucket of S3, and the prefix of the keys that are meant. */
export interface OpenBucket {
  readonly store: ObjectStore;
  readonly bucket: string;
  /** Ends in a slash where it is a folder; '' for the whole bucket. */
  readonly prefix: string;
  readonly tags: TagStore;
}

/** Opens what `s3://bucket/prefix` names, for what is of objects, not of tables. Throws UsageError for anything else. */
export async function openBucket(text: string): Promise<OpenBucket> {
  const [matched, , bucket = '', prefix = ''] = S3_LOCATION.exec(text) ?? [];
  if (matched === undefined) throw new UsageError(`expected s3://bucket/prefix, got "${text}"`);
  const [{ createS3Client }, { createS3Store }, { createS3TagStore }] = await Promise.all([
    import('../aws/clients.ts'),
    import('../aws/s3-store.ts'),
    import('../aws/s3-tags.ts'),
  ]);
  const client = createS3Client();
  const folder = prefix.replace(/\/+$/, '');
  return {
    store: createS3Store({ client, bucket }),
    bucket,
    prefix: folder === '' ? '' : `${folder}/`,
    tags: createS3TagStore(client),
  };
}

/** Loaded only when it is needed: the AWS SDK takes a moment. */
async function openS3(
  { scheme, bucket, root }: { readonly scheme: string; readonly bucket: string; readonly root: string },
  rules: readonly CommitRule[] | undefined,
): Promise<TableRef> {
  const [{ createS3Client }, { createS3Store }, { coordinate }, { commitEnvironment }] = await Promise.all([
    import('../aws/clients.ts'),
    import('../aws/s3-store.ts'),
    import('../aws/coordinate.ts'),
    import('../aws/commit-env.ts'),
  ]);
  const store = createS3Store({ client: createS3Client(), bucket });
  const commits = rules ?? readCommits(() => commitEnvironment(scheme));
  const url = `s3://${bucket}${root === '' ? '' : `/${root}`}`;
  return { store: coordinate(store, bucket, commits), root, url };
}

function readCommits(read: () => readonly CommitRule[]): readonly CommitRule[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.problems.join('; '));
    throw error;
  }
}
