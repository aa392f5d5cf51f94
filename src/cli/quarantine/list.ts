import type { TableRef } from '../../delta/table.ts';
import {
  addToGroups,
  type BrokenRecord,
  type RecordGroup,
  type StoredRecord,
} from '../../recovery/quarantine/records.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, formatRows, plural, printable, shorten, wrap } from '../format.ts';

/** Records that the JSON of a list names, and records that cannot be read in the text. */
const MAX_RECORDS = 1_000;
const MAX_BROKEN = 10;

/** `resaca quarantine list`. */
export async function runList(
  table: TableRef,
  records: AsyncIterable<StoredRecord>,
  broken: readonly BrokenRecord[],
  isJson: boolean,
  { terminal }: CommandContext,
): Promise<ExitCode> {
  const groups = new Map<string, RecordGroup>();
  const first: object[] = [];
  let count = 0;
  for await (const stored of records) {
    addToGroups(groups, stored);
    count += 1;
    if (first.length < MAX_RECORDS) first.push(recordJson(stored));
  }
  const sorted = [...groups.values()].sort((a, b) => b.files - a.files);
  if (isJson) {
    const json = { table: table.url, files: count, reasons: sorted, records: first, ...brokenJson(broken) };
    await terminal.print(JSON.stringify(json, null, 2));
    return exitOf(broken);
  }
  await terminal.print(`${table.url}: ${count === 0 ? 'nothing' : plural(count, 'file')} in quarantine`);
  for (const line of groupLines(sorted, terminal.width)) await terminal.print(line);
  for (const line of brokenLines(broken)) await terminal.print(line);
  return exitOf(broken);
}

/** What cannot be read is left to do. */
export function exitOf(broken: readonly BrokenRecord[]): ExitCode {
  return broken.length === 0 ? EXIT.ok : EXIT.incomplete;
}

/** Records that cannot be read, by key and with the reason. */
export function brokenLines(broken: readonly BrokenRecord[]): string[] {
  if (broken.length === 0) return [];
  const lines = broken
    .slice(0, MAX_BROKEN)
    .flatMap(({ key, problem }) => [`    ${printable(key)}`, `      ${printable(problem)}`]);
  const more = broken.length - MAX_BROKEN;
  const title = `  ${plural(broken.length, 'record')} that cannot be read; resaca quarantine discard ID deletes one`;
  return [title, ...lines, ...(more > 0 ? [`    and ${formatCount(more)} more`] : [])];
}

export function brokenJson(broken: readonly BrokenRecord[]): object {
  return { brokenRecords: broken.length, broken: broken.slice(0, MAX_RECORDS) };
}

function groupLines(groups: readonly RecordGroup[], width: number): string[] {
  const rows = groups.map(({ reason, files, bytes, oldest, newest, retried }) => [
    `  ${reason}`,
    plural(files, 'file'),
    formatBytes(bytes),
    `${day(oldest)} to ${day(newest)}`,
    retried > 0 ? `${plural(retried, 'file')} retried in vain` : '',
  ]);
  const lines = formatRows(rows, [{}, { align: 'right' }, { align: 'right' }]);
  return groups.flatMap(({ example, detail }, index) => [
    lines[index] ?? '',
    `    such as ${shorten(printable(example), width - 12)}`,
    ...wrap(printable(detail), width - 8).map((line) => `      ${line}`),
  ]);
}

/** `resaca quarantine show`. */
export async function runShow(
  table: TableRef,
  records: AsyncIterable<StoredRecord>,
  broken: readonly BrokenRecord[],
  names: readonly string[],
  isJson: boolean,
  { terminal }: CommandContext,
): Promise<ExitCode> {
  const found = await Array.fromAsync(records);
  const isFound = (name: string) =>
    found.some(({ id, record }) => id === name || record.path === name) || broken.some(({ id }) => id === name);
  const missing = names.find((name) => !isFound(name));
  if (missing !== undefined) throw new Error(`${table.url} has no record of "${missing}" in quarantine`);
  if (isJson) {
    const json = { table: table.url, records: found.map(recordJson), ...brokenJson(broken) };
    await terminal.print(JSON.stringify(json, null, 2));
    return exitOf(broken);
  }
  for (const { id, record } of found) {
    const { reason, detail, path, size, eventTime, quarantinedAt, retries = 0, retriedAt } = record;
    const rows = [
      ['  id', id],
      ['  reason', reason],
      ...(size === undefined ? [] : [['  size', formatBytes(size)]]),
      ['  written', eventTime],
      ['  in quarantine since', quarantinedAt],
      ...(retries === 0 ? [] : [['  retried in vain', `${retries} ×, last ${retriedAt ?? ''}`]]),
    ];
    await terminal.print(terminal.style.bold(printable(path)));
    for (const line of formatRows(rows)) await terminal.print(line);
    for (const line of wrap(printable(detail), terminal.width - 4)) await terminal.print(`  ${line}`);
    if (record.schemaDifference !== undefined) {
      await terminal.print(`  ${printable(JSON.stringify(record.schemaDifference))}`);
    }
  }
  for (const line of brokenLines(broken)) await terminal.print(line);
  return exitOf(broken);
}

export function recordJson({ id, record }: StoredRecord): object {
  return { id, ...record };
}

function day(time: string): string {
  return time.slice(0, 10);
}
