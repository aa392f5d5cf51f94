import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { figuresOf, goalsOf, kafkaCosts, landingCosts, RATES, WAYS } from '../../bench/cost/model.ts';
import { parseCostOptions } from '../../bench/cost/options.ts';
import { costSeries, measuredTable, monthlyTable } from '../../bench/cost/report.ts';
import { PRICES } from '../../src/cost/prices.ts';

const MIB = 2 ** 20;
const bronze = { cpuSecondsAGb: 70, peakMiB: 315 };
const scheduled = { cpuSecondsAGb: 55, peakMiB: 480 };
const consumer = { cpuSecondsAGb: 50, peakMiB: 440 };
const kafkaDeltaIngest = { cpuSecondsAGb: 150, peakMiB: 150 };
const spark = { cpuSecondsAGb: 400, peakMiB: 3_000 };
const ALL = { bronze, scheduled, consumer, kafkaDeltaIngest, spark };

describe('the figures of a run', () => {
  it('are CPU by GB of what came in', () => {
    assert.deepEqual(figuresOf({ cpuMs: 35_000, peakRss: 315 * MIB }, 0.5e9), bronze);
  });
});

describe('the cost of a run in a month', () => {
  const monthly = kafkaCosts(ALL, PRICES);
  const usd = (way: string, rate: number) =>
    monthly.find((one) => one.way === way && one.mbPerSecond === rate)?.usd ?? 0;

  it('is there for each way at each rate', () => {
    assert.equal(monthly.length, 7 * RATES.length);
    assert.ok(monthly.every((one) => Number.isFinite(one.usd) && one.usd > 0));
  });

  it('leaves out what did not run', () => {
    assert.deepEqual(
      kafkaCosts({ bronze }, PRICES).map(({ way }) => way),
      RATES.map(() => WAYS.function),
    );
    assert.deepEqual(
      landingCosts(undefined, { fileBytes: 2e6 }, PRICES).map(({ way }) => way),
      RATES.flatMap(() => [WAYS.append, WAYS.oxbow]),
    );
  });

  it('grows with the rate, the function’s in proportion', () => {
    const ratio = usd(WAYS.function, 100) / usd(WAYS.function, 10);
    assert.ok(ratio > 9 && ratio < 10.01, String(ratio));
    // What runs all day costs the same at rest: twice as much CPU is no more money while one task carries it.
    const twice = kafkaCosts(
      { consumer: { ...consumer, cpuSecondsAGb: 100 }, scheduled: { ...scheduled, cpuSecondsAGb: 110 } },
      PRICES,
    );
    const of = (way: string) => twice.find((one) => one.way === way && one.mbPerSecond === 1)?.usd ?? 0;
    assert.equal(of(WAYS.consumer), usd(WAYS.consumer, 1));
    // What runs by the minute does not.
    assert.ok(of(WAYS.scheduled) > usd(WAYS.scheduled, 1) + 2);
  });

  it('takes the memory that was measured', () => {
    const large = kafkaCosts({ spark: { ...spark, peakMiB: 12_000 } }, PRICES);
    const task = large.find(({ way, mbPerSecond }) => way === WAYS.fargate && mbPerSecond === 1)?.usd ?? 0;
    assert.ok(task > usd(WAYS.fargate, 1));
  });

  it('is held against the goals, which say what they compare', () => {
    const goals = goalsOf(monthly);
    assert.equal(goals.length, 3 * (3 + RATES.length));
    for (const { what, ratio, bound, isReached } of goals) {
      assert.ok(/(function|consumer|kafka) to /.test(what) && ratio > 0);
      assert.equal(isReached, bound === 1 ? ratio < 1 : ratio <= bound);
    }
    const [first] = goals;
    assert.equal(first?.ratio, usd(WAYS.function, 1) / usd(WAYS.glue, 1));
    assert.deepEqual(goalsOf([]), []);
  });

  it('is shown by way and rate', () => {
    const lines = monthlyTable(monthly).split('\n');
    assert.equal(lines.length, 2 + 7);
    assert.ok(lines[2]?.startsWith(`| kafka: ${WAYS.function} | ${usd(WAYS.function, 1).toFixed(2)} |`));
    assert.deepEqual(
      costSeries(monthly).map(({ points }) => points.map(({ x }) => x)),
      Array.from({ length: 6 }, () => RATES),
    );
  });
});

describe('the table of what was measured', () => {
  it('has sums by GB', () => {
    const requests = { get: 10, ranged: 10, head: 0, list: 20, put: 30, other: 0, service: 0, received: 1 };
    const table = { files: 3, bytes: 5e6, commits: 2 };
    const usage = { cpuMs: 40_000, peakRss: 100 * MIB };
    const line = measuredTable([
      { contender: 'x', ...usage, table, requests, bytes: 0.5e9, load: ['1.5, 1.0, 0.5', '2.0, 1.0, 0.5'] },
    ])
      .split('\n')
      .at(-1);
    assert.equal(line, '| x | 0.50 | 80.0 | 100 | 3 | 5 | 2 | 120: 20 ranged GET + 40 LIST + 60 PUT | 1.5 to 2.0 |');
  });
});

describe('the options of the cost benchmark', () => {
  it('have defaults', () => {
    const { gb, filesGb, seed, batch, spark: hasSpark } = parseCostOptions([]);
    assert.deepEqual([gb, filesGb, seed, batch, hasSpark], [5, 5, 1, 50_000, false]);
    assert.equal(parseCostOptions(['--gb', '0.5']).filesGb, 0.5);
    assert.equal(parseCostOptions(['--gb', '0.5', '--files-gb', '2']).filesGb, 2);
  });

  it('choose parts and contenders', () => {
    const of = (...args: string[]) => {
      const { streams, landings, lags } = parseCostOptions(args);
      return [streams, landings, lags];
    };
    const streams = ['bronze', 'scheduled', 'consumer', 'kafkaDeltaIngest', 'spark'];
    assert.deepEqual(of(), [streams, ['append', 'oxbow', 'sparkFiles'], [...streams, 'append', 'sparkFiles']]);
    assert.deepEqual(of('--only', 'files'), [[], ['append', 'oxbow', 'sparkFiles'], []]);
    assert.deepEqual(of('--contender', 'spark,oxbow'), [['spark'], ['oxbow'], ['spark']]);
    assert.deepEqual(of('--only', 'kafka,lag', '--contender', 'spark,oxbow'), [['spark'], [], ['spark']]);
    assert.deepEqual(of('--only', 'none'), [[], [], []]);
    assert.equal(parseCostOptions(['--turn', '0.5']).turn, 30_000);
  });

  for (const [args, problem] of [
    [['--gb', '0'], /--gb: expected a number above 0, got "0"/],
    [['--files-gb', 'x'], /--files-gb: expected a number above 0/],
    [['--seed', '1.5'], /--seed: expected a whole number/],
    [['--only', 'x'], /--only: expected some of kafka, files, lag, got "x"/],
    [['--contender', 'spark,y'], /--contender: expected some of bronze, .*, got "y"/],
    [['--lag-seconds', '0'], /--lag-seconds: expected a number above 0/],
    [['--turn', '0'], /--turn: expected a number above 0/],
  ] as const) {
    it(`refuse ${args.join(' ')}`, () => assert.throws(() => parseCostOptions(args), problem));
  }
});
