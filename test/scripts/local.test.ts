import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { miniStackPython } from '../../scripts/local-aws/ministack.ts';
import { endProcessGroup, runsWith } from '../../scripts/local-aws/processes.ts';
import { pythonEnv } from '../../scripts/local-aws/python-env.ts';
import { findLocalAws, saveLocalAws, stopLocalAws } from '../../scripts/local-aws/state.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { resource } from '../support/unavailable.ts';
import { waitFor } from '../support/wait-for.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/local.ts');

/** Runs the command where these are the only programs; they are scripts of the shell. */
function runWith(programs: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const folder = makeTempFolder();
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const state = join(folder, 'state');
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, '--folder', state, ...args], {
    encoding: 'utf8',
    env: { PATH: bin },
  });
  return { status, stdout, stderr, hasState: existsSync(state) };
}

describe('npm run local, where Python', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ['is not installed', {}, 'Python is not installed'],
    ['is only a shim that finds none', { python3: 'exit 127' }, 'Python is not installed'],
    ['is too old', { python3: 'echo 3 9' }, 'Python is too old: 3.9'],
    [
      'has no venv',
      { python3: 'exit 1' },
      'Python cannot make virtual environments: its venv or ensurepip module is missing',
    ],
  ];
  for (const [name, programs, reason] of cases) {
    it(`${name}, says so in one line and starts nothing`, () => {
      const { status, stderr, hasState } = runWith(programs);
      assert.equal(
        stderr,
        `The local AWS needs Python with pip and venv. ${reason} (3.11 or later is needed). Without it: npm start\n`,
      );
      assert.equal(status, 1);
      assert.equal(hasState, false);
    });
  }
});

describe('npm run local', () => {
  it('refuses what it does not know, before it starts anything', () => {
    const option = runWith({}, '--stages', 'a');
    assert.deepEqual([option.status, option.stderr], [2, 'unknown option --stages\n']);
    const stage = runWith({}, '--stage', 'A stage');
    assert.equal(stage.status, 2);
    assert.match(stage.stderr, /stage: expected .*got "A stage"/);
    const config = runWith({}, '--config', 'no-such-file.json');
    assert.equal(config.status, 2);
    assert.match(config.stderr, /no-such-file\.json: there is no such file/);
  });

  it('explains its options', () => {
    const { status, stdout } = runWith({}, '--help');
    assert.equal(status, 0);
    assert.match(stdout, /--config FILE/);
  });
});

describe('the packages of a Python environment', async () => {
  const { skip = false } = await resource(miniStackPython);

  it('are missed by name where there is no index', { skip }, async () => {
    process.env.PIP_NO_INDEX = '1';
    after(() => delete process.env.PIP_NO_INDEX);
    await assert.rejects(pythonEnv('local', ['no-such-package==1'], makeTempFolder()), {
      name: 'UnavailableError',
      message:
        /^pip could not install the Python packages of local, for which it needs a package index: .*no-such-package==1/,
    });
  });
});

describe('the state of the local AWS', () => {
  const endpoint = 'http://127.0.0.1:9';

  it('leaves another process alone that has the number of one that ended', async () => {
    const folder = makeTempFolder();
    const other = spawn('sleep', ['60'], { detached: true });
    try {
      saveLocalAws(folder, { endpoint, pid: other.pid ?? 0, isBootstrapped: true, stacks: {} });
      assert.equal(await findLocalAws(folder), undefined);
      assert.equal(await stopLocalAws(folder), false);
      assert.equal(runsWith(other.pid ?? 0, '60'), true);
      assert.equal(existsSync(join(folder, 'state.json')), false);
    } finally {
      other.kill();
    }
  });

  it('ends one that runs and does not answer', async () => {
    const folder = makeTempFolder();
    const silent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', `resaca-local-aws=${folder}`], {
      detached: true,
    });
    saveLocalAws(folder, { endpoint, pid: silent.pid ?? 0, isBootstrapped: true, stacks: {} });
    assert.equal(await findLocalAws(folder), undefined);
    assert.equal(existsSync(join(folder, 'state.json')), false);
    await waitFor(() => silent.signalCode !== null, 'the process has ended');
  });

  it('takes a file that was cut off, or tells no process, for none', async () => {
    const folder = makeTempFolder();
    for (const text of ['{"endpoint":"http', '{}', '{"endpoint":"http://127.0.0.1:9","pid":0}']) {
      writeFileSync(join(folder, 'state.json'), text);
      assert.equal(await findLocalAws(folder), undefined);
    }
    assert.equal(await stopLocalAws(folder), false);
  });
});

describe('the processes of the local AWS', () => {
  const IGNORING = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);";

  it('are told by their last argument', async () => {
    const child = spawn(process.execPath, ['-e', IGNORING, 'mark=/a/b']);
    try {
      assert.equal(runsWith(child.pid ?? 0, 'mark=/a/b'), true);
      assert.equal(runsWith(child.pid ?? 0, 'mark=/a'), false);
      assert.equal(runsWith(child.pid ?? 0, '/b'), false);
    } finally {
      child.kill('SIGKILL');
    }
    await waitFor(() => child.signalCode !== null, 'the process has ended');
    assert.equal(runsWith(child.pid ?? 0, 'mark=/a/b'), false);
  });

  it('are ended together, also those that take no notice of a request', async () => {
    const file = join(makeTempFolder(), 'pid');
    // Written last: from then on both take no notice.
    const follower = `${IGNORING} require('node:fs').writeFileSync(${JSON.stringify(file)}, String(process.pid));`;
    const leader = `${IGNORING}
      require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(follower)}, 'mark=child']);`;
    const group = spawn(process.execPath, ['-e', leader], { detached: true });
    try {
      await waitFor(() => existsSync(file) && readFileSync(file, 'utf8') !== '', 'the leader has a child');
      const child = Number(readFileSync(file, 'utf8'));
      assert.equal(runsWith(child, 'mark=child'), true);
      await endProcessGroup(group.pid ?? 0);
      assert.equal(runsWith(child, 'mark=child'), false);
      await waitFor(() => group.signalCode === 'SIGKILL', 'the leader has ended');
    } finally {
      if (group.pid !== undefined && group.signalCode === null) process.kill(-group.pid, 'SIGKILL');
    }
  });

  const skip = existsSync('/proc/self') ? false : 'optional: only Linux tells in which state a process is';
  it('count as ended when nobody has waited for them', { skip }, async () => {
    const file = join(makeTempFolder(), 'pid');
    const parent = `
      const options = { detached: true, stdio: 'ignore' };
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], options);
      require('node:fs').writeFileSync(${JSON.stringify(file)}, String(child.pid));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`;
    const waitless = spawn(process.execPath, ['-e', parent]);
    try {
      await waitFor(() => existsSync(file) && readFileSync(file, 'utf8') !== '', 'the parent has a child');
      const child = Number(readFileSync(file, 'utf8'));
      await endProcessGroup(child);
      assert.doesNotThrow(() => process.kill(child, 0));
    } finally {
      waitless.kill('SIGKILL');
    }
  });
});
