import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAYS } from '../../src/cost/cost-items.ts';
import { estimate } from '../../src/cost/estimate.ts';
import { type AppendPart, appendBill, appendWork, batchMs, type FileLoad, fileWork } from '../../src/cost/files.ts';
import { MEASURED } from '../../src/cost/measured.ts';
import { oxbowFiles } from '../../src/cost/oxbow.ts';
import { applyPrices, PRICES } from '../../src/cost/prices.ts';
import { bronzeBill, mappedFunction, sparkOnGlue, streamAlternatives } from '../../src/cost/streams.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

const LOAD: FileLoad = { filesPerDay: 86_400, tables: 1, tableFiles: 100_000 };
const PART: AppendPart = { window: 30, batchSize: 1_000, memory: 512, queue: 'standard', eventBridge: false };
/** A million files a month, so many of them in a batch. */
const inBatchesOf = (size: number) =>
  [
    { ...LOAD, filesPerDay: 1e6 / DAYS },
    { ...PART, window: 1e9, batchSize: size },
  ] as const;

describe('the estimate for files', () => {
  it('gathers what comes in the window, up to the size of a batch', () => {
    const { filesPerBatch, batches, commits } = fileWork(LOAD, PART);
    assert.deepEqual([filesPerBatch, Math.round(batches), Math.round(commits)], [30, 87_600, 87_600]);
    assert.equal(fileWork(LOAD, { ...PART, window: 3_600 }).filesPerBatch, 1_000);
    assert.equal(fileWork({ ...LOAD, filesPerDay: 10 }, PART).filesPerBatch, 1);
  });

  it('counts a commit for each table that a batch has files of', () => {
    const { batches, commits } = fileWork({ ...LOAD, tables: 1_000_000 }, PART);
    assert.ok(commits > 29.9 * batches && commits <= 30 * batches);
    const few = fileWork({ ...LOAD, tables: 2 }, PART);
    assert.ok(few.commits > 1.999 * few.batches && few.commits <= 2 * few.batches);
  });

  it('has ten messages of one table in a batch behind the group function', () => {
    const part: AppendPart = { ...PART, queue: 'grouped' };
    const few = appendWork({ ...LOAD, tables: 10 }, part);
    const ungrouped = fileWork({ ...LOAD, tables: 10 }, PART);
    assert.deepEqual([few.commits, few.batches], [ungrouped.commits, ungrouped.commits / 10]);
    // More files of a table than a message takes are several messages.
    const many = appendWork({ ...LOAD, filesPerDay: 864_000_000 }, part);
    assert.ok(many.batches >= many.files / 1_000);
  });

  for (const [size, usd] of [
    [1_000, 1.37],
    [10, 1.63],
  ] as const) {
    it(`comes to what docs/sizing.md says of a million files in batches of ${size}`, () => {
      const atWork = appendBill(...inBatchesOf(size), PRICES).items.filter(
        ({ what }) => !/poll|logs|metrics|alarms/.test(what),
      );
      assert.equal(Number(atWork.reduce((sum, item) => sum + item.usd, 0).toFixed(2)), usd);
    });
  }

  it('takes the time that was measured for 1,000 files at 512 MB', () => {
    assert.ok(Math.abs(batchMs(1_000, 512) - 13_000) < 100);
    assert.equal(batchMs(1, 1_769), batchMs(1, 10_240));
  });

  it('does not grow with the table, and oxbow’s does', () => {
    const [small, large] = [10, 1_000_000].map((tableFiles) => ({ ...LOAD, tableFiles }));
    assert.ok(small && large);
    assert.deepEqual(appendBill(small, PART, PRICES), appendBill(large, PART, PRICES));
    const time = (load: FileLoad) =>
      oxbowFiles(load, PART, PRICES).items.find(({ price }) => price === 'lambda.gbSecond')?.quantity ?? 0;
    assert.ok(time(large) > 100 * time(small));
    assert.ok(time({ ...LOAD, tableFiles: 2_000_000 }) > 1.9 * time(large));
  });

  it('is below 5 % of Spark that runs all day', () => {
    const suite = { append: PART, maintenance: { memory: 2_048 }, dashboard: true, keys: 0 };
    const { total, comparisons } = estimate(suite, { files: { ...LOAD, bytes: 1e6 } }, PRICES);
    const spark = comparisons[0]?.others.find(({ name }) => name.startsWith('Spark'));
    assert.ok(spark && total < 0.05 * spark.total);
  });
});

describe('the estimate for Kafka', () => {
  const load = { gbPerDay: 50, topics: 4, recordBytes: 400 };
  const part = { reader: 'mapping', window: 30, memory: 1_024 } as const;
  const quantity = (price: string, gbPerDay: number, window = 30) =>
    bronzeBill({ ...load, gbPerDay }, { ...part, window }, PRICES).items.find((item) => item.price === price)
      ?.quantity ?? 0;

  it('grows with the bytes, and commits with the window', () => {
    assert.ok(quantity('lambda.gbSecond', 500) > 8 * quantity('lambda.gbSecond', 50));
    assert.ok(Math.abs(quantity('s3.put', 0.1, 30) / quantity('s3.put', 0.1, 300) - 10) < 0.01);
  });

  it('takes the figures that it is given', () => {
    const figures = { ...MEASURED.streams.bronze, cpuSecondsAGb: 2 * MEASURED.streams.bronze.cpuSecondsAGb };
    const time = (bill: ReturnType<typeof bronzeBill>) =>
      bill.items.find(({ price }) => price === 'lambda.gbSecond')?.usd ?? 0;
    const ratioOf = (window: number) =>
      time(mappedFunction('it', load, { ...part, window }, PRICES, figures)) /
      time(bronzeBill(load, { ...part, window }, PRICES));
    // They have the time that full events take besides their records; events that are not full take it for fewer.
    assert.ok(Math.abs(ratioOf(30) - 2) < 1e-9);
    assert.ok(ratioOf(3) > 1.2 && ratioOf(3) < 1.8);
  });

  it('has a commit a turn where a schedule reads, whatever comes, and none where nothing comes', () => {
    const commits = (gbPerDay: number, window: number) =>
      bronzeBill({ ...load, gbPerDay }, { ...part, reader: 'schedule', window }, PRICES).items.find(
        ({ price }) => price === 's3.put',
      )?.quantity ?? 0;
    assert.equal(commits(50, 60), 2 * 4 * 730 * 60);
    assert.equal(commits(500, 60), commits(50, 60));
    assert.equal(commits(50, 600), commits(50, 60) / 10);
    assert.equal(commits(0, 60), 0);
  });

  it('has two workers of Glue at least, and more of them from the load on that keeps these half busy', () => {
    const dpus = (cores: number, kind: 'usual' | 'small') =>
      (sparkOnGlue(cores, PRICES, { kind }).items[0]?.quantity ?? 0) / 730;
    assert.deepEqual([dpus(0, 'usual'), dpus(4, 'usual'), dpus(4.1, 'usual')], [2, 2, 3]);
    assert.deepEqual([dpus(0, 'small'), dpus(2, 'small'), dpus(2.1, 'small')], [0.5, 0.5, 0.75]);
  });

  it('names the other ways, each with what its figure rests on', () => {
    const others = streamAlternatives(load, 'mapping', PRICES);
    assert.deepEqual(
      others.map(({ name }) => name),
      [
        'resaca, scheduled consumer',
        'resaca kafka, on Fargate',
        'kafka-delta-ingest, on Fargate',
        'Spark streaming, on Glue',
        'Spark streaming, on the smallest workers of Glue',
        'Spark streaming, on Fargate without a cluster',
        'Managed Service for Apache Flink',
        'Kafka Connect, on MSK Connect',
        'Firehose, to Parquet files',
      ],
    );
    for (const { basis, total } of others) assert.ok(basis.length > 0 && total > 0);
    assert.equal(streamAlternatives(load, 'schedule', PRICES)[0]?.name, 'resaca, function of a mapping');
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
