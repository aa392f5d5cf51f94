import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseKafkaConfig, ruleOf } from '../../src/kafka/config.ts';

const problemsOf = (config: object): readonly string[] => {
  try {
    parseKafkaConfig({ bucket: 'lake', ...config });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
};

describe('the configuration of the bronze function', () => {
  it('takes every topic into a table of its own by default', () => {
    const config = parseKafkaConfig({ bucket: 'lake' });
    assert.equal(config.application, 'resaca');
    assert.equal(ruleOf(config, 'web.requests')?.root, 'bronze/web.requests');
  });

  it('tries its rules in order', () => {
    const topics = [
      { topic: 'web.*', table: 'raw/web' },
      { topic: 'web.a' },
      { topic: 'orders-*', table: 'o/{topic}/{topic}' },
    ];
    const config = parseKafkaConfig({ bucket: 'lake', topics });
    assert.equal(ruleOf(config, 'web.a')?.root, 'raw/web');
    assert.equal(ruleOf(config, 'webXa'), undefined);
    assert.equal(ruleOf(config, 'orders-eu')?.root, 'o/orders-eu/orders-eu');
  });

  it('names every mistake', () => {
    assert.deepEqual(
      problemsOf({ topic: 1, application: 'a/b', topics: [{}, { topic: 'a', table: '/x', key: 'json' }] }).length,
      5,
    );
    assert.match(
      problemsOf({ topics: [{ topic: 'a', table: 'x/{table}' }] }).join(),
      /topics\[0\]\.table: knows \{topic\} only/,
    );
    assert.match(
      problemsOf({ topics: [{ topic: 'a', table: '_hidden/x' }] }).join(),
      /without hidden or empty segments/,
    );
    assert.match(problemsOf({ topics: [{ topic: 'a', properties: { 'delta.x': '1' } }] }).join(), /delta\.x/);
    assert.match(problemsOf({ bucket: 'No' }).join(), /bucket: expected the name of a bucket/);
  });
});
