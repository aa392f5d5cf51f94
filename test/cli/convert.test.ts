import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { landFile, readLanded } from '../support/local-landing.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

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
    assert.deepEqual([...active.keys()].sort(), [
      'ds=2026-11-24/region=eu%2Dwest/a b.parquet',
      'ds=2026-11-25/region=us/c.parquet',
    ]);
    const report = JSON.parse((await runCli(['inspect', join(folder, 't'), '--json'])).stdout);
    assert.deepEqual(
      report.schema.fields.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`),
      ['id long', 'name string', 'ds date', 'region string'],
    );
    assert.deepEqual(report.partitions.top.map(({ values }: { values: object }) => JSON.stringify(values)).sort(), [
      '{"ds":"2026-11-24","region":"eu-west"}',
      '{"ds":"2026-11-25","region":"us"}',
    ]);
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

  it('leaves a table alone that something else made', async () => {
    const root = makeTempFolder();
    const store = createFolderStore(root);
    const table = { store, root: 't', url: join(root, 't') };
    const schema = { type: 'struct', fields: [{ name: 'id', type: 'long', nullable: true, metadata: {} }] } as const;
    const creation = { schema, partitionColumns: [], configuration: {}, id: crypto.randomUUID(), createdTime: 0 };
    await store.put(commitKey(table, 0), serializeCommit(newTableActions(creation)));
    await store.put('t/a.parquet', parquet(rowsOf(0, 3)));
    const result = await runCli(['convert', join(root, 't'), '--yes']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /is a Delta table already \(version 0\)/);
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

  it('leaves out what a compaction wrote, and says so', async () => {
    const folder = makeTempFolder();
    landFile(folder, 't/a.parquet', parquet(rowsOf(1, 10)));
    landFile(folder, 't/resaca-compacted-7aa0c7f7-28d5-4f2e-96a6-2b1c4f2f9a11.zstd.parquet', parquet(rowsOf(1, 10)));
    const { code, stdout, stderr } = await runCli(['convert', join(folder, 't'), '--yes']);
    assert.equal(code, 3);
    assert.match(stdout, /added +1 file, 10 rows/);
    assert.match(stderr, /1 file resaca-compacted-\* or resaca-merged-\* left out/);
  });

  it('ends with 0 when every file is in the table', async () => {
    const folder = makeTempFolder();
    landFile(folder, 't/a.parquet');
    assert.equal((await runCli(['convert', join(folder, 't'), '--yes'])).code, 0);
  });
});

const server = await resource(startS3Server);

describe('resaca on S3', { skip: server.skip ?? false }, () => {
  it('converts a prefix and inspects the table', async () => {
    const { env, client, createBucket } = available(server);
    const bucket = await createBucket();
    const store = createS3Store({ client: client(), bucket });
    for (const [key, body] of Object.entries(FILES)) await store.put(`lake/t/${key}`, body);
    const url = `s3://${bucket}/lake/t`;
    const converted = await runCli(['convert', `${url}/`, '--yes', '--json'], { env });
    assert.equal(converted.code, 3, converted.stderr);
    const result = JSON.parse(converted.stdout);
    assert.deepEqual([result.table, result.created, result.added, result.quarantined], [url, true, 2, 1]);
    const inspected = await runCli(['inspect', url, '--json'], { env });
    assert.equal(inspected.code, 0, inspected.stderr);
    const report = JSON.parse(inspected.stdout);
    assert.deepEqual([report.table, report.files, report.rows], [url, 2, 30]);
  });

  it('says what is wrong with a bucket that is not there', async () => {
    const { env } = available(server);
    const { code, stderr } = await runCli(['inspect', 's3://no-such-bucket/t'], { env });
    assert.equal(code, 1);
    assert.match(stderr, /^resaca: .*no-such-bucket/);
  });
});
