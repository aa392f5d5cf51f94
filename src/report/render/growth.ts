import { NARROW } from '../chart/frame.ts';
import { lineChart } from '../chart/lines.ts';
import { bytesScale, countScale, type Scale, timeScale } from '../chart/scale.ts';
import type { HistoryBucket, HistoryFacts, ReportFacts } from '../facts.ts';
import { formatBytes, formatCount, formatTime, plural, shortCount } from '../format.ts';
import { type Html, html } from '../html.ts';
import { cell, numbers, section } from './table.ts';

/** Rows, files and bytes over time. */
export function renderGrowth({ history }: ReportFacts): Html {
  const { buckets } = history;
  if (buckets.length === 0) return section('growth', 'Growth', html`<p>${nothingInRange(history)}</p>`);
  const pictures = [
    picture('rows', 'Rows', history, ({ rows }) => rows, countScale, shortCount),
    picture('files', 'Files', history, ({ files }) => files, countScale, shortCount),
    picture('bytes', 'Size', history, ({ bytes }) => bytes, bytesScale, formatBytes),
  ];
  const rows = buckets.map(({ time, version, rows: count, files, bytes }) => [
    cell(formatTime(time)),
    cell(formatCount(version)),
    cell(count === null ? 'not known' : formatCount(count)),
    cell(formatCount(files)),
    cell(bytes === null ? 'not known' : formatCount(bytes)),
  ]);
  return section(
    'growth',
    'Growth',
    html`<p>${rangeText(history)}</p>`,
    hasSpan(history) ? html`<div class="multiples">${pictures}</div>` : NO_SPAN,
    ...notes(history),
    numbers(
      'growth over time',
      [
        { name: 'Time (UTC)', kind: 'time' },
        { name: 'Version', kind: 'number' },
        { name: 'Rows', kind: 'number' },
        { name: 'Files', kind: 'number' },
        { name: 'Bytes', kind: 'number' },
      ],
      rows,
    ),
  );
}

/** Whether there is anything to draw over time. */
export function hasSpan({ buckets }: HistoryFacts): boolean {
  return buckets.length > 1;
}

export const NO_SPAN = html`<p class="note">All of it at one time: there is nothing to draw over time yet.</p>`;

/** What the pictures over time are about. */
export function rangeText({ commits, oldest, newest }: HistoryFacts): string {
  if (oldest === null || newest === null) return 'No commits.';
  if (commits === 1) return `One commit: version ${formatCount(newest.version)} of ${formatTime(newest.time)} UTC.`;
  return (
    `${plural(commits, 'commit')}, versions ${formatCount(oldest.version)} to ${formatCount(newest.version)}: ` +
    `${formatTime(oldest.time)} to ${formatTime(newest.time)} UTC.`
  );
}

export function nothingInRange({ since, commitsWithoutTime, end }: HistoryFacts): string {
  if (commitsWithoutTime > 0) return 'No commit has a time that can be believed.';
  if (since !== null) return `No commits since ${formatTime(since)} UTC.`;
  return end === 'cleaned' ? 'The log has no commits left: it was cleaned up.' : 'No commits.';
}

/** The axis of all pictures over time. Undefined without commits. */
export function timeAxis({ buckets }: HistoryFacts, ticks: number): Scale {
  return timeScale(buckets.at(0)?.from ?? 0, buckets.at(-1)?.to ?? 1, ticks);
}

function picture(
  id: string,
  title: string,
  history: HistoryFacts,
  value: (bucket: HistoryBucket) => number | null,
  scaleOf: (max: number) => Scale,
  format: (value: number) => string,
): Html {
  const known = history.buckets.flatMap((bucket) => value(bucket) ?? []);
  const [first, last] = [known.at(0), known.at(-1)];
  if (first === undefined || last === undefined) {
    return html`<figure><figcaption><h3>${title}</h3></figcaption><p class="note">Not known: the log does not tell.</p></figure>`;
  }
  const points = history.buckets.map((bucket) => ({
    x: bucket.time,
    y: value(bucket),
    label: `${formatTime(bucket.time)} UTC: ${format(value(bucket) ?? 0)}`,
  }));
  const description = `From ${format(first)} to ${format(last)}; highest ${format(Math.max(...known))}.`;
  const change = last === first ? 'unchanged' : `${last > first ? '+' : '−'}${format(Math.abs(last - first))}`;
  const chart = lineChart(
    { id: `growth-${id}`, title: `${title} over time`, description },
    NARROW,
    { x: timeAxis(history, 4), y: scaleOf(Math.max(...known)) },
    [points],
    { shape: 'steps', isFilled: true },
  );
  return html`<figure><figcaption><h3>${title}</h3><b>${format(last)}</b><span class="quiet">${change}</span></figcaption>${chart}</figure>`;
}

function notes(history: HistoryFacts): Html[] {
  const { end, limit, oldest, since, rowsKnownSince, bytesKnownSince, unexplainedFiles, commitsWithoutTime } = history;
  const texts: string[] = [];
  if (end === 'cleaned' && oldest !== null) {
    texts.push(`The log was cleaned up: commits before version ${formatCount(oldest.version)} are gone.`);
  }
  if (end === 'limit') texts.push(`The newest ${formatCount(limit)} commits; --commits N shows more.`);
  if (end === 'since' && since !== null) texts.push(`Commits since ${formatTime(since)} UTC.`);
  if (rowsKnownSince !== null) {
    texts.push(
      `Rows are known from version ${formatCount(rowsKnownSince)} on: its commit removed or added files without telling their rows.`,
    );
  }
  if (bytesKnownSince !== null) {
    texts.push(
      `Sizes are known from version ${formatCount(bytesKnownSince)} on: its commit removed files without telling their size.`,
    );
  }
  if (unexplainedFiles > 0) {
    texts.push(
      `Earlier values miss the truth by up to ${plural(unexplainedFiles, 'file')}: objects that were overwritten in place.`,
    );
  }
  if (commitsWithoutTime > 0)
    texts.push(`${plural(commitsWithoutTime, 'commit')} without a time that can be believed left out.`);
  return texts.map((text) => html`<p class="note">${text}</p>`);
}
