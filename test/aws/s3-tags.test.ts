import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { createS3TagStore } from '../../src/aws/s3-tags.ts';
import { isStoreError } from '../../src/storage/object-store.ts';
import { startS3Server } from '../support/s3-server.ts';
import { respond, startScriptedServer } from '../support/scripted-http.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(startS3Server);

describe('the tags of objects in S3', { skip: found.skip ?? false }, () => {
  const server = available(found);
  const client = server.client();
  const store = createS3TagStore(client);
  const tags = [
    { key: 'tenant', value: 'São Paulo' },
    { key: 'a+b=c', value: '' },
  ];

  async function put(bucket: string, key: string): Promise<string | undefined> {
    const { VersionId } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x' }));
    return VersionId;
  }

  it('are read and replaced', async () => {
    const object = { bucket: await server.createBucket(), key: 'a b/é+.csv' };
    await put(object.bucket, object.key);
    assert.deepEqual(await store.get(object), []);
    assert.equal(await store.put(object, tags), true);
    assert.deepEqual(await store.get(object), tags);
    assert.equal(await store.put(object, tags.slice(1)), true);
    assert.deepEqual(await store.get(object), tags.slice(1));
  });

  it('are those of the version, where one is named', async () => {
    const bucket = await server.createBucket();
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
    const first = { bucket, key: 'a', versionId: (await put(bucket, 'a')) ?? '' };
    const second = { bucket, key: 'a', versionId: (await put(bucket, 'a')) ?? '' };
    await store.put(first, tags);
    assert.deepEqual(await store.get(first), tags);
    assert.deepEqual(await store.get(second), []);
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'a', VersionId: first.versionId }));
    assert.equal(await store.get(first), undefined);
    assert.equal(await store.put(first, tags), false);
  });

  it('are none of an object that is gone', async () => {
    const object = { bucket: await server.createBucket(), key: 'gone' };
    assert.equal(await store.get(object), undefined);
    assert.equal(await store.put(object, tags), false);
  });

  it('are unknown where there is no bucket, and where S3 refuses', async () => {
    await assert.rejects(store.get({ bucket: 'no-such-bucket-here', key: 'a' }), (error) => {
      assert.ok(isStoreError(error, 'NOT_FOUND'));
      assert.match(error.message, /getTags of "a" failed .*NoSuchBucket/);
      return true;
    });
    const object = { bucket: await server.createBucket(), key: 'a' };
    await put(object.bucket, object.key);
    const eleven = Array.from({ length: 11 }, (_, index) => ({ key: `k${index}`, value: '' }));
    const Tagging = { TagSet: eleven.map(({ key, value }) => ({ Key: key, Value: value })) };
    await assert.rejects(
      client.send(new PutObjectTaggingCommand({ Bucket: object.bucket, Key: object.key, Tagging })),
      'the local S3 has the limit',
    );
    await assert.rejects(store.put(object, eleven), (error) => isStoreError(error));
  });

  it('are none where a delete marker is in the place of the object', async () => {
    const body = '<Error><Code>MethodNotAllowed</Code><Message>no</Message></Error>';
    const scripted = await startScriptedServer([respond(405, { 'content-type': 'application/xml' }, body)]);
    const marked = createS3TagStore(server.client({ endpoint: scripted.endpoint, maxAttempts: 1 }));
    assert.equal(await marked.get({ bucket: 'b', key: 'k', versionId: 'v' }), undefined);
  });
});
