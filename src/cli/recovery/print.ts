import type { Sums } from '../../recovery/sums.ts';
import { formatBytes, formatCount, formatRows, plural } from '../format.ts';

/** Files that a text names of each kind; the JSON has up to 100. */
const NAMED = 10;

/** Some files by name. */
export function names(sample: readonly string[], count: number): string[] {
  const named = sample.slice(0, NAMED).map((path) => `    ${JSON.stringify(path)}`);
  return count > named.length ? [...named, `    and ${formatCount(count - named.length)} more`] : named;
}

/** What became of the files, those of which there are none left out. */
export function sumLines(sums: Readonly<Sums>, dryRun: boolean): string[] {
  const rows: [string, number, string?][] = [
    [dryRun ? 'would be added' : 'added', sums.added, formatBytes(sums.bytes)],
    [dryRun ? 'would go to quarantine' : 'put into quarantine', sums.quarantined],
    [dryRun ? 'would be removed' : 'removed, their objects are gone', sums.removedFiles],
    ['committed by others meanwhile', sums.skipped],
    ['in the table before', sums.known],
    ['removed from the table, for a vacuum to delete', sums.removed],
    ['too young', sums.young],
    ['in quarantine before', sums.inQuarantine],
    ['gone since the inventory', sums.vanished],
    ['left: the log does not tell whether they were in the table once', sums.unknown],
    ['left: the store would not show them', sums.failed],
  ];
  const shown = rows.filter(([, count], index) => index === 0 || count > 0);
  return formatRows(
    shown.map(([what, count, more]) => [
      `  ${what}`,
      `${plural(count, 'file')}${more && count > 0 ? `, ${more}` : ''}`,
    ]),
  );
}
