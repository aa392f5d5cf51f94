import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lockFolder } from '../../src/local/folder-lock.ts';
import { startCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the lock of a folder', () => {
  it('is had once at a time', async () => {
    const folder = makeTempFolder();
    const lock = await lockFolder(folder);
    await assert.rejects(lockFolder(folder), /is served by another process already/);
    await (await lockFolder(`${folder}/other`)).release();
    await lock.release();
    await (await lockFolder(folder)).release();
  });

  it('ends with the process that has it', async () => {
    const folder = makeTempFolder();
    const { child, stderr, result } = startCli(['start', '--landing', folder]);
    await waitFor(() => stderr().includes('Ctrl-C to stop'), 'the folder is served');
    await assert.rejects(lockFolder(folder), /is served by another process already/);
    child.kill('SIGKILL');
    await result;
    await (await lockFolder(folder)).release();
  });
});
