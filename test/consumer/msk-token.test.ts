import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mskToken, presign } from '../../src/aws/msk-token.ts';

const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };

describe('a presigned URL', () => {
  it('is the one of the example in the Amazon S3 API reference', () => {
    // "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
    const url = presign({
      host: 'examplebucket.s3.amazonaws.com',
      path: '/test.txt',
      query: {},
      service: 's3',
      region: 'us-east-1',
      keys,
      payloadHash: 'UNSIGNED-PAYLOAD',
      seconds: 86_400,
      now: Date.parse('2013-05-24T00:00:00Z'),
    });
    const signature = new URL(url).searchParams.get('X-Amz-Signature');
    assert.equal(signature, 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404');
  });
});

describe('a token for Amazon MSK', () => {
  it('is the presigned action, with the agent behind what is signed', () => {
    const token = mskToken('eu-west-1', { ...keys, sessionToken: 'a+b/c=' }, Date.parse('2026-11-24T06:00:00.123Z'));
    assert.match(token, /^[\w-]+$/);
    const text = Buffer.from(token, 'base64url').toString();
    const { host, pathname, searchParams } = new URL(text);
    assert.equal(`${host}${pathname}`, 'kafka.eu-west-1.amazonaws.com/');
    assert.match(text, /[?&]Action=kafka-cluster%3AConnect&/);
    assert.deepEqual(Object.fromEntries(searchParams), {
      Action: 'kafka-cluster:Connect',
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': 'AKIAIOSFODNN7EXAMPLE/20261124/eu-west-1/kafka-cluster/aws4_request',
      'X-Amz-Date': '20261124T060000Z',
      'X-Amz-Expires': '900',
      'X-Amz-Security-Token': 'a+b/c=',
      'X-Amz-SignedHeaders': 'host',
      // As the AWS SDK's signer has it (@smithy/signature-v4 5.7.5).
      'X-Amz-Signature': '976f9f6984ac21a7b82d5b90da7ca4666a58043db8cdd1321cd2ed181576fd07',
      'User-Agent': 'resaca',
    });
  });
});
