import { requestsText, totalRequests } from '../append/bounds.ts';
import type { Series } from '../append/chart-scale.ts';
import { svgChart } from '../append/chart-svg.ts';
import type { TableFacts } from '../kafka/stage.ts';
import type { S3Requests } from '../s3-proxy.ts';
import type { LagResult } from './lag-tools.ts';
import { goalsOf, type MonthlyCost, RATES, WAYS } from './model.ts';
import type { Conditions, CostReport, LandingRun, StreamRun } from './results.ts';

const MIB = 2 ** 20;
const GIGABYTE = 1e9;

interface Line {
  readonly contender: string;
  readonly cpuMs: number;
  readonly peakRss: number;
  readonly table: Pick<TableFacts, 'files' | 'bytes' | 'commits'>;
  readonly requests?: S3Requests;
  /** Of all that came in. */
  readonly bytes: number;
  readonly load: Conditions['load'];
}

/** The report as Markdown. */
export function reportText(report: CostReport): string {
  const sections = Object.entries(tablesOf(report)).map(([name, table]) => `${TITLES[name as TableName]}\n\n${table}`);
  const machines = new Set(allRuns(report).map(({ machine }) => machine));
  return [...machines, ...sections].join('\n\n');
}

function allRuns({ kafka, landing, lag }: CostReport): Conditions[] {
  return [kafka, landing, lag].flatMap((results) => Object.values<Conditions>(results));
}

type TableName = 'kafka' | 'files' | 'lag' | 'monthly' | 'goals' | 'assumptions';

const TITLES: Readonly<Record<TableName, string>> = {
  kafka: 'Web requests as JSON in Kafka, into a table on local S3:',
  files: 'Parquet files that land:',
  lag: 'From the time of a record until the commit that holds it:',
  monthly: 'USD a month:',
  goals: 'The goals:',
  assumptions: 'Assumptions:',
};

/** The contenders' order in the tables, whichever was measured first: ours, then the others; of Kafka, then of files. */
const ORDER = ['bronze', 'scheduled', 'consumer', 'kafkaDeltaIngest', 'spark', 'append', 'oxbow', 'sparkFiles'];

function inOrder<T>(results: Readonly<Partial<Record<string, T>>>): T[] {
  return ORDER.flatMap((name) => results[name] ?? []);
}

function tablesOf({ kafka, landing, lag, monthly, assumptions }: CostReport): Readonly<Record<TableName, string>> {
  const results = inOrder<StreamRun>(kafka);
  const notes = results.flatMap(({ note, contender }) => (note === undefined ? [] : [`${contender}: ${note}`]));
  return {
    kafka: [measuredTable(results), ...notes].join('\n\n'),
    files: measuredTable(inOrder<LandingRun>(landing)),
    lag: lagTable(inOrder<LagResult & Conditions>(lag)),
    monthly: monthlyTable(monthly),
    goals: goalTable(monthly),
    assumptions: assumptions.map((line) => `- ${line}`).join('\n'),
  };
}

/** A page with the tables of the report between its marks `<!-- measured: NAME -->` and `<!-- end -->`. */
export function withTables(page: string, report: CostReport): string {
  const tables = tablesOf(report);
  return page.replaceAll(
    /(<!-- measured: (\w+) -->\n)[\s\S]*?(\n<!-- end -->)/g,
    (_, start: string, name: string, end: string) => {
      const table = (tables as Readonly<Record<string, string>>)[name];
      if (table === undefined) throw new Error(`no table ${name}, expected ${Object.keys(tables).join(', ')}`);
      return `${start}\n${table}\n${end}`;
    },
  );
}

export function measuredTable(results: readonly Line[]): string {
  return markdown(
    ['contender', 'GB', 'CPU-s a GB', 'peak MiB', 'files', 'MB', 'commits', 'requests a GB', 'load average'],
    results.map(({ contender, bytes, cpuMs, peakRss, table, requests, load }) => {
      const gb = bytes / GIGABYTE;
      return [
        contender,
        gb.toFixed(2),
        (cpuMs / 1_000 / gb).toFixed(cpuMs / gb < 10_000 ? 2 : 1),
        (peakRss / MIB).toFixed(0),
        String(table.files),
        (table.bytes / 1e6).toFixed(0),
        String(table.commits),
        requests === undefined ? '' : requestsPer(requests, gb),
        load.map((text) => text.split(',')[0]).join(' to '),
      ];
    }),
  );
}

function requestsPer(requests: S3Requests, gb: number): string {
  const share = Object.fromEntries(
    Object.entries(requests).map(([kind, count]) => [kind, Math.round(count / gb)]),
  ) as unknown as S3Requests;
  return `${totalRequests(share).toLocaleString('en')}: ${requestsText(share)}`;
}

function lagTable(lags: readonly (LagResult & Conditions)[]): string {
  const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
  return markdown(
    ['contender', 'commits when', 'records', 'commits', 'median, s', 'p99, s', 'max, s', 'load average'],
    lags.map(({ contender, trigger, records, commits, median, p99, max, load }) => [
      contender,
      trigger,
      records.toLocaleString('en'),
      String(commits),
      ...[median, p99, max].map(seconds),
      load.map((text) => text.split(',')[0]).join(' to '),
    ]),
  );
}

export function monthlyTable(monthly: readonly MonthlyCost[]): string {
  const rows = new Map<string, string[]>();
  for (const { source, way, usd } of monthly) {
    const name = `${source}: ${way}`;
    rows.set(name, [...(rows.get(name) ?? [name]), usd.toFixed(2)]);
  }
  return markdown(['way', ...RATES.map((rate) => `${rate} MB/s`)], [...rows.values()]);
}

function goalTable(monthly: readonly MonthlyCost[]): string {
  return markdown(
    ['goal', 'to reach', 'is', 'reached'],
    goalsOf(monthly).map(({ what, bound, ratio, isReached }) => [
      what,
      bound === 1 ? 'below 100 %' : `at most ${bound * 100} %`,
      `${(ratio * 100).toFixed(1)} %`,
      isReached ? 'yes' : 'NO',
    ]),
  );
}

/** USD a month against MB/s, of records of Kafka. */
export function costSeries(monthly: readonly MonthlyCost[]): Series[] {
  // Short enough for the margin of the chart.
  const ways = [
    ['resaca kafka', WAYS.consumer],
    ['scheduled', WAYS.scheduled],
    ['bronze function', WAYS.function],
    ['k-d-ingest', WAYS.peer],
    ['Spark, small', WAYS.leastGlue],
    ['Spark, Glue', WAYS.glue],
  ] as const;
  return ways.flatMap(([name, way]) => {
    const points = monthly
      .filter((one) => one.source === 'kafka' && one.way === way)
      .map(({ mbPerSecond, usd }) => ({ x: mbPerSecond, y: usd }));
    return points.length === 0 ? [] : [{ name, points }];
  });
}

/** The costs of Kafka's ways against the rate, as SVG. */
export function costChart({ kafka, monthly }: CostReport): string {
  const last = Object.values(kafka)
    .sort((one, other) => (one.date < other.date ? -1 : 1))
    .at(-1);
  return svgChart(
    {
      title: 'What Kafka into Delta costs in a month',
      subtitle: `USD, list prices of us-east-1; measured ${last?.date.slice(0, 10)} on ${last?.machine.split(',')[0]}`,
      x: { name: 'MB of JSON a second', format: (value) => `${value} MB/s` },
      y: { format: (value) => `$${value >= 1_000 ? `${Number((value / 1_000).toPrecision(2))}k` : value.toFixed(0)}` },
    },
    costSeries(monthly),
  );
}

function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
