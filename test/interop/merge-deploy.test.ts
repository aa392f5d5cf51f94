import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { isCompactedFile } from '../../src/delta/path.ts';
import { mapConcurrently } from '../../src/ingest/concurrently.ts';
import { Deployment } from '../support/deployment.ts';
import { invokeFunction } from '../support/deployment-control.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Small files, and rows of each. */
const FILES = 200;
const ROWS = 3;
/** Small files that are uploaded twice. */
const TWICE = 10;
const BAD = 'staging/web/ds=2026-11-23/bad.parquet';
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
        merge: { rules: [{ prefix: 'staging/{team}', table: 'lake/{team}' }], batchingWindow: 1, deleteSources: true },
      }),
    );
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'merge' }, cdk);
    const { MergeQueueUrl = '', MergeDeadLetterQueueUrl = '', MergeFunctionName = '' } = outputs;
    const deployment = new Deployment(server, outputs);
    const merge = new Deployment(server, {
      ...outputs,
      QueueUrl: MergeQueueUrl,
      DeadLetterQueueUrl: MergeDeadLetterQueueUrl,
    });
    const { store } = deployment;

    const keyOf = (index: number) => `staging/web/ds=${DAYS[index % DAYS.length]}/${index}.parquet`;
    const put = (index: number) => store.put(keyOf(index), parquet(rowsOf(index * ROWS, ROWS)));
    const all = Array.from({ length: FILES }, (_, index) => index);
    const land = async () => {
      await mapConcurrently(all, 16, put);
      // Uploads that their sender made twice, and what is no Parquet.
      await mapConcurrently(all.slice(0, TWICE), 16, put);
      await store.put(BAD, new TextEncoder().encode('no Parquet'));
    };
    const invoke = (bodies: readonly string[]) => {
      const Records = bodies.map((body, index) => ({ messageId: `m${index}`, body }));
      return invokeFunction(server, MergeFunctionName, { Records });
    };
    // As AWS does it within the window: a large batch. Two of them overlap; then the queue delivers all that was handled again.
    await merge.holdBack(FILES + TWICE + 1, land, async (bodies) => {
      const answers = await Promise.all([invoke(bodies), invoke(bodies.slice(FILES / 2))]);
      assert.deepEqual(answers, [{ batchItemFailures: [] }, { batchItemFailures: [] }]);
    });
    await merge.assertHandled(0);

    const sql = async (statement: string): Promise<Rows['rows']> => {
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const answer = await deltaRs.call('sql', { table: deployment.url('lake/web'), statement, storage });
      return (answer as Rows).rows;
    };
    const total = FILES * ROWS;
    await deployment.assertHandled(0);
    assert.deepEqual(await sql('SELECT count(*), count(DISTINCT id), sum(id), min(name), max(ds) FROM t'), [
      [String(total), String(total), String((total * (total - 1)) / 2), 'row 0', '2026-11-25'],
    ]);
    const files = [...(await deployment.files('lake/web')).keys()];
    assert.ok(files.every(isCompactedFile), files.join());
    assert.ok(files.length <= 2 * DAYS.length, `${files.length} files`);
    const left = await Array.fromAsync(store.list('staging/web/'));
    assert.deepEqual(
      left.map(({ key }) => key),
      [BAD],
    );
    const records = await Array.fromAsync(store.list('lake/web/_resaca/quarantine/'));
    assert.equal(records.length, 1);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=merge'], cdk);
  });
});
