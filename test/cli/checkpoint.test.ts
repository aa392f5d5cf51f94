import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { checkpointCommand } from '../../src/cli/checkpoint/command.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import type { Action } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { add, createLogBuilder, featureProtocol, metaData, protocol, remove } from '../support/delta-log-builder.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const folder = makeTempFolder();

describe('resaca checkpoint', () => {
  it('says what it would write, writes it, and leaves it at that', async () => {
    const { url } = await makeTable('classic', protocol());
    assert.equal((await run([url, '--dry-run'])).output, `${url}: would write a classic checkpoint of version 1\n`);
    assert.deepEqual(checkpoints(url), []);
    const written = await run([url]);
    assert.match(written.output, /wrote a classic checkpoint of version 1: 4 actions, 1 active file, [\d.]+ kB\n$/);
    assert.deepEqual(checkpoints(url), ['00000000000000000001.checkpoint.parquet']);
    assert.equal((await run([url])).output, `${url}: has a classic checkpoint of version 1\n`);
    assert.equal(written.code, 0);
  });

  it('tells of sidecars', async () => {
    const { url } = await makeTable('v2', featureProtocol(['v2Checkpoint']));
    const { output } = await run([url]);
    assert.match(
      output,
      /wrote a V2 checkpoint of version 1: .*\n {2}1 sidecar written, 0 named again; [\d.]+ kB written in all\n$/,
    );
  });

  it('prints JSON of several tables', async () => {
    const tables = [await makeTable('j1', protocol()), await makeTable('j2', featureProtocol(['v2Checkpoint']))];
    const { output } = await run([...tables.map(({ url }) => url), '--json']);
    const { checkpoints: results } = JSON.parse(output);
    assert.deepEqual(
      results.map(({ kind, outcome, version, announced }: Record<string, unknown>) => [
        kind,
        outcome,
        version,
        announced,
      ]),
      [
        ['classic', 'written', 1, true],
        ['v2', 'written', 1, true],
      ],
    );
    assert.equal(results[0].written.adds, 1);
  });

  it('takes a version and a kind', async () => {
    const { url } = await makeTable('older', featureProtocol(['v2Checkpoint']));
    await run([url, '--version', '0', '--classic']);
    assert.deepEqual(checkpoints(url), ['00000000000000000000.checkpoint.parquet']);
  });

  it('refuses what cannot be', async () => {
    const { url } = await makeTable('refused', protocol());
    await assert.rejects(run([url, '--v2']), (error) => isDeltaError(error, 'UNSUPPORTED_WRITER'));
    await assert.rejects(run([url, '--v2', '--classic']), UsageError);
    await assert.rejects(run([url, '--version', 'x']), UsageError);
    await assert.rejects(run([url, '--version', '7']), (error) => isDeltaError(error, 'VERSION_NOT_FOUND'));
    assert.throws(() => parseCommandLine([], checkpointCommand), UsageError);
  });
});

/** Runs the command in this process. */
async function run(args: readonly string[]) {
  let output = '';
  const write = (text: string): boolean => {
    output += text;
    return true;
  };
  const stream = { write } as unknown as NodeJS.WritableStream;
  const code = await checkpointCommand.run(parseCommandLine(args, checkpointCommand), {
    terminal: createTerminal(stream, stream),
    signal: new AbortController().signal,
    ask: undefined,
  });
  return { code, output };
}

async function makeTable(name: string, protocolAction: Action): Promise<{ readonly url: string }> {
  const url = join(folder, name);
  mkdirSync(url);
  const log = createLogBuilder({ store: createFolderStore(url), root: '', url });
  await log.commit(protocolAction, metaData(), add('a'), add('b'));
  await log.commit(remove('a', { deletionTimestamp: Date.now() }));
  return { url };
}

function checkpoints(url: string): string[] {
  return readdirSync(join(url, '_delta_log')).filter((name) => name.includes('.checkpoint.'));
}
