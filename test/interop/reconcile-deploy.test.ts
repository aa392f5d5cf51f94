import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { Deployment } from '../support/deployment.ts';
import { invokeFunction } from '../support/deployment-control.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** The maintenance function as it is deployed, on a local AWS, where events are lost on purpose. */
describe('reconciling in a deployment', { skip: found.skip ?? false }, () => {
  it('appends what events missed, removes what is gone, and makes tables that no event told of', async () => {
    const { server, deltaRs } = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'lossy.json');
    writeFileSync(
      config,
      JSON.stringify({
        tables: [{ prefix: 'orders', partitionColumns: [{ name: 'ds', type: 'date' }] }],
        maintenance: { reconcile: { minAge: 0 } },
      }),
    );
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'lossy' }, cdk);
    const { MaintenanceFunctionName = '', MaintenanceQueueUrl = '', MaintenanceDeadLetterQueueUrl = '' } = outputs;
    const landing = new Deployment(server, outputs);
    const { store } = landing;
    const ids = async (root: string): Promise<Rows['rows']> => {
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const statement = 'SELECT count(*), count(DISTINCT id), sum(id) FROM t';
      return ((await deltaRs.call('sql', { table: landing.url(root), statement, storage })) as Rows).rows;
    };
    const scheduled = async (time: string): Promise<void> => {
      await invokeFunction(server, MaintenanceFunctionName, { tasks: ['reconcile'], time });
      await landing.untilDepth(MaintenanceQueueUrl, 0);
    };
    const put = (key: string, first: number) => store.put(key, parquet(rowsOf(first, 10)));

    await put('orders/ds=2026-11-20/told.parquet', 0);
    await put('orders/ds=2026-11-20/going.parquet', 10);
    await landing.untilFiles('orders', ['ds=2026-11-20/told.parquet', 'ds=2026-11-20/going.parquet']);

    // What happens now, nobody is told of.
    await landing.untilDepth(landing.queueUrl, 0);
    const lost = await landing.loseEvents(7, async () => {
      await put('orders/ds=2026-11-20/missed.parquet', 20);
      await put('orders/ds=2026-11-21/missed.parquet', 30);
      await put('web/ds=2026-11-20/first.parquet', 40);
      await put('web/ds=2026-11-20/second.parquet', 50);
      await store.put('orders/ds=2026-11-21/bad.parquet', Buffer.from('no parquet at all, by no means'));
      await put('orders/_resaca/hidden.parquet', 60);
      await store.delete('orders/ds=2026-11-20/going.parquet');
    });
    assert.equal(lost, 7);
    assert.equal((await landing.files('orders')).size, 2);
    assert.equal(await landing.snapshot('web'), undefined);

    await scheduled('2026-11-30T00:00:00Z');
    const orders = ['ds=2026-11-20/told.parquet', 'ds=2026-11-20/missed.parquet', 'ds=2026-11-21/missed.parquet'];
    await landing.untilFiles('orders', orders);
    await landing.untilFiles('web', ['ds=2026-11-20/first.parquet', 'ds=2026-11-20/second.parquet']);
    assert.deepEqual(await ids('orders'), [['30', '30', String(45 + 245 + 345)]]);
    assert.deepEqual(await ids('web'), [['20', '20', String(445 + 545)]]);
    assert.deepEqual(await landing.untilQuarantined('orders', 1), { 'ds=2026-11-21/bad.parquet': 'NOT_PARQUET' });

    // Once more, and beside events again: each file is in once.
    const version = await landing.version('orders');
    await scheduled('2026-11-30T01:00:00Z');
    assert.equal(await landing.version('orders'), version);
    await put('web/ds=2026-11-21/third.parquet', 70);
    await landing.untilFiles('web', [
      'ds=2026-11-20/first.parquet',
      'ds=2026-11-20/second.parquet',
      'ds=2026-11-21/third.parquet',
    ]);
    assert.ok(Object.values(await landing.counts('orders', 'add')).every((count) => count === 1));
    await landing.assertHandled(0);
    assert.equal(await landing.depth(MaintenanceDeadLetterQueueUrl), 0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=lossy'], cdk);
  });
});
