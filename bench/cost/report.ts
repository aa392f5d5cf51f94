import { requestsText, totalRequests } from '../append/bounds.ts';
import type { Series } from '../append/chart-scale.ts';
import { svgChart } from '../append/chart-svg.ts';
import type { TableFacts } from '../kafka/stage.ts';
import type { S3Requests } from '../s3-proxy.ts';
import { goalsOf, type Lag, type MonthlyCost, RATES, WAYS } from './model.ts';
import type { CostReport } from './results.ts';

const MIB = 2 ** 20;
const GIGABYTE = 1e9;

interface Line {
  readonly contender: string;
  readonly cpuMs: number;
  readonly peakRss: number;
  readonly table: Pick<TableFacts, 'files' | 'bytes' | 'commits'>;
  readonly requests?: S3Requests;
}

/** The report as Markdown. */
export function reportText(report: CostReport): string {
  const { kafka, landing, lag, monthly, load, machine, date } = report;
  const head = `${date}; ${machine}; load average ${load[0]} at the start, ${load[1]} at the end; seed ${report.seed}`;
  return [
    head,
    ...(kafka === undefined
      ? []
      : [
          `${kafka.stage.records.toLocaleString('en')} web requests as JSON in Kafka, ${(kafka.stage.bytes / GIGABYTE).toFixed(2)} GB, into a table on local S3:`,
          measuredTable(Object.values(kafka.results), kafka.stage.bytes),
          ...Object.values(kafka.results).flatMap(({ note }) => (note === undefined ? [] : [note])),
        ]),
    ...(landing === undefined
      ? []
      : [
          `${landing.files.toLocaleString('en')} Parquet files that land, ${(landing.bytes / GIGABYTE).toFixed(2)} GB, ${landing.rows.toLocaleString('en')} rows:`,
          measuredTable(landing.results, landing.bytes),
        ]),
    ...(lag.length === 0 ? [] : ['The oldest record of a commit, derived from CPU time:', lagTable(lag)]),
    'USD a month:',
    monthlyTable(monthly),
    goalTable(monthly),
    'Assumptions:',
    report.assumptions.map((line) => `- ${line}`).join('\n'),
  ].join('\n\n');
}

export function measuredTable(results: readonly Line[], bytes: number): string {
  const gb = bytes / GIGABYTE;
  return markdown(
    ['contender', 'CPU-s a GB', 'peak MiB', 'files', 'MB', 'commits', 'requests a GB'],
    results.map((result) => [
      result.contender,
      (result.cpuMs / 1_000 / gb).toFixed(result.cpuMs / gb < 10_000 ? 2 : 1),
      (result.peakRss / MIB).toFixed(0),
      String(result.table.files),
      (result.table.bytes / 1e6).toFixed(0),
      String(result.table.commits),
      result.requests === undefined ? '' : requestsPer(result.requests, gb),
    ]),
  );
}

function requestsPer(requests: S3Requests, gb: number): string {
  const share = Object.fromEntries(
    Object.entries(requests).map(([kind, count]) => [kind, Math.round(count / gb)]),
  ) as unknown as S3Requests;
  return `${totalRequests(share).toLocaleString('en')}: ${requestsText(share)}`;
}

function lagTable(lag: readonly Lag[]): string {
  return markdown(
    ['way', 'MB/s', 'until the batch is cut, s', 'CPU time of the batch, s', 'together'],
    lag.map(({ way, mbPerSecond, gathered, work }) => [
      way,
      String(mbPerSecond),
      gathered.toFixed(0),
      work.toFixed(1),
      (gathered + work).toFixed(1),
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
export function costChart({ monthly, date, machine }: CostReport): string {
  return svgChart(
    {
      title: 'What Kafka into Delta costs in a month',
      subtitle: `USD, list prices of us-east-1; measured ${date.slice(0, 10)} on ${machine.split(',')[0]}`,
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
