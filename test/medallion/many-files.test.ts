import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Action } from '../../src/delta/actions.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import type { StepRule } from '../../src/medallion/rule.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import { createSnapshotCache } from '../../src/medallion/snapshot-cache.ts';
import { createBackfills } from '../../src/medallion/source/backfill-batch.ts';
import { openSource } from '../../src/medallion/source/source-table.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { parquetOf, structOf } from '../cdf/cdf-world.ts';
import { createCountingStore } from '../support/counting-store.ts';
import { BUCKET, createStepWorld, ruleOf } from './step-world.ts';

const reader = createCheckpointReader();
const schema = structOf({ id: 'long', n: 'double' });
const MANY = 100_000;
const FILES_OF_BATCH = 50;
const FILES_OF_COMMIT = 10_000;
/** Bytes that a turn may hold at a time, of JavaScript: 10,000 files that come next, and 8 bytes for each file. */
const MAX_LIVE = 8_000_000;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** A source whose log has this many files; all of them have the same row, and are one object. */
async function createWorld(files: number) {
  const body = await parquetOf(schema, [[1n, 1]]);
  const inner = createMemoryStore();
  await inner.put('one.parquet', body);
  let onCall = (): void => {};
  const store = createCountingStore({
    ...inner,
    get(key, options) {
      onCall();
      return inner.get(key.startsWith('bronze/many-') ? 'one.parquet' : key, options);
    },
  } satisfies ObjectStore);
  const world = createStepWorld(store);
  await world.source('bronze', { schema });
  const add = (number: number): Action => {
    const stats =
      '{"numRecords":1,"minValues":{"id":1,"n":1.0},"maxValues":{"id":1,"n":1.0},"nullCount":{"id":0,"n":0}}';
    const file = { path: `many-${number}.parquet`, partitionValues: {}, size: body.length, modificationTime: 1, stats };
    return { add: { ...file, dataChange: true } };
  };
  for (let first = 0; first < files; first += FILES_OF_COMMIT) {
    const length = Math.min(FILES_OF_COMMIT, files - first);
    await world.commit(
      'bronze',
      Array.from({ length }, (_, index) => add(first + index)),
    );
  }
  const engine = { reader, now: Date.now, random: Math.random, sleep: async () => {} };
  await checkpointTable(engine, world.tableAt('bronze'));

  return {
    world,
    store,
    append: () => world.commit('bronze', [add(files)]),
    watch(look: () => void): void {
      onCall = look;
    },
    /** A function that is cold, and runs one batch of the step to a target whenever it is called. Gives the requests by what they are for. */
    coldStep(target: string, overrides: Partial<StepRule> = {}) {
      const deps = { ...world.deps(), latestOf: createSnapshotCache(reader), backfillOf: createBackfills() };
      const limits = { maxBytes: 2 ** 20, maxFiles: FILES_OF_BATCH, maxVersions: 100 };
      const own = { name: target, target: { bucket: BUCKET, prefix: target }, limits, ...overrides };
      const rule = ruleOf({ mode: { kind: 'append' }, ...own }, 'SELECT * FROM bronze');
      return async () => {
        store.reset();
        const run = await runStep(rule, deps, { deadline: Number.MAX_SAFE_INTEGER, maxBatches: 1 });
        const data = store.requests.filter(
          ({ method, key }) => method === 'get' && key.startsWith('bronze/many-'),
        ).length;
        const { get, list, put, putIfAbsent, head } = store.counts;
        return { run, requests: { data, log: get - data, list, put, putIfAbsent, head } };
      };
    },
  };
}

const worlds = new Map<number, ReturnType<typeof createWorld>>();

function worldOf(files: number): ReturnType<typeof createWorld> {
  const world = worlds.get(files) ?? createWorld(files);
  worlds.set(files, world);
  return world;
}

describe('a backfill of a source with 100,000 files', () => {
  // The hint, the checkpoint's footer and control columns, and the list twice, which has two row groups of 100,000 files.
  for (const [files, first] of [
    [1_000, 7],
    [MANY, 9],
  ] as const) {
    it(`takes a batch for the same few requests as one of few, and the list with the first (${files} files)`, async () => {
      const { coldStep, world } = await worldOf(files);
      const turn = coldStep('silver');
      const rest = { data: FILES_OF_BATCH, put: 1, putIfAbsent: 1 };
      assert.deepEqual((await turn()).requests, { ...rest, log: first, list: 4, head: 0 });
      // The commit that the batch before made is a GET. The source is listed once more before its looks are HEADs.
      for (const [batch, looks] of [
        [2, { list: 2, head: 6 }],
        [3, { list: 1, head: 8 }],
      ] as const) {
        const { run, requests } = await turn();
        assert.deepEqual(requests, { ...rest, ...looks, log: 1 }, `batch ${batch}`);
        assert.equal(run.backfill?.files, batch * FILES_OF_BATCH);
      }
      assert.equal((await world.rows('silver')).length, 3 * FILES_OF_BATCH);
    });
  }

  it('has each file once, and reads the list eleven times', async () => {
    const { world, store } = await worldOf(MANY);
    const source = await openSource(world.tableAt('bronze'), reader);
    assert.ok(source !== undefined);
    store.reset();
    const backfillOf = createBackfills();
    const paths = new Set<string>();
    let parts = 0;
    for (let done = 0; ; parts++) {
      const backfill = await backfillOf(source, source.latest.version);
      const batch = await backfill.next(done, { name: 'source', limits: { maxBytes: 2 ** 30, maxFiles: 1_000 } });
      if (batch === undefined) break;
      for (const { path } of batch.relation.files) paths.add(path);
      done = batch.until.files;
    }
    assert.deepEqual([parts, paths.size], [100, MANY]);
    assert.equal(store.counts.get, 11 * 2, 'row groups of the list');
  });

  it('holds little memory at a time', async () => {
    const { coldStep, watch } = await worldOf(MANY);
    const turn = coldStep('watched');
    let live = 0;
    const look = () => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = look();
    watch(() => {
      live = Math.max(live, look() - before);
    });
    await turn();
    await turn();
    watch(() => {});
    assert.ok(live < MAX_LIVE, `${live} bytes`);
  });

  it('leaves an append to it as cheap as to a table of few files', async () => {
    const { coldStep, append } = await worldOf(MANY);
    const turn = coldStep('late', { start: 'latest' });
    await turn();
    await append();
    // The commit once for its state and once for its files, and the own commit of the run before.
    assert.deepEqual((await turn()).requests, {
      data: 1,
      log: 3,
      list: 4,
      put: 1,
      putIfAbsent: 1,
      head: 6,
    });
  });
});
