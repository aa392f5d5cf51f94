import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createS3Client } from '../../src/aws/clients.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { isStoreError, type StoreErrorCode } from '../../src/storage/object-store.ts';
import { type Answer, hangUp, respond, s3Error, silence, startScriptedServer } from '../support/scripted-http.ts';
import { listKeys, rejectsWith } from '../support/store-assertions.ts';

const OK = respond(200, { etag: '"abc"' });
const VERSION = { etag: '"abc"', 'last-modified': 'Sat, 03 Jan 2026 10:00:00 GMT' };

describe('putStream on S3', () => {
  const created = respond(
    200,
    {},
    '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
  );

  it('gives an upload up when a part cannot be sent', async () => {
    const { store, requests } = await scripted([created, s3Error(403, 'AccessDenied')], 30_000);
    async function* pieces() {
      for (let part = 0; part < 5; part++) yield new Uint8Array(8 * 1024 * 1024);
    }
    await rejectsWith('ACCESS_DENIED', store.putStream('key', pieces()));
    const last = requests.at(-1);
    assert.deepEqual(
      [last?.method, new URL(last?.url ?? '', 'http://s3').searchParams.get('uploadId')],
      ['DELETE', 'u'],
    );
  });
});

describe('putIfAbsent on S3', () => {
  it('reports 412 as exists, and asks with If-None-Match', async () => {
    const { store, requests } = await scripted([s3Error(412, 'PreconditionFailed')]);
    assert.equal(await store.putIfAbsent('key', Buffer.from('x')), 'exists');
    assert.equal(requests.length, 1);
    assert.equal(requests[0]?.headers['if-none-match'], '*');
  });

  it('repeats a 409 with growing, jittered pauses until S3 decides', async () => {
    const conflict = s3Error(409, 'ConditionalRequestConflict');
    for (const [last, expected] of [
      [OK, 'created'],
      [s3Error(412, 'PreconditionFailed'), 'exists'],
    ] as const) {
      const { store, requests, pauses } = await scripted([conflict, conflict, conflict, last]);
      assert.equal(await store.putIfAbsent('key', Buffer.from('x')), expected);
      assert.equal(requests.length, 4);
      assert.deepEqual(pauses, [12.5, 25, 50]);
    }
  });

  it('is UNAVAILABLE when the 409 does not end', async () => {
    const { store, requests } = await scripted([s3Error(409, 'ConditionalRequestConflict')]);
    await rejectsWith('UNAVAILABLE', store.putIfAbsent('key', Buffer.from('x')));
    assert.equal(requests.length, 6);
  });

  it('may report exists when the answer to its own success was lost', async () => {
    const { store } = await scripted([hangUp(), s3Error(412, 'PreconditionFailed')]);
    assert.equal(await store.putIfAbsent('key', Buffer.from('x')), 'exists');
  });
});

describe('errors of S3', () => {
  const cases: readonly (readonly [string, Answer, StoreErrorCode, number])[] = [
    ['access denied', s3Error(403, 'AccessDenied'), 'ACCESS_DENIED', 1],
    ['an expired token', s3Error(400, 'ExpiredToken'), 'ACCESS_DENIED', 1],
    ['a missing key', s3Error(404, 'NoSuchKey'), 'NOT_FOUND', 1],
    ['a missing bucket', s3Error(404, 'NoSuchBucket'), 'NOT_FOUND', 1],
    ['another version', s3Error(412, 'PreconditionFailed'), 'PRECONDITION_FAILED', 1],
    ['a range behind the end', s3Error(416, 'InvalidRange'), 'INVALID_RANGE', 1],
    ['an internal error', s3Error(500, 'InternalError'), 'UNAVAILABLE', 2],
    ['throttling', s3Error(503, 'SlowDown'), 'UNAVAILABLE', 2],
    ['a lost connection', hangUp(), 'UNAVAILABLE', 2],
    ['no answer in time', silence(), 'UNAVAILABLE', 2],
    ['a body that is cut off', truncated(), 'UNAVAILABLE', 1],
    ['a body that stops', stalled(), 'UNAVAILABLE', 1],
    ['an answer that is not S3', respond(200, {}, 'hello'), 'UNAVAILABLE', 1],
    ['a whole object for a range', respond(200, VERSION, 'hello'), 'UNAVAILABLE', 1],
  ];
  for (const [name, answer, code, attempts] of cases) {
    it(`${name} is ${code} after ${attempts} of 2 possible requests`, async () => {
      const { store, requests } = await scripted([answer]);
      await rejectsWith(code, store.get('some/key', { range: { start: 1, end: 3 } }));
      assert.equal(requests.length, attempts);
      assert.equal(requests[0]?.headers.range, 'bytes=1-2');
    });
  }

  it('name the operation, the key, the bucket and what S3 said', async () => {
    const { store } = await scripted([s3Error(403, 'AccessDenied')]);
    await assert.rejects(store.put('some/key', Buffer.from('x')), (error) => {
      assert.ok(isStoreError(error, 'ACCESS_DENIED'));
      assert.match(
        error.message,
        /put of "some\/key" failed \(ACCESS_DENIED\): AccessDenied: no \(bucket bucket, HTTP 403\)/,
      );
      return true;
    });
  });

  it('pass when a later try succeeds', async () => {
    const { store, requests } = await scripted([s3Error(503, 'SlowDown'), respond(200, VERSION, 'hello')]);
    assert.equal(Buffer.from((await store.get('key')).body).toString(), 'hello');
    assert.equal(requests.length, 2);
  });

  it('of a delete and a listing are mapped too, and no credentials are ACCESS_DENIED', async () => {
    const { store, endpoint } = await scripted([s3Error(403, 'AccessDenied')]);
    await rejectsWith('ACCESS_DENIED', store.delete('key'));
    await rejectsWith('ACCESS_DENIED', store.head('key'));
    await rejectsWith('ACCESS_DENIED', listKeys(store, 'prefix/'));
    const credentials = async () => {
      throw Object.assign(new Error('no keys'), { name: 'CredentialsProviderError' });
    };
    const client = createS3Client({ endpoint, region: 'us-east-1', credentials });
    await rejectsWith('ACCESS_DENIED', createS3Store({ client, bucket: 'bucket' }).get('key'));
  });
});

/** A store of bucket `bucket` on a server that gives these answers, with two tries and short time-outs. */
async function scripted(answers: readonly Answer[], responseTimeout = 300) {
  const { endpoint, requests } = await startScriptedServer(answers);
  const pauses: number[] = [];
  const client = createS3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 2,
    responseTimeout,
  });
  const store = createS3Store({
    client,
    bucket: 'bucket',
    random: () => 0.5,
    sleep: async (ms) => {
      pauses.push(ms);
    },
  });
  return { store, requests, pauses, endpoint };
}

/** Announces more bytes than it sends, then closes the connection. */
function truncated(): Answer {
  return (response) => {
    response.writeHead(206, { ...VERSION, 'content-length': '2', 'content-range': 'bytes 1-2/5' });
    response.write('x', () => response.destroy());
  };
}

/** Sends a part of the body and no more. */
function stalled(): Answer {
  return (response) => {
    response.writeHead(206, { ...VERSION, 'content-length': '2', 'content-range': 'bytes 1-2/5' });
    response.write('x');
  };
}
