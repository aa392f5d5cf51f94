import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { COMMON_OPTIONS, commandHelp } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { bashScript } from '../../src/cli/completion/bash.ts';
import { fishScript } from '../../src/cli/completion/fish.ts';

const ROOT = join(import.meta.dirname, '../..');
const manual = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');
const commands = await Promise.all(
  Array.from(COMMANDS, async ([name, load]) => ({ listed: name, command: await load() })),
);
const completions = {
  bash: bashScript(commands.map(({ command }) => command)),
  fish: fishScript(commands.map(({ command }) => command)),
};

/** The commands that give no result at their end which could be JSON. */
const SERVES = ['completion', 'kafka', 'start'];

/** The source of a command: the files of its folder. */
function sourceOf(name: string): string {
  const folder = join(ROOT, 'src/cli', name.replace(' ', '-'));
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}

describe('the commands', () => {
  it('are those of the folders', () => {
    const folders = readdirSync(join(ROOT, 'src/cli'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && readdirSync(join(ROOT, 'src/cli', entry.name)).includes('command.ts'))
      .map(({ name }) => name);
    assert.deepEqual([...COMMANDS.keys()].map((name) => name.replace(' ', '-')).sort(), folders.sort());
  });

  it('serve only where there is no result', () => {
    const serving = commands.filter(({ command }) => command.effect === 'serves').map(({ listed }) => listed);
    assert.deepEqual(serving.sort(), SERVES);
  });
});

for (const { listed, command } of commands) {
  const { name, effect, options, positionals, examples, description, summary } = command;
  const names = Object.keys({ ...options, ...COMMON_OPTIONS });

  describe(`resaca ${listed}`, () => {
    it('is found by the name that it has', () => {
      assert.equal(name, listed);
    });

    it('has a help of 80 columns, with what it does, every option, and examples that it takes', () => {
      const help = commandHelp(command).split('\n');
      assert.deepEqual(
        help.filter((line) => line.length > 80 && !line.startsWith('  resaca ')),
        [],
      );
      assert.ok(help[0]?.startsWith(`Usage: resaca ${name}`));
      for (const option of names)
        assert.ok(
          help.some((line) => line.startsWith(`  --${option}`)),
          `--${option}`,
        );
      assert.ok(summary.length > 10 && description.length > 0 && examples.length > 0);
      for (const example of examples) assert.doesNotThrow(() => parseExample(example, command), UsageError, example);
    });

    it('is in the manual', () => {
      assert.match(manual, new RegExp(`\`resaca ${name}[ \`]`));
    });

    it('is completed, with all of its options', () => {
      const [first = '', second] = name.split(' ');
      const fish = completions.fish.split('\n').filter((line) => line.includes(`__resaca_at 2 ${first}`));
      for (const option of names) {
        assert.ok(
          fish.some((line) => line.includes(` -l ${option} `)),
          `fish: --${option}`,
        );
        assert.match(completions.bash, new RegExp(`"${name}"\\)\\n +options="[^"]*--${option}[ "]`));
      }
      if (second !== undefined) assert.ok(fish.some((line) => line.includes(`-a '${second}'`)));
    });

    if (effect === 'serves') return;

    it('gives its result as JSON, too', () => {
      assert.ok(options.json !== undefined && options.json.value === undefined, '--json is missing');
      assert.match(sourceOf(name), /JSON\.stringify|jsonObject/);
    });

    if (effect === 'reads') return;

    it('can only show what it would do', () => {
      assert.ok(options['dry-run'] !== undefined && options['dry-run'].value === undefined, '--dry-run is missing');
    });

    it('shows how far it is', () => {
      assert.match(sourceOf(name), /terminal\.show|\bshow\(/);
    });

    it('names what it works on, or reads it from a configuration', () => {
      assert.ok(positionals.length > 0 || options.config !== undefined);
    });
  });
}

/** Parses the command's own part of an example, up to a pipe or a redirection. */
function parseExample(example: string, command: (typeof commands)[number]['command']): void {
  const [, line = ''] = /resaca ([^|<>)]*)/.exec(example) ?? [];
  const words = line.trim().match(/'[^']*'|\S+/g) ?? [];
  const own = command.name.split(' ').every((word, index) => words[index] === word);
  assert.ok(own, `expected an example of resaca ${command.name}, got ${example}`);
  const rest = words.slice(command.name.split(' ').length).map((word) => word.replace(/^'(.*)'$/, '$1'));
  parseCommandLine(rest, { ...command, options: { ...command.options, ...COMMON_OPTIONS } });
}
