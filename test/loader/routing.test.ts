import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadEnvironment } from '../../src/aws/load-env.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseLoaderConfig } from '../../src/loader/config.ts';
import { routeFile } from '../../src/loader/routing.ts';

const { rules } = parseLoaderConfig({
  rules: [
    { prefix: 'in/{team}/orders/', table: '/lake/{team}/orders' },
    { prefix: 'in/dumps', table: 'lake/dumps', suffixes: ['.txt'], format: 'csv' },
    { prefix: 'in', table: 'lake/other', format: 'parquet' },
  ],
});

describe('a key', () => {
  for (const [key, expected] of [
    ['in/eu/orders/a.csv', 'csv lake/eu/orders'],
    ['in/eu/orders/2026/ds=1/a.JSON.gz', undefined],
    ['in/eu/orders/2026/_ds=1/a.json.zst', 'json-lines lake/eu/orders'],
    ['in/eu/orders/a.avro', 'avro lake/eu/orders'],
    ['in/eu/orders', undefined],
    ['in/_eu/orders/a.csv', undefined],
    ['in/eu/orders/_temporary/a.csv', undefined],
    ['in/eu/orders/.a.csv', undefined],
    ['in/dumps/a.txt', 'csv lake/dumps'],
    ['in/dumps/a.csv', undefined],
    ['in/x.parquet', 'parquet lake/other'],
    ['other/a.csv', undefined],
  ] as const) {
    it(`${key} is ${expected ?? 'for no table'}`, () => {
      const route = routeFile(rules, key);
      assert.equal(route && `${route.format} ${route.root}`, expected);
    });
  }
});

describe('a configuration of the loader', () => {
  it('has defaults', () => {
    const { rules: _, ...limits } = parseLoaderConfig({ rules: [{ prefix: 'in', table: 't' }] });
    assert.deepEqual(limits, { partBytes: 64 * 2 ** 20, partRows: 2_000_000, maxLineBytes: 32 * 2 ** 20 });
  });

  it('is refused with all that is wrong', () => {
    const rule = {
      prefix: 'in/*',
      columns: { a: 'thing' },
      partitionBy: [
        { name: 'p', type: 'array<string>' },
        { name: 'P', expression: '((' },
      ],
      maxRejected: 1,
      maxRejectedPercent: 101,
      csv: { delimiter: '', header: false, quote: 'ab', encoding: 'utf-16' },
      other: 1,
    };
    assert.throws(
      () => parseLoaderConfig({ rules: [rule], partBytes: 1 }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        for (const place of [
          'rules[0].other',
          'rules[0].prefix',
          'rules[0].table: is required',
          'rules[0].columns.a',
          'rules[0].partitionBy[0].type',
          'rules[0].partitionBy[1].name',
          'rules[0].partitionBy[1].expression',
          'rules[0].maxRejectedPercent: is given',
          'rules[0].maxRejectedPercent: expected a whole number from 0 to 100',
          'rules[0].csv.columns: are required without a header',
          'rules[0].csv.delimiter',
          'rules[0].csv.quote',
          'rules[0].csv.encoding',
          'partBytes',
        ]) {
          assert.ok(
            error.problems.some((problem) => problem.startsWith(place)),
            `${place} in ${error.problems.join('\n')}`,
          );
        }
        return true;
      },
    );
  });

  it('comes from the environment, with the queue', () => {
    const RESACA_CONFIG = JSON.stringify({ rules: [{ prefix: 'in', table: 't' }] });
    const { queueUrl, config } = loadEnvironment({ RESACA_CONFIG, RESACA_LOAD_QUEUE_URL: 'https://queue' });
    assert.deepEqual([queueUrl, config.rules.length], ['https://queue', 1]);
    assert.throws(() => loadEnvironment({ RESACA_CONFIG }), /RESACA_LOAD_QUEUE_URL: is missing/);
    assert.throws(() => loadEnvironment({ RESACA_CONFIG: '{}', RESACA_LOAD_QUEUE_URL: 'x' }), /rules: expected one/);
  });
});
