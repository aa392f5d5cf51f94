import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { StoreError } from '../storage/object-store.ts';
import { s3Call } from './s3-errors.ts';

/**
 * Bytes of a part, of which S3 takes 10,000 of at least 5 MiB (Amazon S3 user guide, "Multipart upload limits"): objects of
 * up to 78 GiB.
 */
const PART_BYTES = 8 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** Parts under way at once; with the one that is being filled they are what is held. */
const CONCURRENCY = 3;

interface Target {
  readonly client: S3Client;
  readonly bucket: string;
}

/**
 * Writes an object from pieces: one PUT while they fit into a part, a multipart upload otherwise, which is given up where
 * the pieces or a request fail. What a crash leaves of it is invisible, and billed until a lifecycle rule ends it.
 */
export async function putStream(target: Target, key: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  const parts = partsOf(pieces);
  const first = await parts.next();
  const body = first.done ? new Uint8Array() : first.value;
  if (body.byteLength < PART_BYTES) {
    await call(target, key, () =>
      target.client.send(new PutObjectCommand({ Bucket: target.bucket, Key: key, Body: body })),
    );
    return body.byteLength;
  }
  return uploadParts(target, key, body, parts);
}

async function uploadParts(
  target: Target,
  key: string,
  first: Uint8Array,
  others: AsyncIterable<Uint8Array>,
): Promise<number> {
  const { client, bucket } = target;
  const object = { Bucket: bucket, Key: key };
  const { UploadId } = await call(target, key, () => client.send(new CreateMultipartUploadCommand(object)));
  const upload = { ...object, UploadId };
  const done: CompletedPart[] = [];
  const underWay = new Set<Promise<void>>();
  let size = 0;

  async function send(part: Uint8Array): Promise<void> {
    const number = done.length + 1;
    if (number > MAX_PARTS) throw tooLarge(key, size);
    size += part.byteLength;
    const entry: CompletedPart = { PartNumber: number };
    done.push(entry);
    while (underWay.size >= CONCURRENCY) await Promise.race(underWay);
    const request = call(target, key, async () => {
      const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber: number, Body: part }));
      if (ETag !== undefined) entry.ETag = ETag;
    });
    const tracked = request.finally(() => underWay.delete(tracked));
    // Awaited below, or by the next race; until then a failure is nobody's.
    tracked.catch(() => undefined);
    underWay.add(tracked);
  }

  try {
    await send(first);
    for await (const part of others) await send(part);
    await Promise.all(underWay);
    const complete = { ...upload, MultipartUpload: { Parts: done } };
    await call(target, key, () => client.send(new CompleteMultipartUploadCommand(complete)));
  } catch (error) {
    await Promise.allSettled(underWay);
    // The first failure is the one to tell; what is left of the upload is as after a crash.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
  return size;
}

/** Joins pieces to parts of `PART_BYTES`, but for the last one. None where there are no bytes. */
async function* partsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
    for (let start = 0; start < piece.byteLength; ) {
      const taken = piece.subarray(start, start + PART_BYTES - filled);
      part.set(taken, filled);
      filled += taken.byteLength;
      start += taken.byteLength;
      if (filled < PART_BYTES) continue;
      yield part;
      part = new Uint8Array(PART_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
  return undefined;
}

function call<T>({ bucket }: Target, key: string, run: () => Promise<T>): Promise<T> {
  return s3Call('putStream', bucket, key, run);
}

function tooLarge(key: string, size: number): StoreError {
  const detail = `it is larger than ${size} bytes, the most that ${MAX_PARTS} parts of ${PART_BYTES} bytes hold`;
  return new StoreError('INVALID_KEY', 'putStream', key, detail);
}
