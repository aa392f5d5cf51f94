import { GetObjectTaggingCommand, PutObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3';
import type { TaggedObject, TagStore } from '../tag/tag-object.ts';
import { httpStatus, s3Call } from './s3-errors.ts';

/** The tags of the objects of S3; of the version, where one is named. */
export function createS3TagStore(client: S3Client): TagStore {
  return {
    async get(object) {
      const answer = await s3Call('getTags', object.bucket, object.key, () =>
        unlessGone(() => client.send(new GetObjectTaggingCommand(addressOf(object)))),
      );
      return answer?.TagSet?.map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
    },
    async put(object, tags) {
      const TagSet = tags.map(({ key, value }) => ({ Key: key, Value: value }));
      const answer = await s3Call('putTags', object.bucket, object.key, () =>
        unlessGone(() => client.send(new PutObjectTaggingCommand({ ...addressOf(object), Tagging: { TagSet } }))),
      );
      return answer !== undefined;
    },
  };
}

function addressOf({ bucket, key, versionId }: TaggedObject) {
  return { Bucket: bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) };
}

/** Undefined where there is no such object or version (404), or where a delete marker is in its place (405). */
async function unlessGone<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    const status = httpStatus(error);
    const isBucketMissing = error instanceof Error && error.name === 'NoSuchBucket';
    if ((status === 404 && !isBucketMissing) || status === 405) return undefined;
    throw error;
  }
}
