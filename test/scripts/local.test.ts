import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findLocalAws, stopLocalAws } from '../../scripts/local-aws/state.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/local.ts');

describe('npm run local', () => {
  it('says what is missing where there is no Python', () => {
    const folder = makeTempFolder();
    const path = join(folder, 'bin');
    mkdirSync(path);
    symlinkSync(process.execPath, join(path, 'node'));
    const { status, stderr } = spawnSync(process.execPath, [SCRIPT, '--folder', join(folder, 'state')], {
      encoding: 'utf8',
      env: { PATH: path },
    });
    assert.equal(status, 1);
    assert.equal(
      stderr,
      'The local AWS needs Python with pip and venv. Python is not installed (3.11 or later is needed). Without it: npm start\n',
    );
    assert.equal(existsSync(join(folder, 'state')), false);
  });

  it('leaves another process alone that has the number of one that ended', async () => {
    const folder = makeTempFolder();
    const other = spawn('sleep', ['60']);
    try {
      writeFileSync(join(folder, 'state.json'), JSON.stringify({ endpoint: 'http://127.0.0.1:9', pid: other.pid }));
      assert.equal(await findLocalAws(folder), undefined);
      assert.equal(await stopLocalAws(folder), false);
      assert.equal(other.exitCode ?? other.signalCode, null);
      assert.equal(existsSync(join(folder, 'state.json')), false);
    } finally {
      other.kill();
    }
  });

  it('takes a state file that was cut off for none', async () => {
    const folder = makeTempFolder();
    writeFileSync(join(folder, 'state.json'), '{"endpoint":"http');
    assert.equal(await findLocalAws(folder), undefined);
    assert.equal(await stopLocalAws(folder), false);
  });
});
