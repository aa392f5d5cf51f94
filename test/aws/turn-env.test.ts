import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { turnEnvironment } from '../../src/aws/turn-env.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

const CONFIG = { brokers: ['kafka:9092'], topics: ['web'], group: 'g' };
const env = { RESACA_BUCKET: 'lake', RESACA_CONFIG: JSON.stringify(CONFIG) };

describe('the environment of the scheduled consumer', () => {
  it('is the configuration of the consumer with the bucket, and the secrets of its variables', () => {
    const secrets = { PASSWORD: { secret: 'arn:aws:secretsmanager:eu-west-1:1:secret:kafka', field: 'password' } };
    const { config, secrets: read } = turnEnvironment({ ...env, RESACA_KAFKA_SECRETS: JSON.stringify(secrets) });
    assert.deepEqual(config.storage, { bucket: 'lake' });
    assert.equal(config.tables.bucket, 'lake');
    assert.deepEqual(read, secrets);
    assert.deepEqual(turnEnvironment(env).secrets, {});
  });

  for (const text of ['no JSON', '[]', '{"PASSWORD":"text"}', '{"PASSWORD":{"secret":"arn"}}']) {
    it(`refuses secrets that are ${text}`, () => {
      assert.throws(
        () => turnEnvironment({ ...env, RESACA_KAFKA_SECRETS: text }),
        (error) => error instanceof ConfigError && /RESACA_KAFKA_SECRETS: expected/.test(error.message),
      );
    });
  }

  it('names mistakes of the configuration', () => {
    const bad = JSON.stringify({ ...CONFIG, group: '' });
    assert.throws(() => turnEnvironment({ ...env, RESACA_CONFIG: bad }), /group/);
  });
});
