import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { findLocalAws } from '../../scripts/local-aws/state.ts';
import { PYTHON_PACKAGES, type Rows, startDuckDb } from '../support/interop/engines.ts';
import { pythonEnv } from '../support/python-env.ts';
import { REPOSITORY } from '../support/source-files.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';
import { waitFor } from '../support/wait-for.ts';

/** Time in ms for a file to become a table; it takes seconds. */
const PATIENCE = 120_000;
const run = promisify(execFile);
const found = await resource(async () => ({
  python: await pythonEnv('interop', PYTHON_PACKAGES),
  duckDb: await startDuckDb(),
}));

/** As a user runs it, beside whatever local AWS that user has. */
describe('npm run local', { skip: found.skip ?? false }, () => {
  const folder = makeTempFolder();
  const npm = (...args: readonly string[]) => run('npm', ['run', '--silent', ...args], { cwd: REPOSITORY });
  const local = (script: string) => npm(script, '--', '--folder', folder);
  const processes = () =>
    execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(folder));
  /** What the first run said. */
  let said = '';

  after(() => local('local:down'));

  it('deploys, lets files land, shows the tables, and leaves the local AWS running', async () => {
    const { stdout, stderr } = await local('local');
    said = stdout;
    assert.match(stdout, /✔ local AWS +.* s\n✔ cdk bootstrap +.* s\n✔ cdk deploy +.* s/);
    assert.match(stderr, /dropped 28 of 28; in tables 27; in quarantine 1; in queue \d+; dead letters 0/);
    assert.match(stdout, /^Files +20 files/m);
    assert.match(stdout, /^Some rows\nrequest_id +requested_at/m);
    assert.match(stdout, /^In quarantine: web_requests\/\S+\n {2}TRUNCATED: /m);
    const { stacks } = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8'));
    assert.ok(stdout.includes(`s3://${stacks['resaca-dev'].LandingBucketName}/web_requests`));
  });

  it('shows how to read the tables, in lines that run as they are', async () => {
    const { python, duckDb } = available(found);
    const inspected = await shell(line(said, /^npm run resaca.*$/m).replace('npm run', 'npm run --silent'), '--json');
    const { files, rows } = JSON.parse(inspected);
    assert.equal(files, 20);

    const deltaRs = line(said, /^python3 -c "[^"]+"$/m).replace('.slice(0, 5)', '.num_rows');
    const reading = () => shell(`${join(python, 'bin')}/${deltaRs}`);
    // Now and then pyarrow aborts while Python ends, when all is done (apache/arrow#34314).
    const read = await reading().catch((error) => (isAbortAtExit(error) ? reading() : Promise.reject(error)));
    assert.equal(read, `${rows}\n`);

    // Installed from Python packages, the extensions are loaded already.
    const statements = line(said, /^duckdb -c "([^"]+)"$/m).split(/;\s*/);
    const own = statements.filter((statement) => statement !== '' && !/^(INSTALL|LOAD) /.test(statement));
    const query = own.pop() ?? '';
    for (const statement of own) await duckDb.call('execute', { statement });
    const counted = await duckDb.call('sql', { statement: `SELECT count(*) FROM (${query.replace(/LIMIT 5$/, '')})` });
    assert.deepEqual((counted as Rows).rows, [[String(rows)]]);
  });

  it('shows how to let another file land', async () => {
    const [, file = '', url = ''] = /^curl -T (\S+) (\S+)$/m.exec(said) ?? [];
    const { ok } = await fetch(url, { method: 'PUT', body: readFileSync(join(REPOSITORY, file)) });
    assert.ok(ok);
    const inspect = line(said, /^npm run resaca.*$/m).replace(/\/web_requests$/, '/more');
    const isThere = () =>
      shell(inspect).then(
        (text) => text.includes('1 file,'),
        () => false,
      );
    await waitFor(isThere, 'the file is a table', PATIENCE);
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

  /** Runs a line in a shell with the variables that are shown; returns its output. */
  async function shell(command: string, ...args: readonly string[]): Promise<string> {
    const variables = [...said.matchAll(/^export \S+$/gm)].map(([text]) => text);
    const { stdout } = await run('sh', ['-c', [...variables, [command, ...args].join(' ')].join('\n')], {
      cwd: REPOSITORY,
    });
    return stdout;
  }
});

/** What matches the pattern, or its group. */
function line(text: string, pattern: RegExp): string {
  const match = pattern.exec(text) ?? assert.fail(`${pattern} is not in:\n${text}`);
  return match[1] ?? match[0];
}

function isAbortAtExit(error: unknown): boolean {
  return error instanceof Error && error.message.includes('terminate called without an active exception');
}
