import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConsumerConfig } from '../../src/consumer/config.ts';
import { commitsAt } from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { bronzeCommitRules, type KafkaConfigInput, parseKafkaConfig } from '../../src/kafka/config.ts';

const DYNAMODB = { type: 'dynamodb', scheme: 's3' } as const;
const OTHER = { ...DYNAMODB, table: 'other' } as const;

const tableOf = (config: KafkaConfigInput, root: string): string | undefined =>
  commitsAt(bronzeCommitRules(parseKafkaConfig({ bucket: 'lake', ...config })), root)?.table;

describe('the tables of topics', () => {
  it('commit by conditional PUT, or as the configuration says', () => {
    assert.equal(tableOf({}, 'bronze/web'), undefined);
    for (const root of ['bronze/web', 'bronze/web__dead_letters']) {
      assert.equal(tableOf({ commitProtocol: DYNAMODB }, root), 'delta_log');
    }
  });

  it('commit as the rule has it that names them, else as the rule whose tables they are', () => {
    const config: KafkaConfigInput = {
      commitProtocol: DYNAMODB,
      topics: [
        { topic: 'hits', table: 'silver/{type}', commitProtocol: 'conditional-put' },
        { topic: 'orders', table: 'bronze/orders', commitProtocol: OTHER },
        { topic: '*' },
      ],
    };
    const expected = {
      'bronze/orders': 'other',
      'bronze/orders__dead_letters': 'other',
      'bronze/web': 'delta_log',
      'bronze/web__dead_letters': 'delta_log',
      'silver/click': undefined,
      'silver/hits__dead_letters': undefined,
    };
    for (const [root, table] of Object.entries(expected)) assert.equal(tableOf(config, root), table, root);
  });

  it('cannot be of two rules that differ', () => {
    for (const [first, second] of [
      ['bronze/{topic}', 'bronze/{type}/{topic}'],
      ['bronze/orders', 'bronze/orders'],
      ['{type}/orders', 'bronze/{topic}'],
    ] as const) {
      const topics = [
        { topic: 'a', table: first, commitProtocol: DYNAMODB },
        { topic: 'b', table: second },
      ];
      assert.throws(
        () => parseKafkaConfig({ bucket: 'lake', topics }),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.match(
            error.problems.join(),
            /^topics\[1\]\.commitProtocol: expected that of topics\[0\], with which it may share/,
          );
          return true;
        },
      );
      parseKafkaConfig({ bucket: 'lake', topics: topics.map((rule) => ({ ...rule, commitProtocol: DYNAMODB })) });
    }
  });

  it('are locked otherwise in a folder', () => {
    const config = { brokers: ['b:9092'], topics: ['a'], group: 'g', storage: { folder: '/data' } };
    parseConsumerConfig(config);
    assert.throws(
      () => parseConsumerConfig({ ...config, tables: { commitProtocol: DYNAMODB } }),
      /tables\.commitProtocol: is for tables in a bucket/,
    );
  });
});
