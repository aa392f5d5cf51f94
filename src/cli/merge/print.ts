import type { MergeListedResult } from '../../merge/merge-listed.ts';
import { formatBytes, formatCount, formatRows, plural, printable } from '../format.ts';

/** What the merge logs as an error: a file that cannot be read, commits that are gone. */
export interface ReadProblem {
  readonly message: string;
  readonly data: object;
}

/** Problems that are named. */
const NAMED = 10;

export function progressLines({ listed, merged, files, commits }: MergeListedResult, isDryRun: boolean): string[] {
  const verb = isDryRun ? 'to be merged' : 'merged';
  return [
    `${plural(listed, 'object')} looked at: ${plural(merged, 'file')} ${verb} into ${formatCount(files)}, ` +
      plural(commits, 'commit'),
  ];
}

export function resultLines(result: MergeListedResult, place: string, isDryRun: boolean): string[] {
  const { listed, tables, merged, files, bytes, commits, quarantined, skipped, young, ignored } = result;
  const size = isDryRun ? '' : `, ${formatBytes(bytes)}`;
  const into = `${isDryRun ? 'would become' : 'became'} ${formatCount(files)} by ${plural(commits, 'commit')}${size}`;
  const rows: [number, string][] = [
    [merged, into],
    [skipped, 'in their table before, gone, or without rows'],
    [quarantined, isDryRun ? 'would go to quarantine' : 'new in quarantine'],
    [young, 'too young, left to their events'],
    [ignored, 'of no rule'],
    [result.undecided, 'left: the log has lost the commits that may hold them'],
    [result.failed, 'left: could not be read, or their table not be written'],
  ];
  const shown = rows.filter(([count]) => count > 0).map(([count, what]) => [`  ${plural(count, 'file')}`, what]);
  return [
    `${place}${isDryRun ? ': dry run, nothing was written' : ''}: ${plural(listed, 'object')} looked at; ${plural(tables, 'table')}`,
    ...formatRows(shown),
  ];
}

export function warnings({ failures, remaining }: MergeListedResult, problems: readonly ReadProblem[]): string[] {
  const lines = Object.entries(failures).map(([url, reason]) => `${printable(url)}: ${printable(reason)}`);
  for (const { message, data } of problems.slice(0, NAMED)) {
    const { error, ...facts } = data as { readonly error?: unknown };
    const reason = error instanceof Error ? `: ${error.message}` : '';
    lines.push(printable(`${message} ${JSON.stringify(facts)}${reason}`));
  }
  if (problems.length > NAMED) lines.push(`and ${formatCount(problems.length - NAMED)} more`);
  if (remaining) lines.push('stopped; the same command goes on');
  return lines;
}
