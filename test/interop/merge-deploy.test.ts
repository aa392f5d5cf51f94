import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { isCompactedFile } from '../../src/delta/path.ts';
import { mapConcurrently } from '../../src/ingest/concurrently.ts';
import { Deployment } from '../support/deployment.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Time in ms for functions that are started cold on a busy machine. */
const PATIENCE = 120_000;
/** Small files, and rows of each. */
const FILES = 200;
const ROWS = 3;
const DAYS = ['2026-11-23', '2026-11-24', '2026-11-25'];

/** The merge function as it is deployed, beside the append function, on a local AWS. */
describe('the merge of a deployment', { skip: found.skip ?? false }, () => {
  it('makes a few files of many, each row once', async () => {
    const { server, deltaRs } = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'merge.json');
    writeFileSync(
      config,
      JSON.stringify({
        landing: { prefixes: ['lake'] },
        append: { batchingWindow: 1 },
        tables: [{ prefix: 'lake/{team}', partitionColumns: [{ name: 'ds', type: 'date' }] }],
        merge: { rules: [{ prefix: 'staging/{team}', table: 'lake/{team}' }], batchingWindow: 5, deleteSources: true },
      }),
    );
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'merge' }, cdk);
    const { MergeQueueUrl = '', MergeDeadLetterQueueUrl = '' } = outputs;
    const deployment = new Deployment(server, outputs);
    const { store } = deployment;

    const keyOf = (index: number) => `staging/web/ds=${DAYS[index % DAYS.length]}/${index}.parquet`;
    const put = (index: number) => store.put(keyOf(index), parquet(rowsOf(index * ROWS, ROWS)));
    const all = Array.from({ length: FILES }, (_, index) => index);
    await mapConcurrently(all, 16, put);
    // An upload that its sender made twice.
    await mapConcurrently(all.slice(0, 10), 16, put);
    await store.put('staging/web/ds=2026-11-23/bad.parquet', new TextEncoder().encode('no Parquet'));

    const sql = async (statement: string): Promise<Rows['rows']> => {
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const answer = await deltaRs.call('sql', { table: deployment.url('lake/web'), statement, storage });
      return (answer as Rows).rows;
    };
    const total = FILES * ROWS;
    const left = async () => (await Array.fromAsync(store.list('staging/web/'))).map(({ key }) => key);
    await eventually(async () => (await left()).length === 1, 'all but the bad file to be merged and deleted');
    await deployment.untilDepth(MergeQueueUrl, 0);
    await deployment.untilDepth(deployment.queueUrl, 0);
    assert.deepEqual(await sql('SELECT count(*), count(DISTINCT id), sum(id), min(name), max(ds) FROM t'), [
      [String(total), String(total), String((total * (total - 1)) / 2), 'row 0', '2026-11-25'],
    ]);
    const files = [...(await deployment.files('lake/web')).keys()];
    assert.ok(files.every(isCompactedFile), files.join());
    assert.ok(files.length <= FILES / 4, `${files.length} files`);
    assert.deepEqual(await left(), ['staging/web/ds=2026-11-23/bad.parquet']);
    const records = await Array.fromAsync(store.list('lake/web/_resaca/quarantine/'));
    assert.equal(records.length, 1);
    assert.equal(await deployment.depth(MergeDeadLetterQueueUrl), 0);
    await deployment.assertHandled(0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=merge'], cdk);
  });
});

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(200)) if (await condition()) return;
  assert.fail(`waited in vain for ${what}`);
}
