import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { findLocalAws } from '../../scripts/local-aws/state.ts';
import { startDeltaRs } from '../support/interop/engines.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { resource } from '../support/unavailable.ts';

const run = promisify(execFile);
const found = await resource(startDeltaRs);

/** As a user runs it, beside whatever local AWS that user has. */
describe('npm run local', { skip: found.skip ?? false }, () => {
  const folder = makeTempFolder();
  const local = (script: string) => run('npm', ['run', '--silent', script, '--', '--folder', folder]);
  const processes = () =>
    execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(folder));

  after(() => local('local:down'));

  it('deploys, lets files land, shows the tables, and leaves the local AWS running', async () => {
    const { stdout, stderr } = await local('local');
    assert.match(stdout, /✔ local AWS +\S+ s\n✔ cdk bootstrap +\S+ s\n✔ cdk deploy +\S+ s/);
    assert.match(stderr, /dropped 28 of 28; in tables 27; in quarantine 1; in queue \d+; dead letters 0/);
    assert.match(stdout, /^Files +20 files/m);
    assert.match(stdout, /^Some rows\nrequest_id +requested_at/m);
    assert.match(stdout, /^In quarantine: web_requests\/\S+: TRUNCATED$/m);

    const table = /inspect (s3:\S+)/.exec(stdout)?.[1] ?? assert.fail(stdout);
    const env = Object.fromEntries(
      [...stdout.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
    );
    const inspected = await run('npm', ['run', '--silent', 'resaca', '--', 'inspect', table, '--json'], {
      env: { ...process.env, ...env },
    });
    const { files, rows } = JSON.parse(inspected.stdout);
    assert.equal(files, 20);
    const counted = await found.value?.call('sql', {
      table,
      statement: 'SELECT count(*) FROM t',
      storage: { ...env, AWS_ALLOW_HTTP: 'true' },
    });
    assert.deepEqual((counted as { rows: unknown }).rows, [[String(rows)]]);
  });

  it('goes on with the one that runs, and with its tables', async () => {
    const { stdout } = await local('local');
    assert.doesNotMatch(stdout, /bootstrap/);
    assert.match(stdout, /^Files +40 files/m);
  });

  it('is ended with all of its processes', async () => {
    assert.ok(processes().length > 0);
    assert.match((await local('local:down')).stdout, /^The local AWS is ended/);
    assert.deepEqual(processes(), []);
    assert.equal(await findLocalAws(folder), undefined);
    assert.match((await local('local:down')).stdout, /^No local AWS runs/);
  });
});
