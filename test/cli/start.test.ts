import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parquet, rowsOf } from '../support/landing.ts';
import { deleteFile, landFile, readLanded } from '../support/local-landing.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

describe('resaca start', () => {
  it('shows itself: files land, become tables, and are checked; and it can do so again', async () => {
    const cwd = makeTempFolder();
    const first = await runCli(['start'], { cwd });
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /All 28 files arrived as expected/);
    assert.match(first.stdout, /TRUNCATED: 1 file/);
    assert.match(first.stdout, /^web_requests\n {2}version \d+: 20 files, [\d,]+ rows, .* partitions$/m);
    assert.match(first.stdout, /^orders\n {2}version \d+: 7 files, [\d,]+ rows, .* not partitioned$/m);
    assert.match(first.stdout, new RegExp(`delta_scan\\('${join(cwd, 'landing/web_requests')}'\\)`));
    const tooLong = first.stdout.split('\n').filter((line) => line.length > 80 && !line.includes(cwd));
    assert.deepEqual(tooLong, []);
    const control = String.fromCharCode(0x1b);
    assert.ok(!first.stdout.includes(control) && !first.stderr.includes(control));

    const second = await runCli(['start'], { cwd });
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /^web_requests\n {2}version \d+: 40 files/m);
  });

  it('shows silver and gold of files and Kafka records, each once, and again on top of what is there', async () => {
    const cwd = makeTempFolder();
    for (const run of ['first', 'second']) {
      const { code, stdout, stderr } = await runCli(['start', '--medallion'], { cwd });
      assert.equal(code, 0, `${run}: ${stderr}`);
      assert.match(stdout, /^gold\/customers .*\n {2}customer +orders +revenue\n {2}\S+ +\d+ +[\d.]+$/m);
      assert.match(stdout, /^gold\/pages .*\n {2}page +requests +bytes +slowest +errors\n/m);
      assert.match(stdout, /6 files and 1,800 records are in silver and gold in .* s,\neach once: 1,200 orders/);
    }
  });

  it('serves a folder until it is told to end, and goes on after it was killed', async () => {
    const folder = makeTempFolder();
    landFile(folder, 't/p=1/a.parquet');
    const killed = startCli(['start', '--landing', folder]);
    await waitFor(() => isInTable(folder, 'p=1/a.parquet'), 'the first file is in the table');
    landFile(folder, 't/p=1/b.parquet');
    killed.child.kill('SIGKILL');
    await killed.result;
    deleteFile(folder, 't/p=1/a.parquet');
    landFile(folder, 't/p=2/c.parquet');

    const log = join(makeTempFolder(), 'append.log');
    const stopped = startCli(['start', '--landing', folder, '--log', log]);
    await waitFor(async () => {
      const { active } = await readLanded(folder, 't');
      return [...active.keys()].sort().join() === 'p=1/b.parquet,p=2/c.parquet';
    }, 'the table is as the folder is');
    stopped.child.kill('SIGTERM');
    const { code, stdout, stderr } = await stopped.result;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^t\n {2}version \d+: 2 files/m);
    assert.match(stdout, /Stopped: \d+ changes announced/);
    assert.match(readFileSync(log, 'utf8'), /"message":"committed"/);
    assert.deepEqual([...(await readLanded(folder, 't')).adds.values()], [1, 1, 1]);
  });

  it('handles what is there and ends', async () => {
    const folder = makeTempFolder();
    const config = join(folder, 'tables.json');
    writeFileSync(config, JSON.stringify({ convention: 'none', tables: [{ prefix: 'in/orders' }] }));
    landFile(folder, 'landing/in/orders/2026/a.parquet');
    landFile(folder, 'landing/other/b.parquet');
    const args = ['start', '--landing', join(folder, 'landing'), '--config', config, '--once'];
    const { code, stdout, stderr } = await runCli(args);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Done: 1 change announced/);
    const { active } = await readLanded(join(folder, 'landing'), 'in/orders');
    assert.deepEqual([...active.keys()], ['2026/a.parquet']);
    assert.equal(existsSync(join(folder, 'landing/other/_delta_log')), false);
  });

  it('says by its exit code that files were left out', async () => {
    const folder = makeTempFolder();
    landFile(folder, 't/cut.parquet', parquet(rowsOf(1, 10)).subarray(0, 50));
    const { code, stdout } = await runCli(['start', '--landing', folder, '--once']);
    assert.equal(code, 3);
    assert.match(stdout, /t\/cut\.parquet\n +TRUNCATED/);
  });
});

async function isInTable(folder: string, path: string): Promise<boolean> {
  if (!existsSync(join(folder, 't/_delta_log/00000000000000000000.json'))) return false;
  return (await readLanded(folder, 't')).active.has(path);
}
