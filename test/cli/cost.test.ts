import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('resaca cost', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/cost.md'), 'utf8');
  const examples = [...docs.matchAll(/```\n\$ resaca (cost [^\n]*)\n([\s\S]*?)```/g)];

  it('has examples in its page', () => assert.equal(examples.length, 2));

  for (const [, command = '', output] of examples) {
    it(`prints what docs/cost.md shows of it: ${command}`, async () => {
      const { code, stdout } = await runCli(command.split(' '));
      assert.deepEqual([code, stdout], [0, output]);
    });
  }

  it('prints JSON', async () => {
    const { stdout } = await runCli(['cost', '--json', '--tables', '3']);
    const { load, own, others } = JSON.parse(stdout);
    assert.deepEqual([load.tables, own.name, others[0].name], [3, 'resaca', 'oxbow']);
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
  ] as const) {
    it(`refuses ${what}`, async () => {
      const folder = makeTempFolder();
      const files = { PRICES: join(folder, 'prices.json'), NO_JSON: join(folder, 'no.json') };
      writeFileSync(files.PRICES, '{"s3.get":"1"}');
      writeFileSync(files.NO_JSON, '{');
      const { code, stderr } = await runCli(['cost', ...args.map((arg) => files[arg as keyof typeof files] ?? arg)]);
      assert.equal(code, 2);
      assert.match(stderr, problem);
    });
  }
});
