import { legend, responsive } from '../chart/frame.ts';
import { histogram } from '../chart/histogram.ts';
import type { PartitionSums, ReportFacts, SizeClass } from '../facts.ts';
import { formatBytes, formatCount, formatShare, plural } from '../format.ts';
import { type Html, html, NONE, outside } from '../html.ts';
import { cell, leftOut, numbers, section, table } from './table.ts';

/** The sizes of the active files. */
export function renderSizes({ files }: ReportFacts): Html {
  const { classes, smallLimit, smallFiles, smallBytes, smallest, largest } = files;
  if (smallest === null || largest === null) {
    return section('sizes', 'File sizes', html`<p>The table has no files.</p>`);
  }
  const isSmall = ({ to }: SizeClass): boolean => to <= smallLimit;
  const hasBoth = classes.some(isSmall) && !classes.every(isSmall);
  const bars = classes.map((each) => ({
    from: each.from,
    to: each.to,
    values: isSmall(each) ? [0, each.files] : [each.files],
    label: `${rangeOf(each)}: ${plural(each.files, 'file')}, ${formatBytes(each.bytes)}`,
  }));
  const description = `From ${formatBytes(smallest)} to ${formatBytes(largest)}. ${formatShare(smallFiles, files.files)} are smaller than ${formatBytes(smallLimit)}.`;
  const chart = responsive((size) =>
    histogram({ id: 'sizes-chart', title: 'Active files by size', description }, size, bars),
  );
  const keys = [html`${formatBytes(smallLimit)} and more`, html`small: below ${formatBytes(smallLimit)}`];
  const of = smallFiles === files.files ? 'all' : formatShare(smallFiles, files.files);
  return section(
    'sizes',
    'File sizes',
    html`<p>${plural(files.files, 'active file')} of ${formatBytes(smallest)} to ${formatBytes(largest)}, ${formatBytes(files.bytes / files.files)} on average. ${plural(smallFiles, 'small file')} (${of}) hold ${formatShare(smallBytes, files.bytes)} of the bytes.</p>`,
    html`<figure><figcaption><h3>Files by size</h3><span class="quiet">each bar is twice as wide a range as the one before</span></figcaption>${hasBoth || smallFiles > 0 ? legend(keys) : NONE}${chart}</figure>`,
    files.filesWithDeletionVector === 0
      ? NONE
      : html`<p class="note">${plural(files.filesWithDeletionVector, 'file')} with deleted rows (deletion vectors).</p>`,
    numbers(
      'files by size',
      [
        { name: 'Size' },
        { name: 'Files', kind: 'number' },
        { name: 'Share of files', kind: 'number' },
        { name: 'Bytes', kind: 'number' },
        { name: 'Share of bytes', kind: 'number' },
      ],
      classes.map((each) => [
        cell(rangeOf(each)),
        cell(formatCount(each.files)),
        cell(formatShare(each.files, files.files)),
        cell(formatCount(each.bytes)),
        cell(formatShare(each.bytes, files.bytes)),
      ]),
    ),
  );
}

function rangeOf({ from, to }: SizeClass): string {
  return `${formatBytes(from)} to ${formatBytes(to)}`;
}

/** The largest partitions, and how even they are. */
export function renderPartitions({ partitions, partitionColumns, files }: ReportFacts): Html {
  const { count, more, largest, medianBytes } = partitions;
  const [first] = largest;
  if (partitionColumns.length === 0) {
    return section('partitions', 'Partitions', html`<p>The table is not partitioned.</p>`);
  }
  if (first === undefined) return section('partitions', 'Partitions', html`<p>The table has no files.</p>`);
  const skew =
    medianBytes > 0 && count > 1
      ? ` The largest has ${formatTimes(first.bytes / medianBytes)} the bytes of the one in the middle, ${formatBytes(medianBytes)}.`
      : '';
  const rows = largest.map((partition) => [
    nameOf(partition),
    html`<span class="share s0" style="width:${Math.max(1, Math.round((partition.bytes / Math.max(1, first.bytes)) * 100))}%"></span>`,
    cell(formatBytes(partition.bytes)),
    cell(formatShare(partition.bytes, files.bytes)),
    cell(formatCount(partition.files)),
    cell(formatCount(partition.rows)),
  ]);
  return section(
    'partitions',
    'Partitions',
    html`<p>${more ? 'More than ' : ''}${plural(count, 'partition')}.${skew}</p>`,
    table(
      'The largest partitions',
      [
        { name: 'Partition', kind: 'code' },
        { name: '', kind: 'bar' },
        { name: 'Size', kind: 'number' },
        { name: 'Share', kind: 'number' },
        { name: 'Files', kind: 'number' },
        { name: 'Rows', kind: 'number' },
      ],
      rows,
    ),
    leftOut(largest.length, count, 'partitions'),
  );
}

function formatTimes(ratio: number): string {
  return `${ratio < 10 ? Number(ratio.toFixed(1)) : formatCount(ratio)} times`;
}

function nameOf({ values }: PartitionSums): Html {
  const name = Object.entries(values).map(([column, value]) => `${column}=${value ?? 'null'}`);
  return outside(name.join('/'), 200);
}
