import assert from 'node:assert/strict';
import { it } from 'node:test';
import { invokeFunction } from '../../support/deployment-control.ts';
import { parquet, rowsOf } from '../../support/landing.ts';
import type { SuitePart } from './suite.ts';

const ORDERS = 'lossy/orders';
const WEB = 'lossy/web';
const IDS = 'SELECT count(*), count(DISTINCT id), sum(id) FROM t';

/** What is made up for where events are lost, on purpose here. */
export const reconcile: SuitePart = {
  name: 'reconciling',
  config: {
    landing: { prefixes: ['lossy'] },
    tables: [{ prefix: ORDERS, partitionColumns: [{ name: 'ds', type: 'date' }] }],
    maintenance: { reconcile: { minAge: 0 } },
  },

  alone(suite) {
    it('appends what events missed, removes what is gone, and makes tables that no event told of', async () => {
      const { server, stack, sql, output, queuesOf, handled } = suite();
      const { store } = stack;
      const scheduled = async (time: string): Promise<void> => {
        await invokeFunction(server, output('MaintenanceFunctionName'), { tasks: ['reconcile'], time });
        await handled('MaintenanceQueueUrl');
      };
      const put = (key: string, first: number) => store.put(key, parquet(rowsOf(first, 10)));

      await put(`${ORDERS}/ds=2026-11-20/told.parquet`, 0);
      await put(`${ORDERS}/ds=2026-11-20/going.parquet`, 10);
      await stack.untilFiles(ORDERS, ['ds=2026-11-20/told.parquet', 'ds=2026-11-20/going.parquet']);

      // What happens now, nobody is told of.
      const lost = await queuesOf('Grouping').loseEvents(7, async () => {
        await put(`${ORDERS}/ds=2026-11-20/missed.parquet`, 20);
        await put(`${ORDERS}/ds=2026-11-21/missed.parquet`, 30);
        await put(`${WEB}/ds=2026-11-20/first.parquet`, 40);
        await put(`${WEB}/ds=2026-11-20/second.parquet`, 50);
        await store.put(`${ORDERS}/ds=2026-11-21/bad.parquet`, Buffer.from('no parquet at all, by no means'));
        await put(`${ORDERS}/_resaca/hidden.parquet`, 60);
        await store.delete(`${ORDERS}/ds=2026-11-20/going.parquet`);
      });
      assert.equal(lost, 7);
      assert.equal((await stack.files(ORDERS)).size, 2);
      assert.equal(await stack.snapshot(WEB), undefined);

      await scheduled('2026-11-30T00:00:00Z');
      const orders = ['ds=2026-11-20/told.parquet', 'ds=2026-11-20/missed.parquet', 'ds=2026-11-21/missed.parquet'];
      await stack.untilFiles(ORDERS, orders);
      const web = ['ds=2026-11-20/first.parquet', 'ds=2026-11-20/second.parquet'];
      await stack.untilFiles(WEB, web);
      assert.deepEqual(await sql(ORDERS, IDS), [['30', '30', String(45 + 245 + 345)]]);
      assert.deepEqual(await sql(WEB, IDS), [['20', '20', String(445 + 545)]]);
      assert.deepEqual(await stack.untilQuarantined(ORDERS, 1), { 'ds=2026-11-21/bad.parquet': 'NOT_PARQUET' });

      // Once more, and beside events again: each file is in once.
      const version = await stack.version(ORDERS);
      await scheduled('2026-11-30T01:00:00Z');
      assert.equal(await stack.version(ORDERS), version);
      await put(`${WEB}/ds=2026-11-21/third.parquet`, 70);
      await stack.untilFiles(WEB, [...web, 'ds=2026-11-21/third.parquet']);
      assert.ok(Object.values(await stack.counts(ORDERS, 'add')).every((count) => count === 1));
    });
  },
};
