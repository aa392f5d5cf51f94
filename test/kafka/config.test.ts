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
    assert.equal(ruleOf(config, 'web.requests')?.table, 'bronze/{topic}');
  });

  it('tries its rules in order', () => {
    const topics = [
      { topic: 'web.*', table: 'raw/web' },
      { topic: 'web.a' },
      { topic: 'orders-*', table: 'o/{topic}/{topic}' },
    ];
    const config = parseKafkaConfig({ bucket: 'lake', topics });
    assert.equal(ruleOf(config, 'web.a')?.table, 'raw/web');
    assert.equal(ruleOf(config, 'webXa'), undefined);
    assert.equal(ruleOf(config, 'orders-eu')?.table, 'o/{topic}/{topic}');
  });

  it('has defaults, which depend on the format', () => {
    const [raw, json] = parseKafkaConfig({
      bucket: 'lake',
      topics: [{ topic: 'a' }, { topic: 'b', format: 'json' }],
    }).topics;
    assert.deepEqual([raw?.format.type, raw?.value, json?.format.type, json?.value], ['raw', 'binary', 'json', 'omit']);
    assert.deepEqual(json?.partitionBy, [{ name: 'ingest_date', type: 'date' }]);
  });

  it('reads types and formats', () => {
    const topic = {
      topic: 'a',
      format: { type: 'avro', schema: '"int"' },
      columns: { at: 'TIMESTAMP', amount: 'decimal(10, 2)' },
      partitionBy: [{ name: 'day', type: 'date', expression: 'substr(at, `0`, `10`)' }, { name: 'ingest_date' }],
    };
    const [rule] = parseKafkaConfig({ bucket: 'lake', topics: [topic] }).topics;
    assert.deepEqual(rule?.columns, { at: 'timestamp', amount: 'decimal(10,2)' });
    assert.deepEqual(rule?.format, topic.format);
    assert.deepEqual(
      rule?.partitionBy.map(({ name, type }) => [name, type]),
      [
        ['day', 'date'],
        ['ingest_date', 'date'],
      ],
    );
  });

  const mistakes: readonly (readonly [object, RegExp])[] = [
    [{ topic: 'a', table: 'x/{' }, /topics\[0\]\.table: /],
    [{ topic: 'a', table: '_hidden/x' }, /topics\[0\]\.table: /],
    [{ topic: 'a', table: '/x' }, /topics\[0\]\.table: /],
    [{ topic: 'a', key: 'json' }, /topics\[0\]\.key: expected binary or string or omit, got "json"/],
    [{ topic: 'a', properties: { 'delta.x': '1' } }, /delta\.x/],
    [{ topic: 'a', format: 'xml' }, /topics\[0\]\.format: expected raw or json/],
    [{ topic: 'a', format: { type: 'avro' } }, /format\.schema: is required/],
    [{ topic: 'a', format: { type: 'avro-single-object' } }, /schemas: expected one at least/],
    [{ topic: 'a', format: { type: 'protobuf', proto: '' } }, /message: is required/],
    [{ topic: 'a', filter: 'a' }, /filter: is for decoded values; expected a format beside it/],
    [{ topic: 'a', format: 'json', filter: 'a ==' }, /topics\[0\]\.filter: /],
    [{ topic: 'a', format: 'json', transforms: { b: 'nothing(' } }, /transforms\.b: /],
    [{ topic: 'a', format: 'json', columns: { b: 'strin' } }, /columns\.b: /],
    [{ topic: 'a', format: 'json', columns: { b: 'int', B: 'int' } }, /names the column "B" twice/],
    [{ topic: 'a', partitionBy: [{ name: 'b' }] }, /partitionBy\[0\]\.expression: is required/],
    [{ topic: 'a', partitionBy: [{ name: 'b', type: 'array<int>', expression: 'b' }] }, /type that can partition/],
    [{ topic: 'a', format: 'confluent' }, /registry: is required for the format "confluent"/],
    [{ topic: 'a', nothing: 1 }, /topics\[0\]\.nothing: is not a setting/],
  ];
  for (const [rule, expected] of mistakes) {
    it(`refuses ${JSON.stringify(rule)}`, () => {
      assert.match(problemsOf({ topics: [rule] }).join('\n'), expected);
    });
  }

  it('names every mistake', () => {
    const topics = [{}, { topic: 'a', table: '/x', key: 'json' }];
    assert.equal(problemsOf({ topic: 1, application: 'a/b', topics }).length, 5);
    assert.match(problemsOf({ bucket: 'No' }).join(), /bucket: expected the name of a bucket/);
    assert.match(problemsOf({ registry: { url: 'http://user:secret@host' } }).join(), /registry\.url: expected a URL/);
    assert.match(
      problemsOf({ registry: { url: 'http://h', secretArn: 'a', secretVariable: 'b' } }).join(),
      /one of them/,
    );
  });
});
