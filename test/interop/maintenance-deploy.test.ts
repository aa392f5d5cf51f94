import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { parseLogPath } from '../../src/delta/log-path.ts';
import { isCompactedFile } from '../../src/delta/path.ts';
import { Deployment } from '../support/deployment.ts';
import { invokeFunction } from '../support/deployment-control.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Time in ms for a function that is started cold on a busy machine. */
const PATIENCE = 120_000;

/** The maintenance function as it is deployed, beside the append function, on a local AWS. */
describe('the maintenance of a deployment', { skip: found.skip ?? false }, () => {
  it('makes checkpoints as commits come, compacts, cleans up, and the rows stay the same', async () => {
    const { server, deltaRs } = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'upkeep.json');
    const properties = { 'delta.checkpointInterval': '2', 'delta.deletedFileRetentionDuration': 'interval 1 seconds' };
    const maintenance = { optimize: { minAge: 0 }, vacuum: {}, cleanLog: {} };
    writeFileSync(config, JSON.stringify({ defaults: { properties }, maintenance }));
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'upkeep' }, cdk);
    const { MaintenanceFunctionName = '', MaintenanceQueueUrl = '', MaintenanceDeadLetterQueueUrl = '' } = outputs;
    const upkeep = new Deployment(server, outputs);

    const sql = async (statement: string): Promise<Rows['rows']> => {
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const answer = await deltaRs.call('sql', { table: upkeep.url('web'), statement, storage });
      return (answer as Rows).rows;
    };
    const rows = () => sql('SELECT count(*), count(DISTINCT id), sum(id) FROM t');
    const checkpoints = async (): Promise<number[]> => {
      const versions: number[] = [];
      for await (const { key } of upkeep.store.list('web/_delta_log/')) {
        const path = parseLogPath(key);
        if (path?.kind === 'classicCheckpoint') versions.push(path.version);
      }
      return versions;
    };
    const scheduled = async (tasks: readonly string[], time: string): Promise<void> => {
      await invokeFunction(server, MaintenanceFunctionName, { tasks, time });
      await upkeep.untilDepth(MaintenanceQueueUrl, 0);
    };

    // Each wave is a commit.
    const paths: string[] = [];
    for (let wave = 0; wave < 5; wave++) {
      const names = [0, 1].map((index) => `ds=2026-11-2${index}/wave-${wave}.parquet`);
      for (const name of names) await upkeep.store.put(`web/${name}`, parquet(rowsOf(paths.push(name) * 10, 10)));
      await upkeep.untilFiles('web', paths);
    }
    await eventually(async () => (await checkpoints()).length > 0, 'a checkpoint that was asked for');
    const before = await rows();
    assert.equal(before[0]?.[1], '100');

    await scheduled(['optimize', 'checkpoint'], '2026-11-24T00:00:00Z');
    await eventually(async () => (await upkeep.files('web')).size === 2, 'one file a partition');
    const compacted = [...(await upkeep.files('web')).keys()];
    assert.ok(compacted.every(isCompactedFile), compacted.join());
    assert.deepEqual(await rows(), before);
    const version = await upkeep.version('web');
    await eventually(async () => (await checkpoints()).includes(version), 'a checkpoint of the compaction');

    // Time for the retention to pass.
    await sleep(3_000);
    await scheduled(['vacuum', 'cleanLog'], '2026-11-25T00:00:00Z');
    const left = async (): Promise<string[]> => {
      const keys: string[] = [];
      for await (const { key } of upkeep.store.list('web/ds=')) keys.push(key.slice('web/'.length));
      return keys;
    };
    await eventually(async () => (await left()).length === 2, 'the small files are gone');
    assert.deepEqual((await left()).sort(), compacted.sort());
    // The append function was told of the new files, and of the deletions; they are none of its business.
    await upkeep.assertHandled(0);
    assert.deepEqual([...(await upkeep.files('web')).keys()].sort(), compacted.sort());
    assert.deepEqual(await rows(), before);

    await upkeep.store.put('web/ds=2026-11-20/late.parquet', parquet(rowsOf(1_000, 10)));
    await upkeep.untilFiles('web', [...compacted, 'ds=2026-11-20/late.parquet']);
    assert.equal((await rows())[0]?.[1], '110');
    await upkeep.untilDepth(MaintenanceQueueUrl, 0);
    assert.equal(await upkeep.depth(MaintenanceDeadLetterQueueUrl), 0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=upkeep'], cdk);
  });
});

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(200)) if (await condition()) return;
  assert.fail(`waited in vain for ${what}`);
}
