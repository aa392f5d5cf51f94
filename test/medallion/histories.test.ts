import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import type { StepMode, StepRule } from '../../src/medallion/rule.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { CrashError, createFaultyStore, failCall } from '../support/faulty-store.ts';
import { createStepWorld, type Row, ruleOf, type SourceTable, type StepWorld } from './step-world.ts';

const RECORDS = structOf({ id: 'long', name: 'string', ts: 'long' });
const KEYS = 6;
/** Between the times of two records, so that late ones have room. */
const STEP = 1000;
const WITH_FEED = { 'delta.enableChangeDataFeed': 'true' };

type Operation =
  | { readonly kind: 'append'; readonly files: readonly (readonly number[])[] }
  | { readonly kind: 'late'; readonly key: number; readonly before: number }
  | { readonly kind: 'update' | 'delete'; readonly key: number }
  | { readonly kind: 'compact' | 'optimize' }
  | { readonly kind: 'run'; readonly maxBatches: number; readonly maxFiles: number; readonly maxVersions: number }
  | { readonly kind: 'crash'; readonly call: number; readonly when: 'before' | 'after' };

const key = fc.integer({ min: 0, max: KEYS - 1 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append'),
      files: fc.array(fc.array(key, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('late'), key, before: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('update', 'delete'), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('compact', 'optimize') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('run'),
      maxBatches: fc.integer({ min: 1, max: 3 }),
      maxFiles: fc.integer({ min: 1, max: 6 }),
      maxVersions: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash'),
      call: fc.integer({ min: 1, max: 40 }),
      when: fc.constantFrom('before', 'after'),
    }),
  },
) as fc.Arbitrary<Operation>;

interface History {
  readonly world: StepWorld;
  readonly source: SourceTable;
}

/** Does the operations, and lets the step come to its end. */
async function play(
  rule: StepRule,
  operations: readonly Operation[],
  options: { readonly feed: boolean; readonly distinct: boolean },
): Promise<History> {
  const world = createStepWorld(createMemoryStore());
  const source = await world.source('bronze', { schema: RECORDS, properties: options.feed ? WITH_FEED : {} });
  await world.run(rule);
  let clock = 0;
  const rowOf = (id: number): Row => [BigInt(id), `n${++clock % 7}`, BigInt(clock * STEP)];
  for (const one of operations) {
    switch (one.kind) {
      case 'append': {
        const known = new Set(source.rows().map(([id]) => Number(id)));
        const fresh = (id: number) => !options.distinct || (!known.has(id) && known.add(id) !== undefined);
        const files = one.files.map((ids) => ids.filter(fresh).map(rowOf)).filter((rows) => rows.length > 0);
        if (files.length > 0) await source.append(...files);
        break;
      }
      case 'late':
        // Keys that are odd are never deleted, so that it does not matter when a record comes that is too late for its key.
        clock++;
        if (!options.distinct) {
          await source.append([
            [BigInt(one.key | 1), 'late', BigInt(Math.max(0, clock - one.before - 1) * STEP + (clock % STEP))],
          ]);
        }
        break;
      case 'update':
        await source.change((row) =>
          Number(row[0]) === one.key ? [row[0], `u${++clock}`, BigInt(clock * STEP)] : row,
        );
        break;
      case 'delete':
        await source.change((row) => (Number(row[0]) === (one.key & ~1) ? undefined : row));
        break;
      case 'compact':
        await source.compact();
        break;
      case 'optimize':
        await optimizeTable({ ...world.deps() }, world.tableAt('silver'), { minInputFiles: 2 });
        break;
      case 'run': {
        const { maxFiles, maxVersions } = one;
        const limits = { ...rule.limits, maxFiles: Math.max(maxFiles, 20), maxVersions };
        await world.run({ ...rule, limits }, { maxBatches: one.maxBatches });
        break;
      }
      case 'crash': {
        const store = createFaultyStore(world.store, failCall(one.call, { kind: 'crash', when: one.when }));
        await world.run(rule, { store }).catch((error: unknown) => {
          if (!(error instanceof CrashError)) throw error;
        });
        break;
      }
    }
  }
  assert.equal((await world.run(rule)).state, 'done');
  return { world, source };
}

/** What the target of a merge has after all changes, applied commit by commit. */
function mergeOf(changes: SourceTable['changes'], remembers: boolean): readonly string[] {
  const rows = new Map<number, Row>();
  const gone = new Map<number, bigint>();
  const newest = (id: number) => {
    const at = rows.get(id)?.[2];
    const deleted = remembers ? gone.get(id) : undefined;
    return [at, deleted].reduce<bigint>((max, one) => (typeof one === 'bigint' && one > max ? one : max), -1n);
  };
  for (const { went, came } of changes) {
    for (const [id, , at] of went) {
      if (BigInt(Number(at)) < newest(Number(id))) continue;
      rows.delete(Number(id));
      gone.set(Number(id), BigInt(Number(at)));
    }
    for (const row of came) if (BigInt(Number(row[2])) >= newest(Number(row[0]))) rows.set(Number(row[0]), row);
  }
  return textsOf([...rows.values()]);
}

/** The last that was said of each key, commit by commit. */
function lastOf(changes: SourceTable['changes']): readonly string[] {
  const rows = new Map<number, Row>();
  for (const { went, came } of changes) {
    for (const [id] of went) rows.delete(Number(id));
    for (const row of came) rows.set(Number(row[0]), row);
  }
  return textsOf([...rows.values()]);
}

function textsOf(rows: readonly Row[]): readonly string[] {
  return rows.map(([id, name, at]) => JSON.stringify({ id: String(id), name, ts: String(at) })).sort();
}

const AGGREGATE = `SELECT name, count(*) AS n, sum(ts) AS total, min(ts) AS first, max(id) AS most FROM bronze GROUP BY name`;
const combine = { n: 'sum', total: 'sum', first: 'min', most: 'max' } as const;
const merge = { kind: 'merge', keys: ['id'], orderBy: 'ts', deletes: 'apply', lateness: 0 } as const;

const SCRATCH: Readonly<
  Record<string, { readonly mode: StepMode; readonly sql: string; readonly partitionBy?: readonly string[] }>
> = {
  'sums with a count of rows': { mode: { kind: 'aggregate', keys: ['name'], combine, rowCount: 'n' }, sql: AGGREGATE },
  'sums without a count of rows': {
    mode: { kind: 'aggregate', keys: ['name'], combine: { ...combine } },
    sql: AGGREGATE,
  },
  'what cannot be combined': {
    mode: { kind: 'aggregate', keys: ['id'], combine: {} },
    sql: 'SELECT id, count(DISTINCT name) AS names, avg(ts) AS mean FROM bronze GROUP BY id',
  },
  partitions: {
    mode: { kind: 'replace-partitions' },
    sql: 'SELECT name, id, max(ts) AS ts FROM bronze GROUP BY name, id',
    partitionBy: ['name'],
  },
  'a whole table': { mode: { kind: 'replace' }, sql: 'SELECT id, count(*) AS n FROM bronze GROUP BY id' },
};

const histories = fc.array(operation, { minLength: 4, maxLength: 14 });
const RUNS = { numRuns: 6 } as const;

describe('whatever happens to source and target, a step comes to what its SQL says of all rows', () => {
  for (const [name, { mode, sql, partitionBy = [] }] of Object.entries(SCRATCH)) {
    it(name, async () => {
      await fc.assert(
        fc.asyncProperty(histories, fc.boolean(), async (operations, feed) => {
          const rule = ruleOf({ mode, partitionBy }, sql);
          const { world } = await play(rule, operations, { feed, distinct: false });
          assert.deepEqual(await world.rows('silver'), await world.compute(sql, { bronze: 'bronze' }));
        }),
        RUNS,
      );
    });
  }
});

describe('whatever happens to source and target, a merge comes to the newest record of each key', () => {
  for (const [name, lateness] of [
    ['without lateness', 0],
    ['with lateness', 10 ** 12],
  ] as const) {
    it(name, async () => {
      await fc.assert(
        fc.asyncProperty(histories, fc.boolean(), fc.boolean(), async (operations, feed, fed) => {
          const rule = ruleOf(
            { mode: { ...merge, lateness }, properties: fed ? WITH_FEED : {} },
            'SELECT * FROM bronze',
          );
          const { world, source } = await play(rule, operations, { feed, distinct: false });
          assert.deepEqual(await world.rows('silver'), mergeOf(source.changes, lateness > 0));
        }),
        RUNS,
      );
    });
  }

  it('or the last one, where nothing else orders them', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.boolean(), async (operations, feed) => {
        const { orderBy: _, ...mode } = merge;
        const rule = ruleOf({ mode, partitionBy: ['name'] }, 'SELECT * FROM bronze');
        const { world, source } = await play(rule, operations, { feed, distinct: true });
        assert.deepEqual(await world.rows('silver'), lastOf(source.changes));
      }),
      RUNS,
    );
  });
});
