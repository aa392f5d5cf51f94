import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCli } from '../support/run-cli.ts';

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

describe('resaca completion', () => {
  it('is there for zsh and fish', async () => {
    const zsh = (await runCli(['completion', 'zsh'])).stdout;
    assert.ok(zsh.endsWith(bash) && zsh.includes('bashcompinit'));
    const fish = (await runCli(['completion', 'fish'])).stdout.trim().split('\n').slice(1);
    assert.ok(fish.every((line) => line.startsWith('complete -c resaca ')));
    assert.ok(fish.some((line) => line.includes("'__fish_seen_subcommand_from reconcile' -l min-age -r -d ")));
  });

  it('refuses other shells', async () => {
    const { code, stderr } = await runCli(['completion', 'powershell']);
    assert.equal(code, 2);
    assert.match(stderr, /expected a shell of bash, zsh, fish, got "powershell"/);
  });
});
