import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { objectStoreContract } from '../support/object-store-contract.ts';
import { startS3Server } from '../support/s3-server.ts';
import { listKeys } from '../support/store-assertions.ts';
import { available, resource } from '../support/unavailable.ts';

const server = await resource(startS3Server);

objectStoreContract('the S3 store', () => makeStore(), { skip: server.skip });

describe('the S3 store on a real server', { skip: server.skip ?? false }, () => {
  it('asks for a page only when the caller gets there', async () => {
    const { client, bucket, requests } = await countedBucket();
    const store = createS3Store({ client, bucket, pageSize: 2 });
    for (const key of ['a', 'b', 'c', 'd', 'e']) await store.put(key, Buffer.from(key));
    requests.length = 0;
    for await (const { key } of store.list('')) if (key === 'b') break;
    assert.deepEqual(requests, ['ListObjectsV2Command']);
    assert.deepEqual(await listKeys(store, '', 'a'), ['b', 'c', 'd', 'e']);
    assert.equal(requests.length, 3);
  });

  it('makes one request for every other call', async () => {
    const { client, bucket, requests } = await countedBucket();
    const store = createS3Store({ client, bucket });
    await store.putIfAbsent('a', Buffer.from('hello'));
    await store.putIfAbsent('a', Buffer.from('again'));
    await store.put('b', Buffer.from('x'));
    await store.get('a', { range: { start: 0, end: 2 } });
    await store.head('a');
    await store.delete('b');
    await listKeys(store);
    assert.deepEqual(requests, [
      'PutObjectCommand',
      'PutObjectCommand',
      'PutObjectCommand',
      'GetObjectCommand',
      'HeadObjectCommand',
      'DeleteObjectCommand',
      'ListObjectsV2Command',
    ]);
  });

  it('keeps keys that only a bucket can have', async () => {
    const store = await makeStore();
    const keys = ['a', 'a/', 'a//b', 'a/b', 'folder/'];
    for (const key of keys) assert.equal(await store.putIfAbsent(key, Buffer.from(key)), 'created', key);
    assert.deepEqual(await listKeys(store), keys);
    for (const key of keys) assert.equal(Buffer.from((await store.get(key)).body).toString(), key);
  });

  it('says NOT_FOUND for a bucket that is not there', async () => {
    const store = createS3Store({ client: available(server).client(), bucket: 'no-such-bucket' });
    await assert.rejects(store.get('key'), /NoSuchBucket.*bucket no-such-bucket/);
    await assert.rejects(listKeys(store), /NOT_FOUND.*NoSuchBucket.*bucket no-such-bucket/);
  });
});

async function makeStore() {
  const s3 = available(server);
  return createS3Store({ client: s3.client(), bucket: await s3.createBucket() });
}

/** A client that notes the name of each request it sends, repeated ones too. */
async function countedBucket() {
  const s3 = available(server);
  const client = s3.client();
  const requests: string[] = [];
  client.middlewareStack.add(
    (next, context) => (args) => {
      requests.push(String(context.commandName));
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  return { client, bucket: await s3.createBucket(), requests };
}
