import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StepMode } from '../../src/medallion/rule.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError } from '../../src/storage/object-store.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { CrashError, createFaultyStore, type Fault, type StoreCall } from '../support/faulty-store.ts';
import { createStepWorld, ruleOf } from './step-world.ts';

const EVENTS = structOf({ id: 'long', n: 'long' });
const SQL = 'SELECT * FROM bronze';

const MODES: Readonly<
  Record<string, { readonly mode: StepMode; readonly sql: string; readonly partitionBy?: readonly string[] }>
> = {
  append: { mode: { kind: 'append' }, sql: SQL },
  merge: { mode: { kind: 'merge', keys: ['id'], orderBy: 'n', deletes: 'apply', lateness: 1000 }, sql: SQL },
  aggregate: {
    mode: { kind: 'aggregate', keys: ['n'], combine: { rows: 'sum', total: 'sum' }, rowCount: 'rows' },
    sql: 'SELECT n, count(*) AS rows, sum(id) AS total FROM bronze GROUP BY n',
  },
  partitions: { mode: { kind: 'replace-partitions' }, sql: SQL, partitionBy: ['n'] },
  replace: { mode: { kind: 'replace' }, sql: SQL },
};

const FAULTS: readonly Fault[] = [
  { kind: 'crash', when: 'before' },
  { kind: 'crash', when: 'after' },
  { kind: 'unavailable', when: 'before' },
  { kind: 'unavailable', when: 'after' },
];

const isWrite = ({ method }: StoreCall) => method === 'put' || method === 'putIfAbsent';

describe('a step that fails at one of its writes', () => {
  for (const [name, { mode, sql, partitionBy = [] }] of Object.entries(MODES)) {
    it(`has each change in its target once after the next run (${name})`, async () => {
      const rule = ruleOf({ mode, partitionBy }, sql);
      for (const fault of FAULTS) {
        let number = 0;
        for (let isHit = true; isHit; ) {
          number++;
          const world = createStepWorld(createMemoryStore());
          const source = await world.source('bronze', { schema: EVENTS });
          await source.append(
            [
              [1n, 1n],
              [2n, 1n],
            ],
            [[3n, 2n]],
          );
          await world.run(rule);
          await source.append([
            [4n, 2n],
            [5n, 3n],
          ]);
          if (mode.kind !== 'append') await source.change((row) => (row[0] === 2n ? undefined : row), [[9n, 1n]]);
          let count = 0;
          const store = createFaultyStore(world.store, (call) =>
            isWrite(call) && ++count === number ? fault : undefined,
          );
          await world.run(rule, { store }).catch((error: unknown) => {
            if (!(error instanceof CrashError) && !isStoreError(error, 'UNAVAILABLE')) throw error;
          });
          isHit = count >= number;
          await world.run(rule);
          const found = await world.rows('silver');
          assert.deepEqual(
            found,
            await world.compute(sql, { bronze: 'bronze' }),
            `${fault.kind} ${fault.when} write ${number}`,
          );
        }
        assert.ok(number > 2, `${number} writes`);
      }
    });
  }
});
