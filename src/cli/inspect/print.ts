import type { Snapshot } from '../../delta/snapshot.ts';
import {
  formatBar,
  formatBytes,
  formatCount,
  formatRows,
  formatShare,
  formatTime,
  plural,
  shorten,
  wrap,
} from '../format.ts';
import type { Style, Terminal } from '../terminal.ts';
import { type FileTotals, largestPartitions, partitionName, SIZE_CLASSES, SMALL_FILE } from './file-totals.ts';
import type { HistoryEntry, TableReport } from './report.ts';
import { schemaTree } from './schema-tree.ts';

/** Partitions that are listed. */
const TOP_PARTITIONS = 10;
/** Columns of the labels on the left. */
const LABEL_WIDTH = 12;

/** The report as lines for people. */
export function reportLines({ snapshot, totals, history }: TableReport, { width, style }: Terminal): string[] {
  const lines = [
    ...facts(snapshot, totals, width, style),
    '',
    style.bold('Schema'),
    ...schemaTree(snapshot.schema, snapshot.metadata.partitionColumns),
  ];
  if (totals.files > 0) lines.push('', style.bold('File sizes'), ...sizeLines(totals, width));
  if (totals.partitions.size > 0) lines.push('', ...partitionLines(totals, width, style));
  if (history.length > 0) lines.push('', style.bold('History'), ...historyLines(history));
  return lines;
}

function facts(snapshot: Snapshot, totals: FileTotals, width: number, style: Style): string[] {
  const { metadata, protocol, table } = snapshot;
  const features = [...new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])])].sort();
  const properties = Object.entries(metadata.configuration).map(([name, value]) => `${name}=${value}`);
  const rows: [string, string | undefined][] = [
    ['Table', table.url],
    ['Name', metadata.name],
    ['Comment', metadata.description],
    ['Id', metadata.id],
    ['Version', `${snapshot.version}, committed ${formatTime(snapshot.timestamp)} UTC`],
    ['Protocol', `reader ${protocol.minReaderVersion}, writer ${protocol.minWriterVersion}`],
    ['Features', features.length === 0 ? undefined : features.join(', ')],
    ['Properties', properties.length === 0 ? undefined : properties.join(', ')],
    ['Files', `${plural(totals.files, 'file')}, ${formatBytes(totals.bytes)}`],
    ['Rows', rowsText(totals)],
    ['Partitions', partitionsText(metadata.partitionColumns, totals)],
    ['Statistics', statisticsText(totals)],
    ['Log', logText(snapshot)],
  ];
  return rows.flatMap(([label, text]) => (text === undefined ? [] : labelled(label, text, width, style)));
}

function labelled(label: string, text: string, width: number, style: Style): string[] {
  return wrap(text, width - LABEL_WIDTH).map(
    (line, index) => style.bold((index === 0 ? label : '').padEnd(LABEL_WIDTH)) + line,
  );
}

function rowsText({ rows, filesWithoutRowCount, filesWithDeletionVector }: FileTotals): string {
  const notes = [
    ...(filesWithoutRowCount > 0 ? [`${plural(filesWithoutRowCount, 'file')} with an unknown number not counted`] : []),
    ...(filesWithDeletionVector > 0 ? [`${plural(filesWithDeletionVector, 'file')} with deleted rows`] : []),
  ];
  return notes.length === 0 ? formatCount(rows) : `${formatCount(rows)} (${notes.join('; ')})`;
}

function partitionsText(columns: readonly string[], totals: FileTotals): string {
  if (columns.length === 0) return 'none';
  const count = `${totals.morePartitions ? 'more than ' : ''}${formatCount(totals.partitions.size)}`;
  return `${count} by ${columns.join(', ')}`;
}

function statisticsText({ files, filesWithoutStats }: FileTotals): string {
  if (files === 0) return 'no files';
  if (filesWithoutStats === 0) return 'every file has statistics';
  return `missing in ${plural(filesWithoutStats, 'file')} (${formatShare(filesWithoutStats, files)})`;
}

function logText({ segment: { checkpoint, commits } }: Snapshot): string {
  if (checkpoint === undefined) return `${plural(commits.length, 'commit')}, no checkpoint`;
  return `${plural(commits.length, 'commit')} since the checkpoint of version ${checkpoint.version}`;
}

function sizeLines(totals: FileTotals, width: number): string[] {
  const most = Math.max(...totals.sizeClasses);
  const rows = totals.sizeClasses.map((count, index) => [sizeClassName(index), formatCount(count), count] as const);
  const used = rows.filter(([, , count]) => count > 0);
  const barWidth = Math.min(40, Math.max(10, width - 40));
  const bars = formatRows(
    used.map(([name, text, count]) => [name, text, formatBar(count / most, barWidth).trimEnd()]),
    [{}, { align: 'right' }],
  );
  const { files, bytes, smallFiles, smallest, largest } = totals;
  const small = `${formatShare(smallFiles, files)} of the files are small (below ${binarySize(SMALL_FILE)})`;
  const range = `smallest ${formatBytes(smallest)}, mean ${formatBytes(Math.round(bytes / files))}, largest ${formatBytes(largest)}`;
  return [...bars, range, small];
}

function sizeClassName(index: number): string {
  const end = SIZE_CLASSES[index] ?? Number.POSITIVE_INFINITY;
  return end === Number.POSITIVE_INFINITY
    ? `${binarySize(SIZE_CLASSES[index - 1] ?? 0)} or more`
    : `below ${binarySize(end)}`;
}

/** A power of two as people name it. */
function binarySize(bytes: number): string {
  if (bytes >= 2 ** 30) return `${bytes / 2 ** 30} GiB`;
  return bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`;
}

function partitionLines(totals: FileTotals, width: number, style: Style): string[] {
  const top = largestPartitions(totals, TOP_PARTITIONS);
  const all = top.length === totals.partitions.size;
  const title = all
    ? 'Partitions'
    : `Partitions with the most files (${top.length} of ${formatCount(totals.partitions.size)})`;
  const rows = top.map(({ values, files, bytes, rows }) => [
    shorten(partitionName(values), width - 40),
    plural(files, 'file'),
    formatBytes(bytes),
    plural(rows, 'row'),
  ]);
  return [style.bold(title), ...formatRows(rows, [{}, { align: 'right' }, { align: 'right' }, { align: 'right' }])];
}

function historyLines(history: readonly HistoryEntry[]): string[] {
  const rows = history.map(({ version, timestamp, operation, engine, adds, removes, changesSchema }) => [
    String(version),
    formatTime(timestamp),
    operation === '' ? '(unknown)' : operation,
    changeText(adds, removes, changesSchema),
    shorten(engine ?? '', 24),
  ]);
  return formatRows(rows, [{ align: 'right' }]);
}

function changeText(adds: number, removes: number, changesSchema: boolean): string {
  const parts = [
    ...(adds > 0 ? [`+${plural(adds, 'file')}`] : []),
    ...(removes > 0 ? [`-${plural(removes, 'file')}`] : []),
    ...(changesSchema ? ['schema'] : []),
  ];
  return parts.join(', ');
}
