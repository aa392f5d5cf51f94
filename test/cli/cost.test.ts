import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('resaca cost', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/cost.md'), 'utf8');
  const examples = [...docs.matchAll(/```\n\$ resaca (cost [^\n]*)\n([\s\S]*?)```/g)];

  it('has examples in its page', () => assert.equal(examples.length, 3));

  for (const [, command = '', output] of examples) {
    it(`prints what docs/cost.md shows of it: ${command}`, async () => {
      const shop = join(makeTempFolder(), 'shop.json');
      writeFileSync(shop, /```json\n([\s\S]*?)```/.exec(docs)?.[1] ?? '');
      const { code, stdout } = await runCli(command.split(' ').map((arg) => (arg === 'shop.json' ? shop : arg)));
      assert.deepEqual([code, stdout], [0, output]);
    });
  }

  it('prints JSON', async () => {
    const { stdout } = await runCli(['cost', '--json', '--tables', '3']);
    const { load, parts, total, comparisons } = JSON.parse(stdout);
    assert.deepEqual([load.files.tables, parts[0].name, comparisons[0].others[0].name], [3, 'append', 'oxbow']);
    assert.equal(
      total,
      parts.reduce((sum: number, part: { total: number }) => sum + part.total, 0),
    );
  });

  it('has the parts that a configuration has on, with its settings', async () => {
    const config = configFile({
      append: { memorySize: 1_024, batchingWindow: 60 },
      kafka: { bootstrapServers: ['kafka:9094'], authentication: 'none', topics: ['web', 'shop'], batchingWindow: 120 },
      queues: [{ name: 'orders', table: 'bronze/orders' }],
      maintenance: { vacuum: { every: 12 } },
      dashboard: false,
    });
    const loads = ['--kafka-gb-per-day', '5', '--messages-per-day', '1000'];
    const { code, stdout } = await runCli(['cost', '--config', config, '--json', ...loads]);
    const { suite, load, parts } = JSON.parse(stdout);
    assert.equal(code, 0);
    assert.deepEqual(
      parts.map(({ name }: { name: string }) => name),
      ['append', 'bronze', 'queue orders', 'maintenance'],
    );
    assert.deepEqual([suite.append.window, suite.append.memory, suite.bronze.window], [60, 1_024, 120]);
    assert.deepEqual(suite.maintenance, { memory: 2_048, vacuumEvery: 12 });
    assert.deepEqual([load.files, load.stream.topics, load.messages.perDay], [undefined, 2, 1_000]);
  });

  it('takes other prices, and lists them', async () => {
    const file = join(makeTempFolder(), 'prices.json');
    writeFileSync(file, '{"s3.get":1}');
    const { stdout } = await runCli(['cost', '--prices', file, '--list-prices']);
    assert.match(stdout, /s3\.get +\$1 +a GET or HEAD +stated +.*prices\.json/);
  });

  for (const [what, args, problem] of [
    ['a price that is none', ['--prices', 'PRICES'], /s3\.get: expected USD for one GET or HEAD, from 0, got "1"/],
    ['a file that is no JSON', ['--prices', 'NO_JSON'], /is not JSON/],
    ['no files', ['--files-per-day', '0'], /--files-per-day expects a whole number from 1 on/],
    ['no records', ['--kafka-gb-per-day', '0'], /--kafka-gb-per-day expects a number above 0/],
    ['files with Kafka', ['--kafka-gb-per-day', '1', '--batch-size', '5'], /--batch-size is for files, not for Kafka/],
    ['a record size with files', ['--record-size', '5B'], /--record-size is for --kafka-gb-per-day/],
    ['messages without a configuration', ['--messages-per-day', '5'], /--messages-per-day is for a part of --config/],
    [
      'a load of a part that is off',
      ['--config', 'CONFIG', '--messages-per-day', '5'],
      /--messages-per-day is for the part queues, which the configuration does not have/,
    ],
    ['a setting beside a configuration', ['--config', 'CONFIG', '--memory', '512'], /--memory stands in the file/],
    ['a size without its load', ['--config', 'CONFIG', '--message-size', '5B'], /is for --messages-per-day/],
    ['a configuration that is wrong', ['--config', 'WRONG'], /wrong.json: stagee: is not a setting/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const folder = makeTempFolder();
      const files = {
        PRICES: join(folder, 'prices.json'),
        NO_JSON: join(folder, 'no.json'),
        CONFIG: configFile({}),
        WRONG: join(folder, 'wrong.json'),
      };
      writeFileSync(files.WRONG, '{"stagee":"dev"}');
      writeFileSync(files.PRICES, '{"s3.get":"1"}');
      writeFileSync(files.NO_JSON, '{');
      const { code, stderr } = await runCli(['cost', ...args.map((arg) => files[arg as keyof typeof files] ?? arg)]);
      assert.equal(code, 2);
      assert.match(stderr, problem);
    });
  }
});

function configFile(config: ResacaConfig): string {
  const file = join(makeTempFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(config));
  return file;
}
