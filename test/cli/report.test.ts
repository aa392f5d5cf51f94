import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { deleteFile, landFile, runOnce } from '../support/local-landing.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

describe('resaca report', () => {
  const folder = makeTempFolder();
  const table = join(folder, 'web requests');

  before(async () => {
    landFile(folder, 'web requests/ds=2026-11-24/a.parquet', parquet(rowsOf(1, 10)));
    await runOnce(folder);
    landFile(folder, 'web requests/ds=2026-11-25/b.parquet', parquet(rowsOf(11, 20)));
    landFile(folder, 'web requests/ds=2026-11-25/broken.parquet', Buffer.from('PAR1 not at all PAR1'));
    await runOnce(folder);
    deleteFile(folder, 'web requests/ds=2026-11-24/a.parquet');
    await runOnce(folder);
  });

  it('writes one file, and nothing beside it', async () => {
    const out = makeTempFolder();
    const { code, stdout, stderr } = await runCli(['report', table, '--out', 'report.html'], { cwd: out });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^report\.html: .*web requests, version 2, \d+\.\d kB\n$/);
    assert.deepEqual(readdirSync(out), ['report.html']);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    assert.match(page, /^<!doctype html>/);
    assert.match(page, /versions 0 to 2/);
    assert.match(page, /ds=2026-11-25\/broken\.parquet/);
  });

  it('replaces a report, and leaves what is there where it fails', async () => {
    const out = makeTempFolder();
    const file = join(out, 'report.html');
    writeFileSync(file, 'before');
    const failed = await runCli(['report', join(folder), '--out', file]);
    assert.equal(failed.code, 1);
    assert.equal(readFileSync(file, 'utf8'), 'before');
    assert.equal((await runCli(['report', table, '--out', file])).code, 0);
    assert.match(readFileSync(file, 'utf8'), /^<!doctype html>/);
    mkdirSync(join(out, 'folder'));
    for (const place of ['folder', 'missing/report.html']) {
      const { code, stderr } = await runCli(['report', table, '--out', join(out, place)]);
      assert.equal(code, 1);
      assert.match(stderr, /^resaca: /);
    }
    assert.deepEqual(readdirSync(out).sort(), ['folder', 'report.html']);
  });

  it('writes to the standard output', async () => {
    const { code, stdout } = await runCli(['report', table, '--out', '-']);
    assert.equal(code, 0);
    assert.match(stdout, /^<!doctype html>.*<\/html>\n$/s);
  });

  it('prints the facts', async () => {
    const { code, stdout } = await runCli(['report', table, '--json', '--commits', '2']);
    assert.equal(code, 0);
    const facts = JSON.parse(stdout);
    assert.equal(facts.version, 2);
    assert.deepEqual([facts.files.files, facts.files.rows, facts.partitions.count], [1, 20, 1]);
    assert.deepEqual([facts.history.commits, facts.history.end, facts.history.oldest.version], [2, 'limit', 1]);
    assert.match(facts.history.newestCommits[0].time, /^20\d\d-\d\d-\d\dT.*Z$/);
    assert.equal(facts.history.newestCommits[0].writer, 'resaca');
    assert.deepEqual(
      facts.quarantine.reasons.map(({ files }: { files: number }) => files),
      [1],
    );
  });

  it('shows a record of the quarantine that is none, and goes on', async () => {
    const broken = join(table, '_resaca/quarantine/broken.json');
    writeFileSync(broken, '<b>nothing</b>');
    const { code, stdout } = await runCli(['report', table, '--out', '-']);
    rmSync(broken);
    assert.equal(code, 0);
    assert.match(stdout, /1 record cannot be read, and is not counted here/);
    assert.match(stdout, /_resaca\/quarantine\/broken\.json/);
    assert.match(stdout, /expected a JSON object, got .*&lt;b&gt;nothing/);
  });

  it('leaves out older commits', async () => {
    const { stdout } = await runCli(['report', table, '--json', '--since', '2999-01-01']);
    const { history } = JSON.parse(stdout);
    assert.deepEqual([history.commits, history.end, history.since], [0, 'since', '2999-01-01T00:00:00.000Z']);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /--out FILE is missing \(or --json\)/],
    [['--out', 'x.html', '--json'], /cannot be used together/],
    [['--out', 's3://reports/x.html'], /--out expects a local file, got "s3:\/\/reports\/x\.html"; .*aws s3 cp/],
    [['--json', '--commits', '0'], /--commits expects a whole number from 1 on/],
    [['--json', '--since', 'yesterday'], /--since expects a time/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(' ') || 'no options'}`, async () => {
      const { code, stderr } = await runCli(['report', table, ...args]);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }
});

const aws = await resource(startS3Server);

describe('resaca report of a table on S3', { skip: aws.skip ?? false }, () => {
  it('is the same page, and reads without writing', async () => {
    const server = available(aws);
    const bucket = await server.createBucket();
    const store = createS3Store({ client: server.client(), bucket });
    for (const [index, ds] of ['2026-11-24', '2026-11-25'].entries()) {
      await store.put(`lake/orders/ds=${ds}/a.parquet`, parquet(rowsOf(10 * index, 10)));
    }
    await store.put('lake/orders/ds=2026-11-25/bad.parquet', Buffer.from('no Parquet at all, by no means'));
    const table = `s3://${bucket}/lake/orders`;
    const converted = await runCli(['convert', table, '--yes'], { env: server.env });
    assert.equal(converted.code, 3, converted.stderr);
    await store.put('lake/orders/_resaca/quarantine/broken.json', Buffer.from('nothing'));
    const before = await Array.fromAsync(store.list(''));

    const page = await runCli(['report', table, '--out', '-'], { env: server.env });
    assert.deepEqual([page.code, page.stderr], [0, '']);
    assert.match(page.stdout, /^<!doctype html>.*<\/html>\n$/s);
    assert.match(page.stdout, /ds=2026-11-25\/bad\.parquet/);
    assert.match(page.stdout, /lake\/orders\/_resaca\/quarantine\/broken\.json/);
    const facts = JSON.parse((await runCli(['report', table, '--json'], { env: server.env })).stdout);
    assert.deepEqual([facts.table, facts.files.files, facts.files.rows, facts.partitions.count], [table, 2, 20, 2]);
    assert.deepEqual([facts.quarantine.files, facts.quarantine.broken], [1, 1]);
    assert.deepEqual(await Array.fromAsync(store.list('')), before);
  });
});
