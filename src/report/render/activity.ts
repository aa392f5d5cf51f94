import { barChart } from '../chart/bars.ts';
import { legend, responsive } from '../chart/frame.ts';
import { lineChart } from '../chart/lines.ts';
import { countScale, durationScale } from '../chart/scale.ts';
import type { CommitSeries, HistoryBucket, HistoryFacts, ReportFacts } from '../facts.ts';
import { formatBytes, formatCount, formatDuration, formatTime, plural } from '../format.ts';
import { type Html, html, NONE, outside } from '../html.ts';
import { hasSpan, NO_SPAN, nothingInRange, rangeText, timeAxis } from './growth.ts';
import { cell, leftOut, numbers, section, table } from './table.ts';

/** Ticks of time that there is room for. */
const TICKS = { wide: 9, narrow: 4 };

/** How long files wait for their commit. */
export function renderLag({ history }: ReportFacts): Html {
  const { lag } = history;
  const buckets = history.buckets.flatMap((bucket) => (bucket.lag === null ? [] : [{ ...bucket, lag: bucket.lag }]));
  if (lag === null || buckets.length === 0) {
    return section(
      'lag',
      'Lag',
      html`<p>No files were added with new rows in this range, so there is no lag to show.</p>`,
    );
  }
  const series = [
    buckets.map(({ from, to, lag: { median } }) => point(from, to, median, 'median')),
    buckets.map(({ from, to, lag: { highest } }) => point(from, to, highest, 'highest')),
  ];
  const scale = durationScale(buckets.flatMap((bucket) => [bucket.lag.median, bucket.lag.highest]));
  const description = `The median is ${formatDuration(lag.median)}, the highest ${formatDuration(lag.highest)}.`;
  const chart = responsive((size) =>
    lineChart(
      { id: 'lag-chart', title: 'Lag from file to commit over time', description },
      size,
      { x: timeAxis(history, TICKS[size.name]), y: scale },
      series,
      { shape: 'straight', isFilled: false },
    ),
  );
  return section(
    'lag',
    'Lag',
    html`<p>From the time of a file to that of its commit: median ${formatDuration(lag.median)}, highest ${formatDuration(lag.highest)}, of ${plural(lag.files, 'added file')}.</p>`,
    hasSpan(history)
      ? html`<figure><figcaption><h3>Lag</h3><span class="quiet">by ${formatDuration(history.bucketMs)}, logarithmic</span></figcaption>${legend([html`median`, html`highest`])}${chart}</figure>`
      : NO_SPAN,
    numbers(
      'lag over time',
      [
        { name: 'From (UTC)', kind: 'time' },
        { name: 'Files', kind: 'number' },
        { name: 'Median', kind: 'number' },
        { name: 'Highest', kind: 'number' },
      ],
      buckets.map((bucket) => [
        cell(formatTime(bucket.from)),
        cell(formatCount(bucket.lag.files)),
        cell(formatDuration(bucket.lag.median)),
        cell(formatDuration(bucket.lag.highest)),
      ]),
    ),
  );
}

function point(from: number, to: number, lag: number, what: string) {
  return { x: (from + to) / 2, y: lag, label: `${formatTime(from)} UTC: ${what} ${formatDuration(lag)}` };
}

/** Who commits what, over time. */
export function renderWriters({ history }: ReportFacts): Html {
  const { buckets, series, bucketMs } = history;
  if (buckets.length === 0) return section('commits', 'Commits', html`<p>${nothingInRange(history)}</p>`);
  const names = series.map(seriesName);
  const most = Math.max(...buckets.map(({ commits }) => commits));
  const description = `${rangeText(history)} At most ${plural(most, 'commit')} in ${formatDuration(bucketMs)}.`;
  const chart = responsive((size) => {
    const x = timeAxis(history, TICKS[size.name]);
    const bars = buckets.map(({ from, to, bySeries, commits }) => ({
      from: x.position(from),
      to: x.position(to),
      values: bySeries,
      label: `${formatTime(from)} UTC: ${plural(commits, 'commit')}`,
    }));
    return barChart(
      { id: 'commits-chart', title: 'Commits over time by writer and operation', description },
      size,
      { x, y: countScale(most) },
      bars,
    );
  });
  return section(
    'commits',
    'Commits',
    html`<p>${rangeText(history)}</p>`,
    hasSpan(history)
      ? html`<figure><figcaption><h3>Commits by writer and operation</h3><span class="quiet">by ${formatDuration(bucketMs)}</span></figcaption>${legend(names)}${chart}</figure>`
      : NO_SPAN,
    writersTable(history),
    numbers(
      'commits over time',
      [
        { name: 'From (UTC)', kind: 'time' },
        { name: 'Commits', kind: 'number' },
        ...series.map((each) => ({ name: plainName(each), kind: 'number' as const })),
      ],
      buckets.map(bucketRow),
    ),
  );
}

function bucketRow({ from, commits, bySeries }: HistoryBucket): Html[] {
  return [cell(formatTime(from)), cell(formatCount(commits)), ...bySeries.map((count) => cell(formatCount(count)))];
}

function writersTable({ writers }: HistoryFacts): Html {
  return table(
    'Writers and their operations',
    [
      { name: 'Writer' },
      { name: 'Operation' },
      { name: 'Commits', kind: 'number' },
      { name: 'Files added', kind: 'number' },
      { name: 'Removed', kind: 'number' },
      { name: 'First (UTC)', kind: 'time' },
      { name: 'Last (UTC)', kind: 'time' },
    ],
    writers.map(({ writer, operation, commits, addedFiles, removedFiles, first, last }) => [
      outside(writer, 120),
      outside(operation, 120),
      cell(formatCount(commits)),
      cell(formatCount(addedFiles)),
      cell(formatCount(removedFiles)),
      cell(formatTime(first)),
      cell(formatTime(last)),
    ]),
  );
}

function seriesName({ writer, operation }: CommitSeries): Html {
  if (writer === null || operation === null) return html`all others`;
  return html`${outside(writer, 80)}${operation === '' ? NONE : html` ${outside(operation, 80)}`}`;
}

function plainName({ writer, operation }: CommitSeries): string {
  return writer === null ? 'All others' : `${writer} ${operation ?? ''}`.slice(0, 40).toWellFormed();
}

/** The newest commits, one by one. */
export function renderNewest({ history }: ReportFacts): Html {
  const { newestCommits, commits } = history;
  if (newestCommits.length === 0) return section('newest', 'Newest commits', html`<p>${nothingInRange(history)}</p>`);
  return section(
    'newest',
    'Newest commits',
    table(
      'The newest commits',
      [
        { name: 'Version', kind: 'number' },
        { name: 'Time (UTC)', kind: 'time' },
        { name: 'Writer' },
        { name: 'Operation' },
        { name: 'Added', kind: 'number' },
        { name: 'Removed', kind: 'number' },
        { name: 'Bytes added', kind: 'number' },
      ],
      newestCommits.map((commit) => [
        cell(formatCount(commit.version)),
        cell(formatTime(commit.time)),
        outside(commit.writer, 120),
        html`${outside(commit.operation, 120)}${commit.changesSchema ? html` <span class="quiet">sets metadata</span>` : NONE}`,
        cell(formatCount(commit.addedFiles)),
        cell(formatCount(commit.removedFiles)),
        cell(formatBytes(commit.addedBytes)),
      ]),
    ),
    leftOut(newestCommits.length, commits, 'commits'),
  );
}
