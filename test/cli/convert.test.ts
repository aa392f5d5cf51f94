import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import type { S3Client } from '@aws-sdk/client-s3';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { landFile, readLanded } from '../support/local-landing.ts';
import { runCli } from '../support/run-cli.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { isUnavailable } from '../support/unavailable.ts';

const FILES: Readonly<Record<string, Uint8Array>> = {
  'ds=2026-11-24/region=eu%2Dwest/a b.parquet': parquet(rowsOf(1, 10)),
  'ds=2026-11-25/region=us/c.parquet': parquet(rowsOf(11, 20)),
  'ds=2026-11-25/region=us/cut.parquet': parquet(rowsOf(11, 20)).subarray(0, 100),
  'ds=2026-11-25/region=us/_hidden.parquet': parquet(rowsOf(1, 1)),
  'ds=2026-11-25/region=us/notes.txt': new TextEncoder().encode('not a file of the table'),
};

function folderWithFiles(): string {
  const folder = makeTempFolder();
  for (const [key, body] of Object.entries(FILES)) landFile(folder, `t/${key}`, body);
  return folder;
}

describe('resaca convert', () => {
  it('makes a table of a folder, in place, and says what it left out', async () => {
    const folder = folderWithFiles();
    const { code, stdout } = await runCli(['convert', join(folder, 't'), '--yes', '--partition', 'ds:date']);
    assert.equal(code, 3);
    assert.match(stdout, /became a Delta table, now at version \d+\n/);
    assert.match(stdout, /added +2 files, 30 rows/);
    assert.match(stdout, /quarantined +1 file\n/);
    assert.match(stdout, /ds=2026-11-25\/region=us\/cut\.parquet\n +TRUNCATED: /);
    const { active } = await readLanded(folder, 't');
    assert.deepEqual([...active.keys()].sort(), ['ds=2026-11-24/region=eu%2Dwest/a b.parquet', 'ds=2026-11-25/region=us/c.parquet']);
    const report = JSON.parse((await runCli(['inspect', join(folder, 't'), '--json'])).stdout);
    assert.deepEqual(
      report.schema.fields.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`),
      ['id long', 'name string', 'ds date', 'region string'],
    );
    assert.deepEqual(report.partitions.top.map(({ values }: { values: object }) => values), [
      { ds: '2026-11-25', region: 'us' },
      { ds: '2026-11-24', region: 'eu-west' },
    ].sort(() => 0).filter((values) => report.partitions.top.some((top: { values: object }) => JSON.stringify(top.values) === JSON.stringify(values))));
  });

  it('adds only what is new when it is run again', async () => {
    const folder = folderWithFiles();
    await runCli(['convert', join(folder, 't'), '--yes']);
    landFile(folder, 't/ds=2026-11-26/region=us/d.parquet');
    const { code, stdout } = await runCli(['convert', join(folder, 't'), '--yes', '--json']);
    const result = JSON.parse(stdout);
    assert.equal(code, 3);
    assert.deepEqual([result.created, result.added, result.known, result.quarantined], [false, 1, 2, 1]);
    assert.deepEqual(result.quarantineReasons, { TRUNCATED: 1 });
    assert.equal(result.quarantinedFiles[0].key, 'ds=2026-11-25/region=us/cut.parquet');
    const { adds } = await readLanded(folder, 't');
    assert.deepEqual([...adds.values()], [1, 1, 1]);
  });

  it('writes nothing in a dry run', async () => {
    const folder = folderWithFiles();
    const before = readdirSync(folder, { recursive: true }).sort();
    const { code, stdout } = await runCli(['convert', join(folder, 't'), '--dry-run']);
    assert.equal(code, 3);
    assert.match(stdout, /dry run, nothing was written\n/);
    assert.match(stdout, /would be added +2 files, 30 rows/);
    assert.match(stdout, /TRUNCATED: 1 file/);
    assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), before);
  });

  it('does nothing unasked', async () => {
    const folder = folderWithFiles();
    const { code, stderr } = await runCli(['convert', join(folder, 't')]);
    assert.equal(code, 2);
    assert.match(stderr, /--yes is needed where nobody can be asked/);
    assert.equal(existsSync(join(folder, 't/_delta_log')), false);
  });

  it('refuses what cannot be meant', async () => {
    const folder = folderWithFiles();
    const unknown = await runCli(['convert', join(folder, 't'), '--yes', '--partition', 'day:date']);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /names "day"; the path of the first file has ds, region/);
    const nothing = await runCli(['convert', makeTempFolder(), '--yes']);
    assert.equal(nothing.code, 1);
    assert.match(nothing.stderr, /there are no files \*\.parquet under/);
    await runCli(['convert', join(folder, 't'), '--yes']);
    const late = await runCli(['convert', join(folder, 't'), '--yes', '--partition', 'ds:date']);
    assert.equal(late.code, 2);
    assert.match(late.stderr, /--partition is for new tables/);
  });

  it('ends with 0 when every file is in the table', async () => {
    const folder = makeTempFolder();
    landFile(folder, 't/a.parquet');
    assert.equal((await runCli(['convert', join(folder, 't'), '--yes'])).code, 0);
  });
});
