import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const bash = (await runCli(['completion', 'bash'])).stdout;
const script = join(mkdtempSync(join(tmpdir(), 'resaca-completion-')), 'resaca.bash');
writeFileSync(script, bash);

/** What bash offers for the last of these words. */
function complete(...words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const code = `source '${script}'; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _resaca; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', code], { encoding: 'utf8' }).trim().split('\n').filter(Boolean).sort();
}

describe('resaca completion bash', () => {
  it('completes commands, also those of two words', () => {
    assert.deepEqual(complete('resaca', 'ba'), ['backfill']);
    assert.deepEqual(complete('resaca', 'kaf'), ['kafka']);
    assert.ok(complete('resaca', '').includes('quarantine'));
    assert.deepEqual(complete('resaca', 'kafka', 're'), ['replay']);
  });

  it('completes the options of the command', () => {
    assert.deepEqual(complete('resaca', 'reconcile', 's3://lake/t', '--de'), ['--debug', '--deletes']);
    assert.deepEqual(complete('resaca', 'kafka', 'orphans', '--old'), ['--older-than']);
    assert.deepEqual(complete('resaca', 'kafka', '--older'), []);
  });

  it('completes actions', () => {
    assert.deepEqual(complete('resaca', 'quarantine', ''), ['discard', 'list', 'retry', 'show']);
    assert.deepEqual(complete('resaca', 'dead-letters', 'r'), ['redrive']);
  });

  it('completes files for values and tables', () => {
    const prefix = script.slice(0, -3);
    assert.deepEqual(complete('resaca', 'reconcile', '--config', prefix), [script]);
    assert.deepEqual(complete('resaca', 'inspect', prefix), [script]);
  });
});

// These two run where the shells are installed; nobody has to install a shell to run the tests, in CI neither.
const fish = findShell('fish');

if (fish !== undefined)
  describe('resaca completion fish', () => {
    /** What fish offers for the end of a line, without the descriptions. */
    const offers = async (line: string): Promise<string[]> => {
      const home = makeTempFolder();
      const file = join(home, 'resaca.fish');
      writeFileSync(file, (await runCli(['completion', 'fish'])).stdout);
      const code = `source '${file}'; complete -C '${line}'`;
      const env = { ...process.env, HOME: home };
      const output = execFileSync(fish, ['--no-config', '-c', code], { encoding: 'utf8', env, cwd: home });
      return output
        .trim()
        .split('\n')
        .map((offer) => offer.split('\t')[0] ?? '')
        .filter((offer) => offer !== '' && offer !== 'resaca.fish')
        .sort();
    };

    it('completes commands, options, actions and second words', async () => {
      assert.deepEqual(await offers('resaca ba'), ['backfill']);
      assert.deepEqual(await offers('resaca kafka re'), ['replay']);
      assert.deepEqual(await offers('resaca quarantine '), ['discard', 'list', 'retry', 'show']);
      assert.deepEqual(await offers('resaca reconcile s3://lake/t --de'), ['--debug', '--deletes']);
      assert.deepEqual(await offers('resaca kafka orphans --old'), ['--older-than']);
      assert.deepEqual(await offers('resaca kafka --old'), []);
    });

    it('takes a table that is called like a command for a table', async () => {
      assert.deepEqual(await offers('resaca inspect vacuum --ret'), []);
      assert.deepEqual(await offers('resaca inspect list --hist'), ['--history']);
    });
  });

const zsh = findShell('zsh');

/** Types lines with a tab at their ends into an interactive zsh, and has what they have become printed (Ctrl-A, a command, Enter). */
const ZSH_DRIVER = String.raw`
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= RPS1=; cd $HOME; source $HOME/resaca.zsh; print READY-\$((1+1))"
zpty -r shell out '*READY-2*'
for line; do
  zpty -w -n shell "$line"$'\t\x01'"print -r -- RESULT-\$((1+1)): "$'\n'
  zpty -r shell out $'*\nRESULT-2:*\n'
  print -r -- "$out"
done
zpty -d shell
`;

if (zsh !== undefined)
  describe('resaca completion zsh', () => {
    it('completes commands, options, actions, second words and files', async () => {
      const home = makeTempFolder();
      writeFileSync(join(home, 'resaca.zsh'), (await runCli(['completion', 'zsh'])).stdout);
      writeFileSync(join(home, 'driver.zsh'), ZSH_DRIVER);
      const lines = {
        'resaca ba': 'resaca backfill',
        'resaca kafka rep': 'resaca kafka replay',
        'resaca quarantine disc': 'resaca quarantine discard',
        'resaca reconcile s3://lake/t --del': 'resaca reconcile s3://lake/t --deletes',
        'resaca kafka orphans --old': 'resaca kafka orphans --older-than',
        'resaca inspect driv': 'resaca inspect driver.zsh',
      };
      const args = ['-f', join(home, 'driver.zsh'), ...Object.keys(lines)];
      const env = { ...process.env, HOME: home, ZDOTDIR: home, TERM: 'dumb' };
      const output = execFileSync(zsh, args, { encoding: 'utf8', env, timeout: 60_000 });
      const results = [...output.matchAll(/^RESULT-2: (.*?)\s*$/gm)].map(([, result]) => result);
      assert.deepEqual(results, Object.values(lines));
    });
  });

describe('resaca completion', () => {
  it('is there for zsh and fish', async () => {
    const zsh = (await runCli(['completion', 'zsh'])).stdout;
    assert.ok(zsh.endsWith(bash) && zsh.includes('bashcompinit'));
    const fish = (await runCli(['completion', 'fish'])).stdout.trim().split('\n');
    assert.ok(fish.some((line) => line.includes("'__resaca_at 2 reconcile' -l min-age -r -d ")));
  });

  it('refuses other shells', async () => {
    const { code, stderr } = await runCli(['completion', 'powershell']);
    assert.equal(code, 2);
    assert.match(stderr, /expected a shell of bash, zsh, fish, got "powershell"/);
  });
});

/** The path of a shell; undefined where it is not installed. */
function findShell(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}
