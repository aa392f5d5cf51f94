import type { AdoptionProgress } from '../../ingest/adopt.ts';
import type { QuarantineReport } from '../../local/quarantine-observer.ts';
import { formatBar, formatBytes, formatCount, formatDuration, formatRows, plural, shorten, wrap } from '../format.ts';
import type { Terminal } from '../terminal.ts';
import type { Conversion, ConvertResult } from './convert.ts';
import type { Survey } from './survey.ts';

/** Quarantined files that are named in the text; `--json` names more. */
const NAMED_FILES = 10;

/** The block that shows how far it is. `elapsed` in ms. */
export function progressLines(
  progress: AdoptionProgress,
  survey: Survey,
  elapsed: number,
  { width }: Terminal,
): string[] {
  const done = Math.min(progress.known + progress.added + progress.quarantined, survey.files);
  const share = done / survey.files;
  const rate = elapsed > 0 ? ((progress.added + progress.quarantined) / elapsed) * 1000 : 0;
  const left = rate > 0 ? `, about ${formatDuration(((survey.files - done) / rate) * 1000)} left` : '';
  const bar = formatBar(share, Math.max(10, Math.min(50, width - 32)), '░');
  return [
    `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${formatCount(done)} of ${plural(survey.files, 'file')}`,
    `${formatCount(Math.round(rate))} files/s${left}; ${plural(progress.commits, 'commit')}, ${formatCount(progress.quarantined)} quarantined`,
  ];
}

/** What was done, for people. `duration` in ms. */
export function resultLines(
  { table, head }: Conversion,
  { snapshot, progress, quarantine }: ConvertResult,
  { dryRun, duration }: { readonly dryRun: boolean; readonly duration: number },
  { style, width }: Terminal,
): string[] {
  const { added, known, rows, bytes, commits, quarantined } = progress;
  const what = head === undefined ? 'became a Delta table' : 'was brought up to date';
  const version = snapshot === undefined ? '' : `, now at version ${snapshot.version}`;
  const title = dryRun ? `${table.url}: dry run, nothing was written` : `${table.url} ${what}${version}`;
  const rowsOf: [string, string][] = [
    [dryRun ? 'would be added' : 'added', `${plural(added, 'file')}, ${plural(rows, 'row')}, ${formatBytes(bytes)}`],
    ['known before', plural(known, 'file')],
    ['quarantined', plural(quarantined, 'file')],
    ['commits', formatCount(commits)],
    ['time', formatDuration(duration)],
  ];
  return [
    style.bold(title),
    ...formatRows(rowsOf.map(([name, text]) => [`  ${name}`, text])),
    ...quarantineLines(quarantine, width),
  ];
}

/** The files that were left out, and why. */
export function quarantineLines(report: QuarantineReport, width: number): string[] {
  const count = report.count();
  if (count === 0) return [];
  const reasons = [...report.byReason()].map(([reason, files]) => `  ${reason}: ${plural(files, 'file')}`);
  const named = report
    .files()
    .slice(0, NAMED_FILES)
    .flatMap(({ key, reason, detail }) => [
      `  ${shorten(key, width - 2)}`,
      ...wrap(`${reason}: ${detail.replace(`"${key}": `, '')}`, width - 4).map((line) => `    ${line}`),
    ]);
  const more = count > NAMED_FILES ? [`  … and ${formatCount(count - NAMED_FILES)} more; --json names them`] : [];
  return ['', 'In quarantine, by reason', ...reasons, '', ...named, ...more];
}

/** What was done, as plain data; described in docs/cli.md. */
export function resultJson(
  { table, head }: Conversion,
  { snapshot, progress, quarantine }: ConvertResult,
  dryRun: boolean,
): object {
  return {
    table: table.url,
    dryRun,
    created: !dryRun && head === undefined && snapshot !== undefined,
    version: (dryRun ? head : snapshot)?.version ?? null,
    ...progress,
    quarantineReasons: Object.fromEntries(quarantine.byReason()),
    quarantinedFiles: quarantine.files(),
  };
}
