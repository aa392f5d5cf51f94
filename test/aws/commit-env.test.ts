import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commitEnvironment } from '../../src/aws/commit-env.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

describe('the variables for commits of commands', () => {
  it('are not needed', () => {
    assert.deepEqual(commitEnvironment('s3', {}), []);
    assert.deepEqual(commitEnvironment('s3', { RESACA_COMMIT_TABLE: '' }), []);
  });

  it('name the table, and the scheme is that of the location', () => {
    const commitProtocol = {
      type: 'dynamodb',
      table: 'delta_log',
      scheme: 's3a',
      pathForm: 'hadoop',
      expireAfter: 86_400,
    };
    assert.deepEqual(commitEnvironment('s3a', { RESACA_COMMIT_TABLE: 'delta_log' }), [{ root: '**', commitProtocol }]);
    const env = {
      RESACA_COMMIT_TABLE: 'delta_log',
      RESACA_COMMIT_TABLE_REGION: 'eu-west-1',
      RESACA_COMMIT_PATH_FORM: 'url',
    };
    assert.deepEqual(commitEnvironment('s3a', env), [
      { root: '**', commitProtocol: { ...commitProtocol, region: 'eu-west-1', pathForm: 'url' } },
    ]);
  });

  for (const [env, expected] of [
    [{ RESACA_COMMIT_TABLE_REGION: 'eu-west-1' }, /RESACA_COMMIT_TABLE_REGION: is for RESACA_COMMIT_TABLE/],
    [{ RESACA_COMMIT_TABLE: 'a b' }, /RESACA_COMMIT_TABLE: expected 3-255 letters/],
    [{ RESACA_COMMIT_TABLE: 'abc', RESACA_COMMIT_PATH_FORM: 'x' }, /RESACA_COMMIT_PATH_FORM: expected hadoop or url/],
  ] as const) {
    it(`are refused by name: ${JSON.stringify(env)}`, () => {
      assert.throws(
        () => commitEnvironment('s3', env),
        (error) => error instanceof ConfigError && expected.test(error.problems.join()),
      );
    });
  }
});
