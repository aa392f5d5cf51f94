import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { TableRef } from '../delta/table.ts';
import { createFolderStore } from '../storage/folder-store.ts';
import { UsageError } from './args.ts';

/** `s3://bucket/prefix`; the other two schemes are what Hadoop calls it. */
const S3_LOCATION = /^s3[an]?:\/\/([^/]+)(?:\/(.*))?$/s;

/**
 * The table, or the folder that is to become one, that an argument names: a local path or `s3://bucket/prefix`.
 * Throws UsageError for other URLs, and for a local folder that is not there.
 */
export async function openLocation(text: string): Promise<TableRef> {
  const [matched, bucket = '', prefix = ''] = S3_LOCATION.exec(text) ?? [];
  if (matched !== undefined) return openS3(bucket, prefix.replace(/\/+$/, ''));
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    throw new UsageError(`expected a local path or s3://bucket/prefix, got "${text}"`);
  }
  const folder = resolve(text);
  const stats = await stat(folder).catch(() => undefined);
  if (!stats?.isDirectory()) throw new UsageError(`there is no folder "${text}"`);
  return { store: createFolderStore(folder), root: '', url: folder };
}

/** Loaded only when it is needed: the AWS SDK takes a moment. */
async function openS3(bucket: string, root: string): Promise<TableRef> {
  const [{ createS3Client }, { createS3Store }] = await Promise.all([
    import('../aws/clients.ts'),
    import('../aws/s3-store.ts'),
  ]);
  const store = createS3Store({ client: createS3Client(), bucket });
  return { store, root, url: `s3://${bucket}${root === '' ? '' : `/${root}`}` };
}
