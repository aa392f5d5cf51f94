import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optimizeTable } from '../../src/maintenance/optimize/optimize-table.ts';
import type { StepMode, StepRule } from '../../src/medallion/rule.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { parquetOf, structOf } from '../cdf/cdf-world.ts';
import { addsOf, createStepWorld, type Row, ruleOf, type SourceTable, type StepWorld } from './step-world.ts';

const RECORDS = structOf({ id: 'long', name: 'string', ts: 'long' });
const MERGE = { kind: 'merge', keys: ['id'], orderBy: 'ts', deletes: 'apply', lateness: 0 } as const;
const SQL = 'SELECT * FROM bronze';

/** A store that lets something happen before the n-th call that writes to the target, or reads its log. */
function interrupted(
  inner: ObjectStore,
  number: number,
  act: () => Promise<void>,
): ObjectStore & { readonly calls: () => number } {
  let calls = 0;
  const before = async (key: string, writes = true) => {
    const matters = key.startsWith('silver') && (writes || key.includes('_delta_log'));
    if (matters && ++calls === number) await act();
  };
  return {
    ...inner,
    calls: () => calls,
    get: async (key, options) => {
      await before(key, false);
      return inner.get(key, options);
    },
    put: async (key, body) => {
      await before(key);
      return inner.put(key, body);
    },
    putStream: async (key, pieces) => {
      await before(key);
      return inner.putStream(key, pieces);
    },
    putIfAbsent: async (key, body) => {
      await before(key);
      return inner.putIfAbsent(key, body);
    },
    async *list(prefix, options) {
      await before(prefix);
      yield* inner.list(prefix, options);
    },
  };
}

interface Scene {
  readonly world: StepWorld;
  readonly source: SourceTable;
  readonly other: SourceTable;
}

const OTHER = { name: 'other', source: { bucket: 'lake', prefix: 'other', name: 'bronze' } };

/** A target with a few rows, and two sources with more for it. */
async function sceneOf(rule: StepRule): Promise<Scene> {
  const world = createStepWorld(createMemoryStore());
  const source = await world.source('bronze', { schema: RECORDS });
  const other = await world.source('other', { schema: RECORDS });
  await source.append(
    [
      [1n, 'a', 1n],
      [2n, 'b', 1n],
    ],
    [[3n, 'c', 1n]],
  );
  await world.run(rule);
  return { world, source, other };
}

/** Runs the step again and again, each time with something happening before another of its calls on the target. */
async function everyMoment(
  rule: StepRule,
  prepare: (scene: Scene) => Promise<void>,
  act: (scene: Scene) => Promise<void>,
  isRight: (scene: Scene) => Promise<void>,
): Promise<number> {
  let moments = 0;
  for (let number = 1; ; number++) {
    const scene = await sceneOf(rule);
    await prepare(scene);
    const store = interrupted(scene.world.store, number, () => act(scene));
    await scene.world.run(rule, { store });
    if (store.calls() < number) return moments;
    moments++;
    await isRight(scene);
  }
}

const texts = (rows: readonly Row[]) =>
  rows.map(([id, name, ts]) => JSON.stringify({ id: String(id), name, ts: String(ts) })).sort();

const MODES: Readonly<
  Record<string, { readonly mode: StepMode; readonly sql: string; readonly partitionBy?: readonly string[] }>
> = {
  append: { mode: { kind: 'append' }, sql: SQL },
  merge: { mode: MERGE, sql: SQL },
  aggregate: {
    mode: { kind: 'aggregate', keys: ['name'], combine: { n: 'sum' }, rowCount: 'n' },
    sql: 'SELECT name, count(*) AS n FROM bronze GROUP BY name',
  },
  partitions: { mode: { kind: 'replace-partitions' }, sql: SQL, partitionBy: ['name'] },
  replace: { mode: { kind: 'replace' }, sql: SQL },
};

describe('two runs of a step at once', () => {
  for (const [name, { mode, sql, partitionBy = [] }] of Object.entries(MODES)) {
    it(`bring each change into the target once (${name})`, async () => {
      const rule = ruleOf({ mode, partitionBy }, sql);
      const moments = await everyMoment(
        rule,
        async ({ source }) => source.append([[4n, 'a', 2n]], [[5n, 'e', 2n]]),
        async ({ world, source }) => {
          await source.append([[6n, 'a', 3n]]);
          await world.run(rule, { maxBatches: 1 });
        },
        async ({ world }) => {
          await world.run(rule);
          assert.deepEqual(await world.rows('silver'), await world.compute(sql, { bronze: 'bronze' }));
        },
      );
      assert.ok(moments > 3, `${moments} moments`);
    });
  }
});

describe('a merge beside other writers of its target', () => {
  const rule = ruleOf({ mode: MERGE, properties: { 'delta.enableChangeDataFeed': 'true' } }, SQL);
  const otherRule = ruleOf({ ...OTHER, mode: MERGE }, SQL);

  it('loses no update of another merge, be a key known or new', async () => {
    await everyMoment(
      rule,
      async ({ source, other }) => {
        await source.append([
          [1n, 'a5', 5n],
          [2n, 'b2', 2n],
          [9n, 'new', 7n],
        ]);
        await other.append([
          [1n, 'o4', 4n],
          [2n, 'o3', 3n],
          [9n, 'other', 8n],
          [3n, 'o9', 9n],
        ]);
      },
      async ({ world }) => {
        await world.run(otherRule);
      },
      async ({ world }) => {
        const expected = [
          [1n, 'a5', 5n],
          [2n, 'o3', 3n],
          [3n, 'o9', 9n],
          [9n, 'other', 8n],
        ] as const;
        assert.deepEqual(await world.rows('silver'), texts(expected));
      },
    );
  });

  it('keeps what an appender adds meanwhile, and has one row of a key that it added before', async () => {
    let foreign: number;
    await everyMoment(
      rule,
      async ({ source }) =>
        source.append([
          [1n, 'a5', 5n],
          [9n, 'new', 7n],
        ]),
      async ({ world }) => {
        foreign = await append(world, [
          [100n, 'x', 1n],
          [9n, 'older', 2n],
        ]);
      },
      async ({ world }) => {
        const rows = await world.rows('silver');
        const isLast = (await world.snapshot('silver')).version === foreign;
        const expected: Row[] = [
          [1n, 'a5', 5n],
          [2n, 'b', 1n],
          [3n, 'c', 1n],
          [9n, 'new', 7n],
          [100n, 'x', 1n],
        ];
        if (isLast) expected.push([9n, 'older', 2n]);
        assert.deepEqual(rows, texts(expected));
      },
    );
  });

  it('goes on where the files are put together meanwhile', async () => {
    await everyMoment(
      rule,
      async ({ source }) =>
        source.append([
          [1n, 'a5', 5n],
          [9n, 'new', 7n],
        ]),
      async ({ world }) => {
        await optimizeTable(world.deps(), world.tableAt('silver'), { minInputFiles: 1 });
      },
      async ({ world }) => {
        const expected = [
          [1n, 'a5', 5n],
          [2n, 'b', 1n],
          [3n, 'c', 1n],
          [9n, 'new', 7n],
        ] as const;
        assert.deepEqual(await world.rows('silver'), texts(expected));
      },
    );
  });

  it('does not bring back a row that another writer deletes meanwhile', async () => {
    await everyMoment(
      rule,
      async ({ source }) => source.append([[1n, 'a5', 5n]]),
      async ({ world }) => {
        await deleteFrom(world, 'id = 2');
      },
      async ({ world }) => {
        assert.deepEqual(
          await world.rows('silver'),
          texts([
            [1n, 'a5', 5n],
            [3n, 'c', 1n],
          ]),
        );
      },
    );
  });
});

/** Gives the version. */
async function append(world: StepWorld, rows: readonly Row[]): Promise<number> {
  const bytes = await parquetOf(RECORDS, rows);
  const path = `foreign-${rows.length}.parquet`;
  await world.store.put(`silver/${path}`, bytes);
  await world.commit('silver', [
    { commitInfo: { operation: 'WRITE', isBlindAppend: true } },
    { add: { path, partitionValues: {}, size: bytes.length, modificationTime: 1, dataChange: true } },
  ]);
  return (await world.snapshot('silver')).version;
}

/** A DELETE that writes all files again. */
async function deleteFrom(world: StepWorld, condition: string): Promise<void> {
  const texts = await world.compute(`SELECT * FROM t WHERE NOT (${condition})`, { t: 'silver' });
  const rows = texts.map((text): Row => {
    const { id, name, ts } = JSON.parse(text);
    return [BigInt(id), name, BigInt(ts)];
  });
  const bytes = await parquetOf(RECORDS, rows);
  await world.store.put('silver/deleted.parquet', bytes);
  const removed = await addsOf(await world.snapshot('silver'));
  await world.commit('silver', [
    { commitInfo: { operation: 'DELETE' } },
    ...removed.map(({ path, partitionValues, size }) => ({
      remove: { path, partitionValues, size, dataChange: true, deletionTimestamp: 1 },
    })),
    {
      add: { path: 'deleted.parquet', partitionValues: {}, size: bytes.length, modificationTime: 1, dataChange: true },
    },
  ]);
}
