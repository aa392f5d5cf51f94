import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optimizeOnSpark } from '../../src/maintenance/spark/optimize-on-spark.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { createSparkStandIn, type StandInOptions } from '../support/spark-stand-in.ts';
import { assertRowsAreThere, createSparkWorld } from './spark-world.ts';

interface BinLine {
  bin: number;
  outputs: { path: string; size: number }[];
}

async function runWith(change: NonNullable<StandInOptions['change']>) {
  const spark = await createSparkWorld();
  const { jobs } = createSparkStandIn({ table: spark.table, change });
  return { spark, result: optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs) };
}

/** Changes the line of the first bin. */
function withFirst(change: (line: BinLine) => object) {
  return (lines: object[]) => lines.map((line, index) => (index === 1 ? change(line as BinLine) : line));
}

const OTHER = 'resaca-compacted-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e.zstd.parquet';

describe('A bin of which the result is not good', () => {
  const cases: readonly (readonly [string, (line: BinLine) => object, RegExp])[] = [
    ['failed', ({ bin }) => ({ bin, error: 'no space' }), /^bin 0: no space$/],
    ['names a file that is not there', outputs(() => [{ path: `ds=1/${OTHER}`, size: 9 }]), /NOT_FOUND/],
    ['names another size', outputs(([file]) => [{ ...file, size: 9 }]), /PRECONDITION_FAILED|NOT_PARQUET|TRUNCATED/],
    ['has no file', outputs(() => []), /has 0 rows|have 0 rows, expected the 9/],
    ['has its file twice', outputs(([file]) => [file, file]), /have 18 rows, expected the 9/],
  ];
  for (const [name, change, message] of cases) {
    it(`${name}: it is left as it was, and the other is committed`, async () => {
      const { spark, result } = await runWith(withFirst(change));
      const { committedBins, failedBins, firstError, bins } = await result;
      assert.deepEqual([bins, committedBins, failedBins], [2, 1, 1]);
      assert.match(firstError ?? '', message);
      await assertRowsAreThere(spark);
      assert.equal((await spark.world.table('orders')).files.length, 4);
    });
  }

  it('holds fewer rows than the files that it replaces', async () => {
    const spark = await createSparkWorld();
    const change: StandInOptions['change'] = async (lines) => {
      const [file] = (lines[1] as BinLine).outputs;
      assert.ok(file);
      const body = parquet(rowsOf(0, 8));
      await spark.world.store.put(`orders/${file.path}`, body);
      return withFirst(outputs(([first]) => [{ ...first, size: body.byteLength }]))(lines);
    };
    const { jobs } = createSparkStandIn({ table: spark.table, change });
    const { firstError, failedBins } = await optimizeOnSpark(spark.engine, spark.table, spark.options(), jobs);
    assert.equal(failedBins, 1);
    assert.equal(firstError, 'bin 0: its files have 8 rows, expected the 9 of those that they replace');
    await assertRowsAreThere(spark);
  });

  for (const [left, empty] of [
    ['no file', []],
    ['a file without rows', [parquet([])]],
  ] as const)
    it(`of which all rows were deleted and ${left} written is taken out, and nothing put in its place`, async () => {
      const spark = await createSparkWorld();
      const { world } = spark;
      const { files } = await world.table('orders');
      const vectors = files
        .filter(({ partitionValues }) => partitionValues.ds === '0')
        .map((add) => ({
          add: { ...add, deletionVector: { storageType: 'i', pathOrInlineDv: '.', sizeInBytes: 1, cardinality: 3 } },
        }));
      await world.commitForeign('orders', [
        ...vectors.map(({ add }) => ({ remove: { path: add.path, dataChange: true, deletionTimestamp: world.now() } })),
        ...vectors,
      ]);
      const written = empty.map((body) => ({ path: `ds=0/${OTHER}`, size: body.byteLength }));
      for (const body of empty) await world.store.put(`orders/ds=0/${OTHER}`, body);
      const change: StandInOptions['change'] = (lines) =>
        lines.map((line) => {
          const { outputs: files, bin } = line as Partial<BinLine>;
          return files?.[0]?.path.startsWith('ds=0/') === true ? { bin, outputs: written } : line;
        });
      const { jobs } = createSparkStandIn({ table: spark.table, change });
      const { committedBins, filesRemoved, filesAdded } = await optimizeOnSpark(
        spark.engine,
        spark.table,
        spark.options(),
        jobs,
      );
      assert.deepEqual([committedBins, filesRemoved, filesAdded], [2, 6, 1]);
      const left = (await world.table('orders')).files;
      assert.deepEqual(
        left.map(({ partitionValues }) => partitionValues.ds),
        ['1'],
      );
      const removed = (await spark.lastActions()).flatMap((action) => ('remove' in action ? [action.remove] : []));
      assert.equal(removed.filter(({ deletionVector }) => deletionVector?.cardinality === 3).length, 3);
    });
});

describe('A result that is not one of the run', () => {
  const cases: readonly (readonly [string, NonNullable<StandInOptions['change']>, RegExp])[] = [
    ['is empty', () => [], /result\.jsonl is not what was expected: its first line is not the head/],
    ['is of another format', changed(0, { format: 2 }), /line 1: format is 2, expected 1/],
    ['is of another run', changed(0, { run: 'x' }), /it is of the run x, expected [0-9a-f-]{36}/],
    ['has no end', (lines) => lines.slice(0, -1), /after 2 bins comes nothing/],
    ['lacks a bin', (lines) => lines.toSpliced(2, 1), /after 1 bins comes a line of the kind "end"/],
    ['has a bin more', (lines) => lines.toSpliced(2, 0, lines[1] ?? {}), /bin 1 has the number 0/],
    ['counts otherwise at its end', changed(3, { bins: 3 }), /after 2 bins comes/],
    ['has an unknown field', withFirst((line) => ({ ...line, rows: 3 })), /line 2: a bin has the field "rows"/],
    ['has a size that is no number', withFirst(outputs(([file]) => [{ ...file, size: '9' }])), /size is "9", expected/],
    [
      'writes into another folder',
      withFirst(outputs(([file]) => [{ ...file, path: `ds=9/${OTHER}` }])),
      /bin 0 has the output "ds=9\//,
    ],
    [
      'climbs out of the table',
      withFirst(outputs(([file]) => [{ ...file, path: `../${OTHER}` }])),
      /bin 0 has the output "\.\.\//,
    ],
    [
      'names a file that landed',
      withFirst(outputs(([file]) => [{ ...file, path: 'ds=0/0.parquet' }])),
      /expected resaca-compacted-/,
    ],
  ];
  for (const [name, change, message] of cases) {
    it(`${name}: nothing of it is committed, and the run ends`, async () => {
      const { spark, result } = await runWith(change);
      await assert.rejects(result, (error: Error) => {
        assert.match(error.message, message);
        return 'code' in error && error.code === 'INVALID_RUN';
      });
      await assertRowsAreThere(spark);
      assert.deepEqual(await spark.leftOvers(), []);
    });
  }

  it('is not there at all', async () => {
    const spark = await createSparkWorld();
    const { jobs } = createSparkStandIn({ table: spark.table });
    const forgetful = {
      ...jobs,
      async wait() {
        for (const key of await spark.leftOvers())
          if (key.endsWith('result.jsonl')) await spark.world.store.delete(key);
        return { kind: 'succeeded' } as const;
      },
    };
    await assert.rejects(optimizeOnSpark(spark.engine, spark.table, spark.options(), forgetful), {
      code: 'INVALID_RUN',
      message: /has left no result: orders\/_resaca\/optimize\/[0-9a-f-]{36}\/result\.jsonl is not there/,
    });
    assert.deepEqual(await spark.leftOvers(), []);
  });
});

function outputs(change: (files: BinLine['outputs']) => unknown[]) {
  return ({ bin, outputs: files }: BinLine): object => ({ bin, outputs: change(files) });
}

function changed(index: number, fields: object): NonNullable<StandInOptions['change']> {
  return (lines) => lines.map((line, position) => (position === index ? { ...line, ...fields } : line));
}
