import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import {
  awsVariables,
  CREDENTIALS,
  miniStackPython,
  REGION,
  spawnMiniStack,
} from '../../scripts/local-aws/ministack.ts';
import { createS3Client, type S3ClientOptions } from '../../src/aws/clients.ts';
import { makeTempFolder } from './temp-folder.ts';

export interface S3Server {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** Of the server; the functions of a stack run as its children. */
  readonly pid: number;
  /** A client of this server. */
  client(options?: S3ClientOptions): S3Client;
  /** Makes an empty bucket and returns its name. */
  createBucket(): Promise<string>;
  /** The variables by which other programs find this server and its keys. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts a real S3 server, MiniStack from PyPI, as a process of its own on a free port. It keeps everything in memory,
 * does not keep the caller's process alive and ends with it. Throws `UnavailableError` without Python.
 */
export async function startS3Server(): Promise<S3Server> {
  const { endpoint, pid, ready } = await spawnMiniStack(await miniStackPython(), makeTempFolder());
  await ready();
  const client = (options: S3ClientOptions = {}): S3Client =>
    createS3Client({ region: REGION, endpoint, credentials: CREDENTIALS, ...options });
  const admin = client();
  return {
    endpoint,
    pid,
    client,
    async createBucket() {
      const bucket = `test-${randomUUID()}`;
      await admin.send(new CreateBucketCommand({ Bucket: bucket }));
      return bucket;
    },
    env: awsVariables(endpoint),
  };
}
