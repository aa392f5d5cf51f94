import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { parquet, rowsOf } from '../support/landing.ts';
import { checkpointLanded, deleteFile, landFile, runOnce } from '../support/local-landing.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('resaca inspect', () => {
  const folder = makeTempFolder();
  const table = join(folder, 'web requests');

  before(async () => {
    landFile(folder, 'web requests/ds=2026-11-24/a.parquet', parquet(rowsOf(1, 10)));
    await runOnce(folder);
    landFile(folder, 'web requests/ds=2026-11-24/b.parquet', parquet(rowsOf(11, 20)));
    await runOnce(folder);
    landFile(folder, 'web requests/ds=2026-11-25/c.parquet', parquet(rowsOf(31, 30)));
    await runOnce(folder);
    await checkpointLanded(folder, 'web requests');
    deleteFile(folder, 'web requests/ds=2026-11-24/a.parquet');
    await runOnce(folder);
  });

  it('describes the table in text that fits into 80 columns', async () => {
    const { code, stdout, stderr } = await runCli(['inspect', table]);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^Version {5}3, committed 20\d\d-/m);
    assert.match(stdout, /^Rows {8}50$/m);
    assert.match(stdout, /^Partitions {2}2 by ds$/m);
    assert.match(stdout, /^Log {9}1 commit since the checkpoint of version 2$/m);
    assert.match(stdout, /^├─ id +long$/m);
    assert.match(stdout, /^└─ ds +string, partition column$/m);
    assert.match(stdout, /^3 +\S+ \S+ +DELETE +-1 file/m);
    assert.match(stdout, /^2 +\S+ \S+ +WRITE +\+1 file/m);
    const tooLong = stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith('Table'));
    assert.deepEqual(tooLong, []);
  });

  it('describes it as JSON', async () => {
    const { code, stdout } = await runCli(['inspect', table, '--json', '--history', '1']);
    const report = JSON.parse(stdout);
    assert.equal(code, 0);
    assert.equal(report.version, 3);
    assert.deepEqual([report.files, report.rows, report.smallFiles], [2, 50, 2]);
    assert.deepEqual(report.log, { checkpointVersion: 2, commitsSinceCheckpoint: 1 });
    assert.equal(report.partitions.count, 2);
    assert.deepEqual(
      report.schema.fields.map(({ name }: { name: string }) => name),
      ['id', 'name', 'ds'],
    );
    assert.deepEqual(
      report.history.map(({ version, operation, adds, removes }: Record<string, unknown>) => ({
        version,
        operation,
        adds,
        removes,
      })),
      [{ version: 3, operation: 'DELETE', adds: 0, removes: 1 }],
    );
  });

  it('goes back to a version and to a time', async () => {
    const first = JSON.parse((await runCli(['inspect', table, '--version', '0', '--json'])).stdout);
    assert.deepEqual([first.version, first.files, first.rows], [0, 1, 10]);
    const atTime = await runCli(['inspect', table, '--timestamp', first.timestamp, '--json']);
    assert.equal(JSON.parse(atTime.stdout).version, 0);
    const early = await runCli(['inspect', table, '--timestamp', '1999-12-31']);
    assert.equal(early.code, 1);
    assert.match(early.stderr, /the oldest one left is 0/);
    const late = await runCli(['inspect', table, '--version', '99']);
    assert.equal(late.code, 1);
    assert.match(late.stderr, /99/);
  });

  it('lists the files, as text and as JSON', async () => {
    const text = await runCli(['inspect', table, '--files']);
    assert.match(text.stdout, /^ *\d+(\.\d)? k?B +20 rows {2}ds=2026-11-24\/b\.parquet$/m);
    const report = JSON.parse((await runCli(['inspect', table, '--files', '--json'])).stdout);
    assert.equal(report.version, 3);
    assert.deepEqual(
      report.activeFiles
        .map(({ path, rows, partitionValues }: Record<string, unknown>) => ({ path, rows, partitionValues }))
        .sort((a: { rows: number }, b: { rows: number }) => a.rows - b.rows),
      [
        { path: 'ds=2026-11-24/b.parquet', rows: 20, partitionValues: { ds: '2026-11-24' } },
        { path: 'ds=2026-11-25/c.parquet', rows: 30, partitionValues: { ds: '2026-11-25' } },
      ],
    );
  });

  it('lists the files of an empty table as valid JSON', async () => {
    const empty = makeTempFolder();
    landFile(empty, 't/a.parquet');
    await runOnce(empty);
    deleteFile(empty, 't/a.parquet');
    await runOnce(empty);
    const report = JSON.parse((await runCli(['inspect', join(empty, 't'), '--files', '--json'])).stdout);
    assert.deepEqual(report.activeFiles, []);
    assert.equal(report.files, 0);
    assert.equal((await runCli(['inspect', join(empty, 't')])).code, 0);
  });
});
