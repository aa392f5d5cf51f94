import type { S3Client } from '@aws-sdk/client-s3';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { assertRange } from '../storage/byte-range.ts';
import { assertKey } from '../storage/keys.ts';
import {
  type GetOptions,
  type ListOptions,
  type ObjectInfo,
  type ObjectStore,
  type StoredObject,
  StoreError,
} from '../storage/object-store.ts';
import { httpStatus, type S3Operation, s3Call } from './s3-errors.ts';

export interface S3StoreOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** Keys that one LIST asks for. @default 1,000, S3's maximum */
  readonly pageSize?: number;
  /** Waits some ms; replaced in tests. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** A number in [0, 1), for the jitter. */
  readonly random?: () => number;
}

/**
 * Tries of a conditional write that S3 answers with 409: a racing write or delete of the same key was under way, and
 * nobody has won yet (Amazon S3 user guide, "Conditional writes"). The SDK does not repeat it.
 */
const CONFLICT_ATTEMPTS = 6;
/** Back-off before the second try at most, in ms; doubled for each further one. */
const CONFLICT_BACKOFF = 25;

/**
 * A bucket of Amazon S3, or of a service that speaks its protocol with conditional writes. Time-outs, throttling and
 * 5xx are repeated by the client as it is configured, and come out as `UNAVAILABLE` afterwards.
 * `modified` has S3's resolution, one second.
 */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const { client, bucket } = options;
  return {
    get: (key, getOptions) => getObject(options, key, getOptions),
    head: (key) => headObject(options, key),
    async put(key, body) {
      assertKey('put', key);
      await s3Call('put', bucket, key, () =>
        client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body })),
      );
    },
    async putStream(key, pieces) {
      assertKey('putStream', key);
      // Not for the functions that only append.
      const { putStream } = await import('./s3-multipart.ts');
      return putStream(options, key, pieces);
    },
    putIfAbsent: (key, body) => createObject(options, key, body),
    async delete(key) {
      assertKey('delete', key);
      await s3Call('delete', bucket, key, () => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
    },
    list: (prefix, listOptions) => listObjects(options, prefix, listOptions),
  };
}

async function getObject(
  { client, bucket }: S3StoreOptions,
  key: string,
  { range, ifMatch }: GetOptions = {},
): Promise<StoredObject> {
  assertKey('get', key);
  if (range !== undefined) assertRange(range, key);
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
    ...(ifMatch === undefined ? {} : { IfMatch: `"${ifMatch}"` }),
  });
  return s3Call('get', bucket, key, async () => {
    const output = await client.send(command);
    const size = range === undefined ? output.ContentLength : totalSize(output.ContentRange);
    if (size === undefined) throw badResponse('get', key, `no size in the answer (${describeLength(output)})`);
    const { etag, modified } = describeVersion('get', key, output);
    return { body: await readBody(key, output), etag, size, modified };
  });
}

/** Reads exactly the announced number of bytes: more are not taken into memory, fewer are an error. */
async function readBody(key: string, output: GetObjectCommandOutput): Promise<Uint8Array> {
  const length = output.ContentLength ?? 0;
  const body = await output.Body?.transformToByteArray();
  if (body?.byteLength !== length) {
    throw badResponse('get', key, `expected ${length} bytes, got ${body?.byteLength ?? 'no body'}`);
  }
  return body;
}

/** The size behind the slash of `bytes 0-9/100`. */
function totalSize(contentRange: string | undefined): number | undefined {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}

async function headObject({ client, bucket }: S3StoreOptions, key: string): Promise<ObjectInfo | undefined> {
  assertKey('head', key);
  const output = await s3Call('head', bucket, key, async () => {
    try {
      return await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    } catch (error) {
      if (httpStatus(error) === 404) return undefined;
      throw error;
    }
  });
  if (output === undefined) return undefined;
  return { key, size: output.ContentLength ?? 0, ...describeVersion('head', key, output) };
}

async function createObject(options: S3StoreOptions, key: string, body: Uint8Array): Promise<'created' | 'exists'> {
  assertKey('putIfAbsent', key);
  const { client, bucket } = options;
  const random = options.random ?? Math.random;
  const sleep = options.sleep ?? defaultSleep;
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, IfNoneMatch: '*' });
  return s3Call('putIfAbsent', bucket, key, async () => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.send(command);
        return 'created';
      } catch (error) {
        if (httpStatus(error) === 412) return 'exists';
        if (httpStatus(error) !== 409 || attempt === CONFLICT_ATTEMPTS) throw error;
      }
      await sleep(random() * CONFLICT_BACKOFF * 2 ** (attempt - 1));
    }
  });
}

async function* listObjects(
  { client, bucket, pageSize }: S3StoreOptions,
  prefix: string,
  { startAfter }: ListOptions = {},
): AsyncGenerator<ObjectInfo, void, undefined> {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      ...(startAfter === undefined ? {} : { StartAfter: startAfter }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
      ...(pageSize === undefined ? {} : { MaxKeys: pageSize }),
    });
    const page: ListObjectsV2CommandOutput = await s3Call('list', bucket, prefix, () => client.send(command));
    for (const { Key: key, Size: size = 0, ...version } of page.Contents ?? []) {
      if (key !== undefined) yield { key, size, ...describeVersion('list', key, version) };
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

function describeVersion(
  operation: S3Operation,
  key: string,
  { ETag, LastModified }: { ETag?: string | undefined; LastModified?: Date | undefined },
): { etag: string; modified: number } {
  if (ETag === undefined || LastModified === undefined)
    throw badResponse(operation, key, 'no etag or time in the answer');
  return { etag: ETag.replaceAll('"', ''), modified: LastModified.getTime() };
}

function describeLength({ ContentLength, ContentRange }: GetObjectCommandOutput): string {
  return `content-length ${ContentLength ?? 'absent'}, content-range ${ContentRange ?? 'absent'}`;
}

/** An answer that S3 does not give; a proxy or a broken connection may. */
function badResponse(operation: S3Operation, key: string, detail: string): StoreError {
  return new StoreError('UNAVAILABLE', operation, key, detail);
}

function defaultSleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
