import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { queueEnvironment } from '../../src/aws/queue-env.ts';
import { webhookEnvironment } from '../../src/aws/webhook-env.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

const QUEUE = { name: 'orders', table: 'bronze/orders' };
const WEBHOOKS = { webhooks: [{ path: '/in', signature: 'github' }] };

describe('the environment of the queue ingest', () => {
  it('has the bucket and the queue, which are known at the deployment only', () => {
    const env = { RESACA_CONFIG: JSON.stringify(QUEUE), RESACA_BUCKET: 'lake', RESACA_QUEUE_URL: 'https://sqs/q' };
    const { config, queueUrl } = queueEnvironment(env);
    assert.deepEqual([config.bucket, config.table, queueUrl], ['lake', 'bronze/orders', 'https://sqs/q']);
    assert.equal(queueEnvironment({ ...env, RESACA_QUEUE_URL: '' }).queueUrl, undefined);
  });

  it('is refused where it is not whole', () => {
    assert.throws(() => queueEnvironment({ RESACA_CONFIG: JSON.stringify(QUEUE) }), /bucket: is required/);
    assert.throws(() => queueEnvironment({ RESACA_BUCKET: 'lake' }), /name: is required/);
    assert.throws(() => queueEnvironment({ RESACA_TARGETS: '{}' }), /RESACA_TARGETS: is not a variable/);
  });
});

describe('the environment of the webhook function', () => {
  it('has queue and secret of each webhook', () => {
    const target = { queueUrl: 'https://sqs/q', secretId: 'arn' };
    const env = { RESACA_CONFIG: JSON.stringify(WEBHOOKS), RESACA_TARGETS: JSON.stringify({ '/in': target }) };
    assert.deepEqual(webhookEnvironment(env).targets.get('/in'), target);
  });

  it('is refused where one lacks them', () => {
    const config = { RESACA_CONFIG: JSON.stringify(WEBHOOKS) };
    for (const targets of ['{}', '{"/in":{"queueUrl":"q"}}', '{', '[]']) {
      assert.throws(() => webhookEnvironment({ ...config, RESACA_TARGETS: targets }), ConfigError, targets);
    }
  });
});
