import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = makeTempFolder();
  for (const [name, body] of Object.entries(files)) writeFileSync(join(folder, name), body);
  return folder;
}

async function inspect(folder: string) {
  const report = JSON.parse((await runCli(['inspect', join(folder, 't'), '--json'])).stdout);
  return {
    columns: report.schema.fields.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`),
    rows: report.files.rows ?? report.files,
    version: report.version,
  };
}

describe('resaca load', () => {
  it('makes a table of files, and adds others to it', async () => {
    const folder = folderWith({
      'a.csv.gz': gzipSync('id,name,ds\n1,x,2026-11-24\n2,y,2026-11-25\n'),
      'b.jsonl': '{"id":"3","ds":"2026-11-25","extra":1.5}\n',
    });
    const args = ['--table', join(folder, 't'), '--partition', 'ds:date', '--column', 'id:long'];
    const first = await runCli(['load', join(folder, 'a.csv.gz'), ...args]);
    assert.equal(first.stderr, '');
    assert.equal(first.code, 0);
    assert.match(first.stdout, /^2 rows loaded into .*t, now at version 0\n {2}.*a\.csv\.gz: 2 rows, 2 files\n/);
    const second = await runCli(['load', join(folder, 'a.csv.gz'), join(folder, 'b.jsonl'), ...args, '--json']);
    assert.equal(second.code, 0);
    const report = JSON.parse(second.stdout);
    assert.deepEqual(
      report.files.map(({ rows, isNew }: { rows: number; isNew: boolean }) => [rows, isNew]),
      [
        [2, false],
        [1, true],
      ],
    );
    assert.equal(report.version, 1);
    const { columns, version } = await inspect(folder);
    assert.deepEqual(columns, ['id long', 'name string', 'ds date', 'extra double']);
    assert.equal(version, 1);
  });

  it('shows what it would do', async () => {
    const folder = folderWith({ 'a.csv': 'id,name,at\n1,x,2026-11-24T00:00:00Z\n2\n' });
    const { code, stdout } = await runCli(
      ['load', 'a.csv', '--table', 't', '--infer-types', '--max-rejected', '50%', '--dry-run'],
      { cwd: folder },
    );
    assert.equal(code, 3);
    assert.match(stdout, /dry run, nothing was written; 1 row\n/);
    assert.match(stdout, /1 row, 1 rejected\n {4}line 3: INVALID_CSV: The record has 1 fields, expected 3/);
    assert.match(stdout, /Columns\n {2}id +long\n {2}name +string\n {2}at +timestamp/);
    assert.equal(existsSync(join(folder, 't')), false);
  });

  it('leaves a bad file out, and says why', async () => {
    const folder = folderWith({ 'a.jsonl': '{"id":1}\n', 'b.jsonl': '{"id":2}\n{"id":"x"}\n' });
    const args = ['--table', 't', '--column', 'id:long'];
    const { code, stdout } = await runCli(['load', 'a.jsonl', 'b.jsonl', ...args], { cwd: folder });
    assert.equal(code, 3);
    assert.match(stdout, /^1 row loaded/);
    assert.match(stdout, /b\.jsonl: left out\n {4}TOO_MANY_REJECTED: [\s\S]*line 2/);
    assert.equal(readdirSync(join(folder, 't/_resaca/quarantine')).length, 1);
    const again = await runCli(['load', 'b.jsonl', ...args, '--max-rejected', '1'], { cwd: folder });
    assert.equal(again.code, 3);
    assert.match(again.stdout, /^1 row loaded/);
  });

  it('refuses what it does not understand', async () => {
    const folder = folderWith({ 'a.txt': 'x', 'a.csv': 'x' });
    const cases = [
      [['a.csv'], /--table is required/],
      [['a.txt', '--table', 't'], /the ending of "a\.txt" says no format/],
      [['none.csv', '--table', 't'], /there is no file "none\.csv"/],
      [['a.csv', '--table', 't', '--format', 'xml'], /--format expects json-lines, csv, avro, parquet, got "xml"/],
      [['a.csv', '--table', 't', '--column', 'id'], /--column expects NAME:TYPE/],
      [['a.csv', '--table', 't', '--column', 'id:thing'], /columns\.id/],
      [['a.csv', '--table', 't', '--max-rejected', 'x'], /--max-rejected expects a number or a share/],
    ] as const;
    for (const [args, message] of cases) {
      const { code, stderr } = await runCli(['load', ...args], { cwd: folder });
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, message);
    }
    assert.equal(existsSync(join(folder, 't')), false);
  });
});
