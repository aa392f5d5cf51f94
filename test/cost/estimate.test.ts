import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAYS } from '../../src/cost/cost-items.ts';
import { estimateFiles, estimateStream } from '../../src/cost/estimate.ts';
import { batchMs, type FileLoad, fileWork, oxbowFiles, resacaFiles } from '../../src/cost/files.ts';
import { applyPrices, PRICES } from '../../src/cost/prices.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

const LOAD: FileLoad = {
  filesPerDay: 86_400,
  tables: 1,
  tableFiles: 100_000,
  window: 30,
  batchSize: 1_000,
  memory: 512,
  eventBridge: false,
};
/** A million files a month, so many of them in a batch. */
const inBatchesOf = (size: number): FileLoad => ({ ...LOAD, filesPerDay: 1e6 / DAYS, window: 1e9, batchSize: size });

describe('the estimate for files', () => {
  it('gathers what comes in the window, up to the size of a batch', () => {
    const { filesPerBatch, batches, commits } = fileWork(LOAD);
    assert.deepEqual([filesPerBatch, Math.round(batches), Math.round(commits)], [30, 87_600, 87_600]);
    assert.equal(fileWork({ ...LOAD, window: 3_600 }).filesPerBatch, 1_000);
    assert.equal(fileWork({ ...LOAD, filesPerDay: 10 }).filesPerBatch, 1);
  });

  it('counts a commit for each table that a batch has files of', () => {
    const { batches, commits } = fileWork({ ...LOAD, tables: 1_000_000 });
    assert.ok(commits > 29.9 * batches && commits <= 30 * batches);
    const few = fileWork({ ...LOAD, tables: 2 });
    assert.ok(few.commits > 1.999 * few.batches && few.commits <= 2 * few.batches);
  });

  for (const [size, usd] of [
    [1_000, 1.38],
    [10, 2.05],
  ] as const) {
    it(`comes to what docs/sizing.md says of a million files in batches of ${size}`, () => {
      const atWork = resacaFiles(inBatchesOf(size), PRICES).items.filter(
        ({ what }) => !/poll|checkpoint|logs|metrics|alarms|dashboard/.test(what),
      );
      assert.equal(Number(atWork.reduce((sum, item) => sum + item.usd, 0).toFixed(2)), usd);
    });
  }

  it('takes the time that was measured for 1,000 files at 512 MB', () => {
    assert.ok(Math.abs(batchMs(1_000, 512) - 13_000) < 100);
    assert.equal(batchMs(1, 1_769), batchMs(1, 10_240));
  });

  it('does not grow with the table but for its checkpoints, and oxbow’s does', () => {
    const [small, large] = [10, 1_000_000].map((tableFiles) => ({ ...LOAD, tableFiles }));
    assert.ok(small && large);
    const without = (load: FileLoad) =>
      resacaFiles(load, PRICES).items.filter(({ what }) => !what.startsWith('checkpoints'));
    assert.deepEqual(without(small), without(large));
    const time = (load: FileLoad) =>
      oxbowFiles(load, PRICES).items.find(({ price }) => price === 'lambda.gbSecond')?.quantity ?? 0;
    assert.ok(time(large) > 100 * time(small));
    assert.ok(time({ ...LOAD, tableFiles: 2_000_000 }) > 1.9 * time(large));
  });

  it('is below 5 % of Spark that runs all day', () => {
    const { own, others } = estimateFiles(LOAD, PRICES);
    const spark = others.find(({ name }) => name.startsWith('Spark'));
    assert.ok(spark && own.total < 0.05 * spark.total);
  });
});

describe('the estimate for Kafka', () => {
  const load = { gbPerDay: 50, topics: 4, recordBytes: 400, window: 30, memory: 1_024 };

  it('grows with the bytes, and commits with the window', () => {
    const time = (gbPerDay: number) =>
      estimateStream({ ...load, gbPerDay }, PRICES).own.items.find(({ price }) => price === 'lambda.gbSecond')
        ?.quantity ?? 0;
    assert.ok(time(500) > 8 * time(50));
    const puts = (window: number) =>
      estimateStream({ ...load, gbPerDay: 0.1, window }, PRICES).own.items.find(({ price }) => price === 's3.put')
        ?.quantity ?? 0;
    assert.ok(Math.abs(puts(30) / puts(300) - 10) < 0.01);
  });

  it('names the other ways, each with what its figure rests on', () => {
    const { others } = estimateStream(load, PRICES);
    assert.deepEqual(
      others.map(({ name }) => name),
      [
        'resaca kafka, on Fargate',
        'kafka-delta-ingest, on Fargate',
        'Spark streaming, on Glue',
        'Managed Service for Apache Flink',
        'Kafka Connect, on MSK Connect',
        'Firehose, to Parquet files',
      ],
    );
    for (const { basis, total } of others) assert.ok(basis.length > 0 && total > 0);
  });
});

describe('the prices', () => {
  it('have a source and a day, and say where they are to be looked up', () => {
    for (const { usd, source, asOf, standing } of Object.values(PRICES)) {
      assert.ok(usd > 0 && source !== '' && /^\d{4}-\d\d-\d\d$/.test(asOf) && ['stated', 'assumed'].includes(standing));
    }
  });

  it('may be others', () => {
    const prices = applyPrices({ 'lambda.gbSecond': 0.0000166667 }, 'mine.json', '2026-12-01');
    assert.deepEqual([prices['lambda.gbSecond'].usd, prices['lambda.gbSecond'].source], [0.0000166667, 'mine.json']);
    assert.equal(prices['s3.get'], PRICES['s3.get']);
  });

  it('are refused where they are no prices', () => {
    assert.throws(
      () => applyPrices({ 'lambda.gbSecond': '1', 's3.gte': 1, 's3.put': -1 }, 'x', '2026-12-01'),
      (error) => error instanceof ConfigError && error.problems.length === 3,
    );
  });
});
