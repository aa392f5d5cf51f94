/** A bucket of a local S3 into which a contender writes, its requests counted. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { awsVariables, REGION } from '../../scripts/local-aws/ministack.ts';
import { createS3Client } from '../../src/aws/clients.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { LocalS3 } from '../append/local-s3.ts';
import { type S3Requests, startS3Proxy } from '../s3-proxy.ts';

export interface BenchBucket {
  readonly bucket: string;
  /** Where the contender finds it. */
  readonly address: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  /** The variables by which functions find it. */
  readonly env: Readonly<Record<string, string>>;
  /** The bucket itself, past what counts. */
  readonly store: ObjectStore;
  /** Since the last call. */
  takeRequests(): S3Requests;
  /** Of the contender: see `S3Proxy`. */
  readonly commits: ReadonlyMap<string, number>;
}

/** A new and empty one. */
export async function createBenchBucket({ endpoint, credentials }: LocalS3): Promise<BenchBucket> {
  const client = createS3Client({ region: REGION, endpoint, credentials });
  const bucket = `bench-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const proxy = await startS3Proxy(endpoint, 0);
  return {
    bucket,
    address: { endpoint: proxy.endpoint, region: REGION, ...credentials },
    env: {
      ...awsVariables(proxy.endpoint),
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    store: createS3Store({ client, bucket }),
    takeRequests: () => proxy.takeRequests(),
    commits: proxy.commits,
  };
}
