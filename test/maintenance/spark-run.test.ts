import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AddFile } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { parsePartitionFilter } from '../../src/maintenance/optimize/where.ts';
import { optimizeOnSpark } from '../../src/maintenance/spark/optimize-on-spark.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { createSparkStandIn, type StandInOptions } from '../support/spark-stand-in.ts';
import { ALL_IDS, assertRowsAreThere, createSparkWorld, FILES } from './spark-world.ts';

describe('A run on Spark', () => {
  it('puts the small files of each partition into one, and changes no row', async () => {
    const spark = await createSparkWorld();
    const { jobs, started } = createSparkStandIn({ table: spark.table });
    const { run, ...result } = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    const { bytesAdded, bytesRemoved, ...counts } = result;
    assert.deepEqual(counts, {
      state: 'done',
      remaining: false,
      job: 'job-1',
      resumed: false,
      bins: 2,
      committedBins: 2,
      earlierBins: 0,
      overtakenBins: 0,
      failedBins: 0,
      filesRemoved: FILES,
      filesAdded: 2,
      versions: [FILES],
      conflicts: 0,
    });
    assert.ok(bytesAdded > 0 && bytesAdded < bytesRemoved, `${bytesAdded} of ${bytesRemoved} bytes`);
    assert.deepEqual(started, [
      {
        name: 'optimize s3://landing/orders',
        token: run,
        arguments: ['rewrite', '--table', 's3://landing/orders', '--run', run],
      },
    ]);
    await assertRowsAreThere(spark);
    assert.deepEqual(await spark.leftOvers(), []);
  });

  it('commits as OPTIMIZE does: no change of data, statistics, and tombstones that tell all', async () => {
    const spark = await createSparkWorld();
    const { files: before } = await spark.world.table('orders');
    const { jobs } = createSparkStandIn({ table: spark.table });
    await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);

    const actions = await spark.lastActions();
    const info = actions.flatMap((action) => ('commitInfo' in action ? [action.commitInfo] : []))[0];
    assert.deepEqual([info?.operation, info?.isBlindAppend], ['OPTIMIZE', false]);
    assert.equal(info?.operationMetrics?.numRemovedFiles, String(FILES));
    const removes = actions.flatMap((action) => ('remove' in action ? [action.remove] : []));
    assert.deepEqual(
      removes.map(({ deletionTimestamp: _, ...remove }) => remove).sort(byPath),
      before
        .map(({ path, size, partitionValues }) => ({
          path,
          dataChange: false,
          extendedFileMetadata: true,
          partitionValues,
          size,
        }))
        .sort(byPath),
    );
    const { files } = await spark.world.table('orders');
    const even = files.find(({ partitionValues }) => partitionValues.ds === '0');
    assert.match(even?.path ?? '', /^ds=0\/resaca-compacted-[0-9a-f-]{36}\.zstd\.parquet$/);
    assert.equal(even?.dataChange, false);
    assert.deepEqual(JSON.parse(even?.stats ?? ''), {
      numRecords: 9,
      minValues: { id: 0, name: 'row 0' },
      maxValues: { id: 14, name: 'row 8' },
      nullCount: { id: 0, name: 0 },
    });
  });

  it('does nothing, and starts no job, where there is nothing to do', async () => {
    const spark = await createSparkWorld();
    const { jobs, started } = createSparkStandIn({ table: spark.table });
    await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    const { state, remaining } = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.deepEqual([state, remaining, started.length], ['nothing', false, 1]);
    assert.deepEqual(await spark.leftOvers(), []);
  });

  it('goes on with the next call when the job takes longer, whatever the options of that call are', async () => {
    const spark = await createSparkWorld();
    let ended = false;
    const outcome: StandInOptions['outcome'] = () =>
      ended ? { kind: 'succeeded' } : { kind: 'running', state: 'SCHEDULED' };
    const { jobs, started } = createSparkStandIn({ table: spark.table, outcome });
    const first = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.deepEqual(
      [first.state, first.remaining, first.resumed, first.jobState],
      ['running', true, false, 'SCHEDULED'],
    );
    ended = true;
    const later = { ...spark.options(), zOrderBy: ['id'], where: [parsePartitionFilter('ds=9')] };
    const second = await optimizeOnSpark(spark.engine, spark.table, later, jobs);
    assert.deepEqual([second.state, second.resumed, second.run, started.length], ['done', true, first.run, 1]);
    await assertRowsAreThere(spark);
  });

  it('commits nothing after its time, and all of it with the next call', async () => {
    const spark = await createSparkWorld();
    const { jobs, started } = createSparkStandIn({ table: spark.table });
    const late = { ...spark.options(), deadline: spark.world.now() };
    const first = await optimizeOnSpark(spark.engine, spark.table, late, jobs);
    assert.deepEqual([first.state, first.remaining, first.versions], ['committing', true, []]);
    const second = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.deepEqual([second.state, second.committedBins, started.length], ['done', 2, 1]);
    await assertRowsAreThere(spark);
  });

  it('ends with a job that failed, which the next call does not wait for', async () => {
    const spark = await createSparkWorld();
    let failures = 1;
    const { jobs, started } = createSparkStandIn({
      table: spark.table,
      outcome: () =>
        failures-- > 0 ? { kind: 'failed', state: 'FAILED', detail: 'ran out of memory' } : { kind: 'succeeded' },
    });
    await assert.rejects(optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs), {
      code: 'SPARK_JOB_FAILED',
      message: 'The Spark job job-1 for s3://landing/orders ended as FAILED: ran out of memory; nothing was committed',
    });
    assert.deepEqual(await spark.leftOvers(), []);
    const { state } = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.deepEqual([state, started.length], ['done', 2]);
    await assertRowsAreThere(spark);
  });

  it('refuses columns that rows cannot be laid out by, before anything is written', async () => {
    const spark = await createSparkWorld();
    const { jobs, started } = createSparkStandIn({ table: spark.table });
    for (const [column, message] of [
      ['nix', /has no column "nix"/],
      ['ds', /"ds" partitions/],
    ] as const) {
      const options = { ...spark.options(), zOrderBy: [column] };
      await assert.rejects(optimizeOnSpark(spark.engine, spark.table, options, jobs), message);
    }
    assert.deepEqual([started.length, await spark.leftOvers()], [0, []]);
  });

  it('is over once its plan is deleted, whatever a crash leaves of it', async () => {
    const spark = await createSparkWorld();
    const { jobs, started } = createSparkStandIn({ table: spark.table });
    const deleted: string[] = [];
    const crashing = spark.tableIn({
      ...spark.world.store,
      async delete(key) {
        if (deleted.length > 0) throw new Error('the process died');
        deleted.push(key);
        await spark.world.store.delete(key);
      },
    });
    await assert.rejects(optimizeOnSpark(spark.engine, crashing, spark.options(), jobs), /the process died/);
    const { state } = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.deepEqual([state, started.length], ['nothing', 1]);
    assert.deepEqual(
      (await spark.leftOvers()).map((key) => key.replace(/.*\//, '')),
      ['job.json', 'result.jsonl'],
    );
  });

  it('sweeps up what finished runs left a day ago, and nothing younger', async () => {
    const spark = await createSparkWorld();
    const bytes = new Uint8Array(1);
    const folder = 'orders/_resaca/optimize/0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e';
    await spark.world.store.put(`${folder}/output/1/part.parquet`, bytes);
    spark.world.advance(23 * 3_600_000);
    await spark.world.store.put(`${folder}/result.jsonl`, bytes);
    spark.world.advance(2 * 3_600_000);
    const { jobs } = createSparkStandIn({ table: spark.table });
    await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.deepEqual(await spark.leftOvers(), [`${folder}/result.jsonl`]);
  });
});

describe('What others do while the job runs', () => {
  /** Runs with something that happens after the plan was made, before its result is looked at. */
  async function runWhile(act: (spark: Awaited<ReturnType<typeof createSparkWorld>>) => Promise<unknown>) {
    const spark = await createSparkWorld();
    const change: StandInOptions['change'] = async (lines) => {
      await act(spark);
      return lines;
    };
    const { jobs } = createSparkStandIn({ table: spark.table, change });
    const result = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.deepEqual([result.state, await spark.leftOvers()], ['done', []]);
    return { spark, result };
  }

  it('appends are in the table beside it', async () => {
    const { spark, result } = await runWhile(async ({ world }) => {
      await world.deliver([await world.land('orders/ds=0/new.parquet', parquet(rowsOf(18, 2)))]);
    });
    assert.equal(result.committedBins, 2);
    assert.deepEqual(await spark.ids(), [...ALL_IDS, 18, 19]);
  });

  it('removes of one of its files keep that bin out, and no other', async () => {
    const { spark, result } = await runWhile(({ world }) =>
      world.commitForeign('orders', [
        {
          remove: {
            path: 'ds=0/0.parquet',
            deletionTimestamp: world.now(),
            dataChange: true,
            partitionValues: { ds: '0' },
          },
        },
      ]),
    );
    assert.deepEqual([result.committedBins, result.overtakenBins], [1, 1]);
    assert.deepEqual(await spark.ids(), ALL_IDS.slice(3));
  });

  it('a deletion vector on one of its files keeps the bin out', async () => {
    const { result, spark } = await runWhile(async ({ world }) => {
      const { files } = await world.table('orders');
      const add = files.find(({ path }) => path === 'ds=1/1.parquet') as AddFile;
      const deletionVector = {
        storageType: 'i',
        pathOrInlineDv: 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
        sizeInBytes: 40,
        cardinality: 1,
      };
      await world.commitForeign('orders', [
        { remove: { path: add.path, deletionTimestamp: world.now(), dataChange: true } },
        { add: { ...add, deletionVector } },
      ]);
    });
    assert.deepEqual([result.committedBins, result.overtakenBins], [1, 1]);
    const { files } = await spark.world.table('orders');
    assert.equal(files.find(({ path }) => path === 'ds=1/1.parquet')?.deletionVector?.cardinality, 1);
  });

  it('a file that lands once more under the same key is not taken out with its new rows', async () => {
    const { spark, result } = await runWhile(async ({ world }) => {
      await world.deliver([await world.land('orders/ds=0/0.parquet', parquet(rowsOf(100, 2)))]);
    });
    assert.deepEqual([result.committedBins, result.failedBins + result.overtakenBins], [1, 1]);
    assert.deepEqual(await spark.ids(), [...ALL_IDS.slice(3), 100, 101]);
  });

  it('an object that was overwritten, and whose event has not come, keeps the bin out: Spark may have read it', async () => {
    const { spark, result } = await runWhile(({ world }) =>
      world.land('orders/ds=0/0.parquet', parquet(rowsOf(100, 2))),
    );
    assert.deepEqual([result.committedBins, result.failedBins], [1, 1]);
    assert.match(result.firstError ?? '', /^bin \d: the file "ds=0\/0\.parquet" is not the one that was planned for$/);
    assert.deepEqual(await spark.ids(), [...ALL_IDS.slice(3), 100, 101]);
  });

  it('a race lost to a removal at the very commit keeps the bin out, to an append does not', async () => {
    const spark = await createSparkWorld();
    const { world } = spark;
    const races = [
      () =>
        world.commitForeign('orders', [
          { remove: { path: 'ds=1/3.parquet', deletionTimestamp: world.now(), dataChange: true } },
        ]),
      async () =>
        void (await world.otherEnvironment()(await world.land('orders/ds=0/new.parquet', parquet(rowsOf(18, 1))))),
    ];
    const racing = spark.tableIn({
      ...world.store,
      async putIfAbsent(key, body) {
        await races.shift()?.();
        return world.store.putIfAbsent(key, body);
      },
    });
    const { jobs } = createSparkStandIn({ table: spark.table });
    const result = await optimizeOnSpark(spark.engine, racing, spark.options(), jobs);
    assert.deepEqual([result.committedBins, result.overtakenBins, result.conflicts], [1, 1, 2]);
    assert.deepEqual(await spark.ids(), [...ALL_IDS.filter((id) => id < 9 || id > 11), 18]);
  });

  it('another table at the place ends the run', async () => {
    const spark = await createSparkWorld();
    const { world } = spark;
    const change: StandInOptions['change'] = async (lines) => {
      const { snapshot } = await world.table('orders');
      await world.commitForeign('orders', [{ metaData: { ...snapshot.metadata, id: 'another' } }]);
      return lines;
    };
    const { jobs } = createSparkStandIn({ table: spark.table, change });
    await assert.rejects(optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs), (error) =>
      isDeltaError(error, 'CONFLICT'),
    );
    assert.deepEqual(await spark.leftOvers(), []);
  });
});

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}
