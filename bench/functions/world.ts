/** A local AWS, a bucket in it, and what counts the requests to it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { build } from 'esbuild';
import { type Bundle, bundleOptions, copyPackages, MEDALLION_BUNDLE } from '../../scripts/bundles.ts';
import { awsVariables, CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { mapConcurrently } from '../../src/ingest/concurrently.ts';
import type { SqsEvent } from '../../src/ingest/handler.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type S3Server, startS3Server } from '../../test/support/s3-server.ts';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import { type S3Proxy, startS3Proxy } from '../s3-proxy.ts';
import { landedEvent } from '../sizing-events.ts';

export interface World {
  readonly server: S3Server;
  readonly proxy: S3Proxy;
  readonly bucket: string;
  readonly store: ObjectStore;
  /** Variables by which a function finds the services; their requests are counted. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a queue, and gives the URL for functions. */
  createQueue(name: string): Promise<string>;
  /** Builds a bundle, and gives its path. */
  build(bundle: Bundle): Promise<string>;
}

/** Objects that are put at the same time. */
const PUTS = 16;
const DUCKDB = `@duckdb/node-bindings-linux-${process.arch}`;

/** Throws `UnavailableError` without Python. */
export async function createWorld(): Promise<World> {
  const server = await startS3Server();
  const proxy = await startS3Proxy(server.endpoint, 0);
  const bucket = await server.createBucket();
  const sqs = new SQSClient({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
  return {
    server,
    proxy,
    bucket,
    store: createS3Store({ client: server.client(), bucket }),
    env: { ...awsVariables(proxy.endpoint), RESACA_LOG_LEVEL: 'error' },
    async createQueue(name) {
      const attributes = name.endsWith('.fifo') ? { FifoQueue: 'true' } : {};
      const { QueueUrl: url = '' } = await sqs.send(
        new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
      );
      return new URL(new URL(url).pathname, proxy.endpoint).href;
    },
    async build(bundle) {
      const folder = makeTempFolder();
      await build(bundleOptions(bundle, folder));
      copyPackages(bundle, folder);
      // What synthesis adds to the function with the steps.
      if (bundle === MEDALLION_BUNDLE) copyPackages({ ...bundle, copiedPackages: [DUCKDB] }, folder);
      return join(folder, bundle.output);
    },
  };
}

export interface LandingFile {
  readonly key: string;
  readonly body: Uint8Array;
}

/** Puts files, and gives the event that says so. */
export async function land({ store, bucket }: World, files: readonly LandingFile[]): Promise<SqsEvent> {
  const objects = await mapConcurrently(files, PUTS, async ({ key, body }) => {
    await store.put(key, body);
    return { key, size: body.byteLength, etag: (await store.head(key))?.etag ?? '' };
  });
  return landedEvent(bucket, objects);
}

/** An event of SQS with these bodies. */
export function messagesEvent(bodies: readonly string[]): unknown {
  const time = String(Date.now());
  return {
    Records: bodies.map((body) => ({
      messageId: randomUUID(),
      receiptHandle: 'X'.repeat(180),
      body,
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: time, ApproximateFirstReceiveTimestamp: time },
      messageAttributes: {},
      eventSource: 'aws:sqs',
    })),
  };
}
