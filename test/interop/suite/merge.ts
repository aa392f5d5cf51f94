import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isCompactedFile } from '../../../src/delta/path.ts';
import { mapConcurrently } from '../../../src/ingest/concurrently.ts';
import { invokeFunction } from '../../support/deployment-control.ts';
import { parquet, rowsOf } from '../../support/landing.ts';
import type { SuitePart } from './suite.ts';

/** Small files, and rows of each. */
const FILES = 200;
const ROWS = 3;
/** Small files that are uploaded twice. */
const TWICE = 10;
const BAD = 'staging/web/ds=2026-11-23/bad.parquet';
const DAYS = ['2026-11-23', '2026-11-24', '2026-11-25'];
const TABLE = 'merged/web';

/** Very small files that are merged before they come into tables. */
export const merge: SuitePart = {
  name: 'the merge',
  config: {
    landing: { prefixes: ['merged'] },
    tables: [{ prefix: 'merged/{team}', partitionColumns: [{ name: 'ds', type: 'date' }] }],
    merge: { rules: [{ prefix: 'staging/{team}', table: 'merged/{team}' }], batchingWindow: 1, deleteSources: true },
  },

  beside(suite) {
    it('makes a few files of many, each row once', async () => {
      const { server, stack, queuesOf, output, sql, handled } = suite();
      const merging = queuesOf('Merge');
      const { store } = stack;
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
        return invokeFunction(server, output('MergeFunctionName'), { Records });
      };
      // As AWS does it within the window: a large batch. Two of them overlap; then the queue delivers all that was handled again.
      await merging.holdBack(FILES + TWICE + 1, land, async (bodies) => {
        const answers = await Promise.all([invoke(bodies), invoke(bodies.slice(FILES / 2))]);
        assert.deepEqual(answers, [{ batchItemFailures: [] }, { batchItemFailures: [] }]);
      });
      await merging.assertHandled(0);
      await handled('GroupingQueueUrl', 'QueueUrl');

      const total = FILES * ROWS;
      assert.deepEqual(await sql(TABLE, 'SELECT count(*), count(DISTINCT id), sum(id), min(name), max(ds) FROM t'), [
        [String(total), String(total), String((total * (total - 1)) / 2), 'row 0', '2026-11-25'],
      ]);
      const files = [...(await stack.files(TABLE)).keys()];
      assert.ok(files.every(isCompactedFile), files.join());
      assert.ok(files.length <= 2 * DAYS.length, `${files.length} files`);
      const left = await Array.fromAsync(store.list('staging/web/'));
      assert.deepEqual(
        left.map(({ key }) => key),
        [BAD],
      );
      const records = await Array.fromAsync(store.list(`${TABLE}/_resaca/quarantine/`));
      assert.equal(records.length, 1);
    });
  },
};
