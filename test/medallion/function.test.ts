import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { StepMode } from '../../src/medallion/rule.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepWorld, ruleOf } from './step-world.ts';

const MODULE = fileURLToPath(new URL('../fixtures/medallion/upper.ts', import.meta.url));
const EVENTS = structOf({ id: 'long', name: 'string', at: 'long' });
const SQL = `SELECT id, upper(name) AS name, "at", 'silver' AS step FROM bronze WHERE name IS NOT NULL`;

const MODES: readonly StepMode[] = [
  { kind: 'append' },
  { kind: 'merge', keys: ['id'], orderBy: 'at', deletes: 'apply', lateness: 0 },
  { kind: 'merge', keys: ['id'], deletes: 'apply', lateness: 0 },
  { kind: 'replace-partitions' },
  { kind: 'replace' },
];

describe('a step with a function', () => {
  for (const mode of MODES) {
    it(`does what its SQL would (${JSON.stringify(mode)})`, async () => {
      const world = createStepWorld();
      const source = await world.source('bronze', { schema: EVENTS });
      const transform = {
        kind: 'function',
        module: MODULE,
        columns: 'id BIGINT, name STRING, `at` BIGINT, step STRING',
      } as const;
      const partitionBy = mode.kind === 'replace-partitions' ? ['name'] : [];
      const rule = ruleOf({ mode, transform, partitionBy }, '');
      await source.append(
        [
          [1n, 'a', 1n],
          [2n, null, 1n],
        ],
        [[3n, 'c', 1n]],
      );
      await world.run(rule);
      if (mode.kind === 'append') await source.append([[4n, 'd', 5n]]);
      else
        await source.change(([id, name, at]) => (id === 3n ? undefined : id === 1n ? [id, 'z', 2n] : [id, name, at]));
      await world.run(rule);
      assert.deepEqual(await world.rows('silver'), await world.compute(SQL, { bronze: 'bronze' }));
    });
  }
});
