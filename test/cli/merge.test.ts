import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { landFile } from '../support/local-landing.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

const MERGE = { rules: [{ prefix: 'staging/{team}', table: 'lake/{team}' }] };
const TABLES = [{ prefix: 'lake/{team}', partitionColumns: [{ name: 'ds', type: 'date' }] }];
const FILES = 12;
/** The `index`th small file, of three rows. */
const keyOf = (index: number) => `staging/web/ds=2026-11-2${index % 3}/${index}.parquet`;
const bodyOf = (index: number) => parquet(rowsOf(3 * index, 3));

describe('resaca merge', () => {
  const folder = makeTempFolder();
  const deployment = join(folder, 'resaca.config.ts');

  before(() => {
    const config = {
      stage: 'prod',
      tables: TABLES,
      landing: { prefixes: ['lake'] },
      merge: { ...MERGE, memorySize: 512 },
    };
    writeFileSync(deployment, `export const config = ${JSON.stringify(config)};\n`);
  });

  it('merges what lies in a folder, by the configuration of a deployment', async () => {
    const landing = makeTempFolder();
    for (let index = 0; index < FILES; index++) landFile(landing, keyOf(index), bodyOf(index));
    landFile(landing, 'staging/web/ds=2026-11-20/bad.parquet', Buffer.from('no Parquet at all, by no means'));
    const merge = (...args: string[]) =>
      runCli(['merge', join(landing, 'staging'), '--landing', landing, '--config', deployment, ...args]);
    const young = JSON.parse((await merge('--yes', '--json')).stdout);
    assert.deepEqual([young.young, young.merged], [FILES + 1, 0]);

    const dry = await merge('--dry-run', '--min-age', '0s');
    assert.match(dry.stdout, /staging: dry run, nothing was written: 13 objects looked at; 1 table\n/);
    assert.match(dry.stdout, / {2}12 files {2}would become 3 by 1 commit\n {2}1 file {4}would go to quarantine\n/);
    assert.equal((await runCli(['inspect', join(landing, 'lake/web')])).code, 2);

    const { code, stdout, stderr } = await merge('--yes', '--min-age', '0s');
    assert.equal(code, 3, stderr);
    assert.match(stdout, / {2}12 files {2}became 3 by 1 commit, [\d.]+ kB\n {2}1 file {4}new in quarantine\n/);
    const table = JSON.parse((await runCli(['inspect', join(landing, 'lake/web'), '--json'])).stdout);
    assert.deepEqual([table.version, table.files, table.rows, table.partitions.count], [0, 3, 3 * FILES, 3]);
    const again = await merge('--yes', '--min-age', '0s', '--json');
    assert.deepEqual([again.code, JSON.parse(again.stdout).skipped], [0, FILES]);
  });

  it('says what is wrong', async () => {
    const empty = join(folder, 'empty.json');
    writeFileSync(empty, '{}');
    for (const [args, message] of [
      [[folder], /--config is missing/],
      [[folder, '--config', empty], /rules: expected one at least/],
      [[folder, '--config', deployment], /--yes is needed where nobody can be asked/],
      [[folder, '--config', deployment, '--min-age', 'old'], /--min-age expects/],
      [['s3://b/staging', '--config', deployment, '--landing', folder], /--landing is for local tables/],
    ] as const) {
      const { code, stderr } = await runCli(['merge', ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
  });

  it('merges what lies on S3, by the configuration of the function', { skip: aws.skip ?? false }, async () => {
    const server = available(aws);
    const bucket = await server.createBucket();
    const store = createS3Store({ client: server.client(), bucket });
    for (let index = 0; index < FILES; index++) await store.put(keyOf(index), bodyOf(index));
    const rules = join(folder, 'function.json');
    writeFileSync(rules, JSON.stringify({ ...MERGE, deleteSources: true, append: { tables: TABLES } }));
    const merge = (...args: string[]) =>
      runCli(['merge', `s3://${bucket}/staging`, '--config', rules, '--yes', '--min-age', '0s', '--json', ...args], {
        env: server.env,
      });
    const first = await merge('--batch-files', '6', '--requests-per-second', '500');
    assert.equal(first.code, 0, first.stderr);
    const { merged, commits, failures } = JSON.parse(first.stdout);
    assert.deepEqual([merged, commits, failures], [FILES, 2, {}]);
    assert.deepEqual(await Array.fromAsync(store.list('staging/')), []);
    const inspected = await runCli(['inspect', `s3://${bucket}/lake/web`, '--json'], { env: server.env });
    assert.equal(JSON.parse(inspected.stdout).rows, 3 * FILES);
  });
});
