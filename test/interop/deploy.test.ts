import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { parquet, ROW_COLUMNS, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

/** Time in ms for what takes seconds: a cold function, a queue's round. */
const PATIENCE = 120_000;
const ACCOUNT = '000000000000';
const aws = await resource(startS3Server);

/** The stack of the repository, deployed by the CDK CLI to a local AWS; what runs there is the bundle that users deploy. */
describe('cdk deploy', { skip: aws.skip ?? false }, () => {
  let bucket = '';
  let store: ObjectStore;

  before(async () => {
    const server = available(aws);
    const folder = makeTempFolder();
    await cdk(server.env, 'bootstrap', `aws://${ACCOUNT}/us-east-1`, '--output', join(folder, 'out'));
    const outputs = join(folder, 'outputs.json');
    await cdk(
      server.env,
      'deploy',
      '--require-approval',
      'never',
      '--output',
      join(folder, 'out'),
      '--outputs-file',
      outputs,
    );
    bucket = JSON.parse(readFileSync(outputs, 'utf8'))['resaca-dev'].LandingBucketName;
    store = createS3Store({ client: server.client(), bucket });
  });

  async function filesOf(root: string): Promise<string[]> {
    const reader = createCheckpointReader();
    try {
      const snapshot = await loadSnapshot({ store, root, url: `s3://${bucket}/${root}` }, reader);
      const paths: string[] = [];
      for await (const files of activeFiles(snapshot, reader))
        paths.push(...files.map(({ path }) => decodeURIComponent(path)));
      return paths.sort();
    } catch (error) {
      if (isDeltaError(error, 'TABLE_NOT_FOUND')) return [];
      throw error;
    }
  }

  /** Waits for the files of a table to be these. */
  async function untilFiles(root: string, expected: readonly string[]): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (Date.now() < end && (await filesOf(root)).join() !== [...expected].sort().join()) await sleep(200);
    assert.deepEqual(await filesOf(root), [...expected].sort());
  }

  it('makes files that are dropped into the landing bucket rows of their tables', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `ds=${index % 4}/file ${index} +é&(x).parquet`);
    await Promise.all(
      ['web', 'lake/orders'].flatMap((root) =>
        names.map((name, index) => store.put(`${root}/${name}`, parquet(rowsOf(index, 10)))),
      ),
    );
    await untilFiles('web', names);
    await untilFiles('lake/orders', names);
  });

  it('quarantines what does not fit, while the rest goes on', async () => {
    await store.put('mixed/a.parquet', parquet(rowsOf(0, 3)));
    await untilFiles('mixed', ['a.parquet']);
    await store.put('mixed/bad.parquet', new TextEncoder().encode('by no means a Parquet file'));
    await store.put('mixed/conflict.parquet', parquet([{ id: 'x' }], { id: 'string' }));
    await store.put('mixed/wider.parquet', parquet([{ id: 1, city: 'Porto' }], { ...ROW_COLUMNS, city: 'string' }));
    await untilFiles('mixed', ['a.parquet', 'wider.parquet']);
    const reasons: string[] = [];
    for (const end = Date.now() + PATIENCE; Date.now() < end && reasons.length < 2; await sleep(200)) {
      reasons.length = 0;
      for await (const { key } of store.list('mixed/_resaca/quarantine/')) {
        reasons.push(JSON.parse(new TextDecoder().decode((await store.get(key)).body)).reason);
      }
    }
    assert.deepEqual(reasons.sort(), ['NOT_PARQUET', 'SCHEMA_CONFLICT']);
  });

  it('removes the files of deleted objects', async () => {
    await store.put('gone/a.parquet', parquet(rowsOf(0, 3)));
    await store.put('gone/b.parquet', parquet(rowsOf(3, 3)));
    await untilFiles('gone', ['a.parquet', 'b.parquet']);
    await store.delete('gone/a.parquet');
    await untilFiles('gone', ['b.parquet']);
  });
});

/** Runs the CDK CLI of the repository; its output is shown when it fails. */
async function cdk(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const child = spawn(join(root, 'node_modules/.bin/cdk'), args, {
    cwd: root,
    env: {
      ...process.env,
      ...env,
      CDK_DEFAULT_ACCOUNT: ACCOUNT,
      CDK_DEFAULT_REGION: 'us-east-1',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      // The CLI and the functions run on the Node of the repository.
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 0, `cdk ${args[0]} failed:\n${output.slice(-4000)}`);
}
