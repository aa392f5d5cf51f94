import type { FileSum, VacuumResult } from '../../maintenance/vacuum/vacuum.ts';
import { formatBytes, formatCount, isoTime, plural } from '../format.ts';
import { durationText } from './durations.ts';

/** Files that the text names. */
const NAMED = 20;

/** The result as lines for people. */
export function resultLines(result: VacuumResult): string[] {
  const { dryRun, removed, orphans, keptOrphans, passedOver, remaining } = result;
  const verb = dryRun ? 'would delete' : 'deleted';
  const lines = [
    `${result.table}: version ${result.version}, ${plural(result.listed, 'object')} listed`,
    `  files are kept for ${durationText(result.retention)}, since ${isoTime(result.before)}`,
    `  ${verb} ${sumText(removed)} that the log has removed`,
    `  ${verb} ${sumText(orphans)} that no commit has`,
  ];
  if (keptOrphans.files > 0) {
    lines.push(`  left ${sumText(keptOrphans)} that no commit has: nobody may have taken them yet`);
    lines.push(...names(result.keptSample, keptOrphans.files));
  }
  if (passedOver > 0) lines.push(`  passed over ${plural(passedOver, 'file')}: gone, written anew, or in use again`);
  if (dryRun) lines.push(...names(result.sample, removed.files + orphans.files));
  if (remaining) lines.push('  stopped before the end; the same command goes on');
  return lines;
}

function sumText({ files, bytes }: FileSum): string {
  return `${plural(files, 'file')} (${formatBytes(bytes)})`;
}

function names(sample: readonly string[], count: number): string[] {
  const named = sample.slice(0, NAMED).map((path) => `    ${JSON.stringify(path)}`);
  return count > named.length ? [...named, `    and ${formatCount(count - named.length)} more`] : named;
}

export function resultJson(result: VacuumResult): object {
  return { ...result, before: isoTime(result.before) };
}
