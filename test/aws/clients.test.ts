import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createS3Client, needsPathStyle } from '../../src/aws/clients.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { respond, startScriptedServer } from '../support/scripted-http.ts';

const VERSION = { etag: '"abc"', 'last-modified': 'Sat, 03 Jan 2026 10:00:00 GMT' };

describe('the S3 client', () => {
  for (const [endpoint, expected] of [
    ['http://127.0.0.1:9000', true],
    ['http://localhost:9000', true],
    ['http://minio:9000', true],
    ['https://storage.example.com', true],
    ['https://not-amazonaws.com', true],
    ['https://s3.eu-west-1.amazonaws.com', false],
    ['https://s3.cn-north-1.amazonaws.com.cn', false],
    ['https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com', false],
  ] as const) {
    it(`puts the bucket into the ${expected ? 'path' : 'host name'} at ${endpoint}`, () => {
      assert.equal(needsPathStyle(endpoint), expected);
    });
  }

  it('finds the endpoint in the environment as the SDK does, also without an entry in DNS for every bucket', async (t) => {
    const server = await startScriptedServer([respond(200, VERSION, 'x')]);
    const { AWS_ENDPOINT_URL_S3: before } = process.env;
    t.after(() => {
      if (before === undefined) delete process.env.AWS_ENDPOINT_URL_S3;
      else process.env.AWS_ENDPOINT_URL_S3 = before;
    });
    process.env.AWS_ENDPOINT_URL_S3 = server.endpoint.replace('127.0.0.1', 'localhost');
    const client = createS3Client({
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    await createS3Store({ client, bucket: 'bucket' }).get('a/b');
    assert.match(server.requests[0]?.url ?? '', /^\/bucket\/a\/b(\?|$)/);
    assert.match(server.requests[0]?.headers.host ?? '', /^localhost:/);
  });

  it('sends keys encoded once, and asks for no checksum of what it reads', async () => {
    const server = await startScriptedServer([respond(200, VERSION, 'x')]);
    const client = createS3Client({
      endpoint: server.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const store = createS3Store({ client, bucket: 'bucket' });
    await store.get('a b/c+d%20e/é');
    await store.put('a', Buffer.from('x'));
    const [get, put] = server.requests;
    assert.equal(get?.url.replace(/\?.*/, ''), '/bucket/a%20b/c%2Bd%2520e/%C3%A9');
    assert.equal(get?.headers['x-amz-checksum-mode'], undefined);
    assert.equal(typeof put?.headers['x-amz-checksum-crc32'], 'string');
  });

  it('keeps its sockets open and opens no more than it may', async () => {
    const sockets = new Set<unknown>();
    const server = await startScriptedServer([
      (response) => {
        sockets.add(response.socket);
        setTimeout(() => respond(200, VERSION, 'x')(response), 5);
      },
    ]);
    const client = createS3Client({
      endpoint: server.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxSockets: 3,
    });
    const store = createS3Store({ client, bucket: 'bucket' });
    await Promise.all(Array.from({ length: 12 }, (_, number) => store.get(`key-${number}`)));
    await store.get('later');
    assert.equal(server.requests.length, 13);
    assert.equal(sockets.size, 3);
  });
});
