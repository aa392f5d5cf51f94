import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLogPath } from '../../../src/delta/log-path.ts';
import { isCompactedFile } from '../../../src/delta/path.ts';
import { invokeFunction } from '../../support/deployment-control.ts';
import { parquet, rowsOf } from '../../support/landing.ts';
import { eventually, type Suite, type SuitePart } from './suite.ts';

const TABLE = 'upkeep/web';
const ROWS = 'SELECT count(*), count(DISTINCT id), sum(id) FROM t';

/** Checkpoints, compaction, vacuum and clean-up of the log. */
export const maintenance: SuitePart = {
  name: 'the maintenance',
  config: {
    landing: { prefixes: ['upkeep'] },
    tables: [
      {
        prefix: TABLE,
        properties: { 'delta.checkpointInterval': '2', 'delta.deletedFileRetentionDuration': 'interval 1 seconds' },
      },
    ],
    maintenance: { optimize: { minAge: 0 }, vacuum: {}, cleanLog: {} },
  },

  beside(suite) {
    it('makes checkpoints as commits come', async () => {
      const { stack } = suite();
      // Each wave is a commit.
      const paths: string[] = [];
      for (let wave = 0; wave < 5; wave++) {
        const names = [0, 1].map((index) => `ds=2026-11-2${index}/wave-${wave}.parquet`);
        for (const name of names) await stack.store.put(`${TABLE}/${name}`, parquet(rowsOf(paths.push(name) * 10, 10)));
        await stack.untilFiles(TABLE, paths);
      }
      await eventually(async () => (await checkpoints(suite())).length > 0, 'a checkpoint that was asked for');
    });
  },

  alone(suite) {
    it('compacts, cleans up, and the rows stay the same', async () => {
      const { server, stack, sql, output, handled } = suite();
      const files = async () => [...(await stack.files(TABLE)).keys()];
      const scheduled = async (tasks: readonly string[], time: string): Promise<void> => {
        await invokeFunction(server, output('MaintenanceFunctionName'), { tasks, time });
        await handled('MaintenanceQueueUrl');
      };
      const before = await sql(TABLE, ROWS);
      assert.equal(before[0]?.[1], '100');

      await scheduled(['optimize', 'checkpoint'], '2026-11-24T00:00:00Z');
      await eventually(async () => (await files()).length === 2, 'one file a partition');
      const compacted = await files();
      assert.ok(compacted.every(isCompactedFile), compacted.join());
      assert.deepEqual(await sql(TABLE, ROWS), before);
      const version = await stack.version(TABLE);
      await eventually(async () => (await checkpoints(suite())).includes(version), 'a checkpoint of the compaction');

      // Time for the retention to pass.
      await sleep(3_000);
      await scheduled(['vacuum', 'cleanLog'], '2026-11-25T00:00:00Z');
      const left = async () =>
        (await Array.fromAsync(stack.store.list(`${TABLE}/ds=`))).map(({ key }) => key.slice(`${TABLE}/`.length));
      await eventually(async () => (await left()).length === 2, 'the small files are gone');
      assert.deepEqual((await left()).sort(), compacted.sort());
      // The append function was told of the new files, and of the deletions; they are none of its business.
      await handled('GroupingQueueUrl', 'QueueUrl');
      assert.deepEqual((await files()).sort(), compacted.sort());
      assert.deepEqual(await sql(TABLE, ROWS), before);

      await stack.store.put(`${TABLE}/ds=2026-11-20/late.parquet`, parquet(rowsOf(1_000, 10)));
      await stack.untilFiles(TABLE, [...compacted, 'ds=2026-11-20/late.parquet']);
      assert.equal((await sql(TABLE, ROWS))[0]?.[1], '110');
      await handled('MaintenanceQueueUrl');
    });
  },
};

/** Versions of the table that have one. */
async function checkpoints({ stack }: Suite): Promise<number[]> {
  const keys = await Array.fromAsync(stack.store.list(`${TABLE}/_delta_log/`));
  return keys.flatMap(({ key }) => {
    const path = parseLogPath(key);
    return path?.kind === 'classicCheckpoint' ? [path.version] : [];
  });
}
