import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import project from '../../package.json' with { type: 'json' };
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('the command resaca', () => {
  it('shows its help and version', async () => {
    const help = await runCli(['--help']);
    assert.equal(help.code, 0);
    for (const name of ['start', 'inspect', 'convert']) assert.match(help.stdout, new RegExp(`^ {2}${name} `, 'm'));
    const version = await runCli(['--version']);
    assert.deepEqual(version, { code: 0, stdout: `${project.version}\n`, stderr: '' });
  });

  for (const name of ['start', 'inspect', 'convert']) {
    it(`shows the help of ${name}, which fits into 80 columns`, async () => {
      const { code, stdout } = await runCli([name, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: resaca ${name}`));
      assert.match(stdout, /--debug/);
      const long = stdout.split('\n').filter((line) => line.length > 80);
      assert.deepEqual(long, []);
    });
  }

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /a command is missing\nSee: resaca --help/],
    [['explode'], /unknown command "explode"\nSee: resaca --help/],
    [['inspect'], /TABLE is missing\nSee: resaca inspect --help/],
    [['inspect', '.', '--jsn'], /unknown option --jsn/],
    [['inspect', '.', '--version', 'last'], /--version expects a whole number/],
    [['inspect', '.', '--version', '1', '--timestamp', '2026-11-24'], /cannot be used together/],
    [['inspect', '/no/such/folder'], /there is no folder "\/no\/such\/folder"/],
    [['inspect', 'gs://bucket/table'], /expected a local path or s3:\/\/bucket\/prefix/],
    [['convert', '.', '--partition', 'ds'], /--partition expects NAME:TYPE/],
    [['convert', '.', '--partition', 'ds:dat'], /--partition ds:dat: expected a Delta type/],
    [['start', '--once'], /--once needs --landing/],
    [['start', '--landing', 'x', '--config', '/no/such/file'], /\/no\/such\/file: .*ENOENT/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses: ${args.join(' ') || '(nothing)'}`, async () => {
      const { code, stdout, stderr } = await runCli(args, { cwd: makeTempFolder() });
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^resaca: /);
      assert.match(stderr, message);
    });
  }

  it('names every mistake in a configuration', async () => {
    const folder = makeTempFolder();
    const config = join(folder, 'tables.json');
    writeFileSync(config, JSON.stringify({ convention: 'magic', tabels: [] }));
    const { code, stderr } = await runCli(['start', '--landing', join(folder, 'landing'), '--config', config]);
    assert.equal(code, 2);
    assert.match(stderr, /convention: expected hive or none, got "magic"/);
    assert.match(stderr, /tabels: is not a setting/);
  });

  it('says what failed and what can be done, without a stack unless asked for', async () => {
    const folder = makeTempFolder();
    const plain = await runCli(['inspect', folder]);
    assert.equal(plain.code, 1);
    assert.match(
      plain.stderr,
      /^resaca: There is no Delta log under .*\n {2}To make a table .* resaca convert FOLDER\n$/,
    );
    const debug = await runCli(['inspect', folder, '--debug']);
    assert.match(debug.stderr, /\n {4}at /);
  });

  it('says which line of a log is broken', async () => {
    const folder = makeTempFolder();
    mkdirSync(join(folder, '_delta_log'));
    writeFileSync(join(folder, '_delta_log/00000000000000000000.json'), 'nonsense\n');
    const { code, stderr } = await runCli(['inspect', folder]);
    assert.equal(code, 1);
    assert.match(stderr, /00000000000000000000\.json|version 0/i);
    assert.match(stderr, /line 1/i);
  });
});
