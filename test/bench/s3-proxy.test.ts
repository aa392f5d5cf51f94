import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { kindOf, startS3Proxy } from '../../bench/s3-proxy.ts';

describe('the kind of a request', () => {
  for (const [method, url, kind] of [
    ['GET', '/bucket/key?x-id=GetObject', 'get'],
    ['GET', '/bucket/list-type=2/key', 'get'],
    ['GET', '/bucket/key?uploadId=1', 'other'],
    ['GET', '/bucket/?list-type=2&prefix=a%2F', 'list'],
    ['GET', '/bucket?list-type=2', 'list'],
    ['GET', '/bucket?prefix=a', 'list'],
    ['GET', '/bucket?location', 'other'],
    ['HEAD', '/bucket/key', 'head'],
    ['PUT', '/bucket/key', 'put'],
    ['PUT', '/bucket/key?partNumber=1&uploadId=2', 'put'],
    ['POST', '/bucket/key?uploads=', 'other'],
    ['DELETE', '/bucket/key', 'other'],
    ['POST', '/bucket?delete', 'other'],
    ['POST', '/', 'service'],
  ] as const) {
    it(`${method} ${url} is ${kind}`, () => assert.equal(kindOf(method, url), kind));
  }
});

/** Answers a request with a Range header with a part of the 10 bytes of its object. */
async function startServer(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    const isPart = request.headers.range !== undefined;
    response.writeHead(isPart ? 206 : 200).end(request.method === 'GET' ? '0123456789'.slice(isPart ? 6 : 0) : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

it('the proxy counts requests and the bytes of the answers, since it was last asked', async (t) => {
  const proxy = await startS3Proxy(await startServer(t), 0);
  const send = async (path: string, options: RequestInit = {}): Promise<string> =>
    (await fetch(`${proxy.endpoint}${path}`, options)).text();
  assert.equal(await send('/bucket/key'), '0123456789');
  assert.equal(await send('/bucket/key', { headers: { range: 'bytes=6-9' } }), '6789');
  await send('/bucket/key', { method: 'PUT', body: 'abc' });
  await send('/bucket/?list-type=2');
  assert.deepEqual(proxy.takeRequests(), {
    get: 2,
    ranged: 1,
    head: 0,
    list: 1,
    put: 1,
    other: 0,
    service: 0,
    received: 24,
  });
  await send('/bucket/key', { method: 'HEAD' });
  assert.deepEqual(proxy.takeRequests(), {
    get: 0,
    ranged: 0,
    head: 1,
    list: 0,
    put: 0,
    other: 0,
    service: 0,
    received: 0,
  });
});

it('the proxy lets each request wait', async (t) => {
  const latency = 60;
  const proxy = await startS3Proxy(await startServer(t), latency);
  const begin = performance.now();
  await (await fetch(`${proxy.endpoint}/bucket/key`)).text();
  // A timer may be a little early.
  assert.ok(performance.now() - begin >= latency - 2);
});

it('the proxy knows when an entry of a Delta log was written, and of nothing else', async (t) => {
  const proxy = await startS3Proxy(await startServer(t), 0);
  const log = 't/_delta_log/00000000000000000001';
  const before = Date.now();
  for (const path of [`${log}.json?x-id=PutObject`, `${log}.checkpoint.parquet`, 't/part-1.parquet']) {
    await fetch(`${proxy.endpoint}/bucket/${path}`, { method: 'PUT', body: 'abc' });
  }
  await fetch(`${proxy.endpoint}/bucket/t/_delta_log/00000000000000000002.json`);
  assert.deepEqual([...proxy.commits.keys()], [`${log}.json`]);
  assert.ok((proxy.commits.get(`${log}.json`) ?? 0) >= before);
});
