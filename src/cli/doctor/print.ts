import type { FileCheck } from '../../maintenance/doctor/check-files.ts';
import type { DoctorReport } from '../../maintenance/doctor/doctor.ts';
import type { Finding, Severity } from '../../maintenance/doctor/findings.ts';
import { formatBytes, formatCount, plural, wrap } from '../format.ts';
import type { Style, Terminal } from '../terminal.ts';

/** Examples that are named of each finding. */
const NAMED = 10;

/** The report as lines for people. */
export function reportLines(report: DoctorReport, { width, style }: Pick<Terminal, 'width' | 'style'>): string[] {
  const lines = [`${report.table}${report.version === undefined ? '' : `: version ${report.version}`}`];
  const { totals, log, check, findings } = report;
  if (totals !== undefined) {
    lines.push(
      `  ${plural(totals.files, 'file')}, ${formatBytes(totals.bytes)}, ${plural(totals.rows, 'row')}` +
        (totals.partitions === 0 ? '' : `, ${plural(totals.partitions, 'partition')}`),
    );
  }
  if (log !== undefined) {
    const since =
      log.checkpointVersion === undefined ? 'no checkpoint' : `checkpoint of version ${log.checkpointVersion}`;
    lines.push(
      `  log from version ${log.oldestVersion} on, ${since}, ${plural(log.commitsSinceCheckpoint, 'commit')} since`,
    );
  }
  if (check !== undefined) lines.push(`  ${checkText(check)}`);
  lines.push('');
  if (findings.length === 0) return [...lines, style.green('Nothing to do.')];
  return [...lines, ...findings.flatMap((finding) => findingLines(finding, report.table, width, style))];
}

function checkText({ by, checked, missing, wrongSize, unchecked }: FileCheck): string {
  const how = by === 'list' ? 'by a LIST' : 'chosen by chance';
  const notes = unchecked === 0 ? '' : `, ${plural(unchecked, 'file')} elsewhere not looked at`;
  return `${plural(checked, 'file')} looked at (${how}): ${formatCount(missing)} missing, ${formatCount(wrongSize)} of another size${notes}`;
}

function findingLines(finding: Finding, table: string, width: number, style: Style): string[] {
  const { code, severity, message, advice, examples = [] } = finding;
  const body = (text: string) => wrap(text, width - 2).map((line) => `  ${line}`);
  const named = examples.slice(0, NAMED).map((name) => `    ${JSON.stringify(name)}`);
  return [
    `${paint(severity, style)} ${style.bold(code)}`,
    ...body(`${message}.`),
    ...named,
    ...(examples.length > NAMED ? [`    and more`] : []),
    ...body(`-> ${advice.replaceAll('TABLE', table)}`),
    '',
  ];
}

function paint(severity: Severity, style: Style): string {
  if (severity === 'error') return style.red('error  ');
  return severity === 'warning' ? style.yellow('warning') : style.dim('info   ');
}
