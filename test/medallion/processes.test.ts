import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StepMode } from '../../src/medallion/rule.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepProcesses } from '../support/step-processes.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { createStepWorld, type Row, ruleOf } from './step-world.ts';

const MODES: Readonly<Record<string, { readonly mode: StepMode; readonly sql: string }>> = {
  append: { mode: { kind: 'append' }, sql: 'SELECT * FROM bronze' },
  aggregate: {
    mode: { kind: 'aggregate', keys: ['n'], combine: { rows: 'sum', total: 'sum' } },
    sql: 'SELECT n, count(*) AS rows, sum(id) AS total FROM bronze GROUP BY n',
  },
};
/** ms after which the first processes are killed: while DuckDB is loaded, and in the midst of its work. */
const KILLS = [0, 40, 120, 250];
const COMMITS = 12;

describe('the medallion function as processes', () => {
  for (const [name, { mode, sql }] of Object.entries(MODES)) {
    it(`has each row once, killed at work and at work twice (${name})`, async () => {
      const folder = makeTempFolder();
      const world = createStepWorld(createFolderStore(folder));
      const source = await world.source('bronze', { schema: structOf({ id: 'long', n: 'long' }) });
      const commits = async (first: number) => {
        for (let id = first; id < first + COMMITS; id++) await source.append([[BigInt(id), BigInt(id % 3)] as Row]);
      };
      // A commit of the source in a batch, so that there are many moments between two commits.
      const rule = ruleOf({ mode, limits: { maxBytes: 2 ** 20, maxFiles: 100, maxVersions: 1 } }, sql);
      const processes = createStepProcesses(folder);
      await commits(0);
      await processes.deliver(rule, KILLS);
      assert.ok(processes.killed > 0);
      await commits(COMMITS);
      await processes.deliverTwice(rule);
      assert.deepEqual(await world.rows('silver'), await world.compute(sql, { bronze: 'bronze' }));
    });
  }
});
