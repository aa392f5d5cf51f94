import type { BackfillProgress, BackfillResult } from '../../recovery/backfill/run.ts';
import { formatBar, formatCount, formatDuration, formatShare, plural } from '../format.ts';
import { names, sumLines } from '../recovery/print.ts';
import type { Terminal } from '../terminal.ts';

/** The block that shows how far it is. `elapsed` in ms, of this run. */
export function progressLines(progress: BackfillProgress, elapsed: number, { width }: Terminal): string[] {
  const { listed, listedBefore, total, added, commits, tables, quarantined } = progress;
  const rate = elapsed > 0 ? ((listed - listedBefore) / elapsed) * 1_000 : 0;
  const counts = `${plural(added, 'file')} added, ${plural(commits, 'commit')}, ${plural(tables, 'table')}, ${formatCount(quarantined)} quarantined`;
  if (total === undefined)
    return [`${formatCount(listed)} looked at, ${formatCount(Math.round(rate))} a second`, counts];
  // More may have come since they were counted.
  const done = Math.min(listed, total);
  const left = rate > 0 ? `, about ${formatDuration(((total - done) / rate) * 1_000)} left` : '';
  const bar = formatBar(total === 0 ? 1 : done / total, Math.max(10, Math.min(50, width - 40)), '░');
  return [
    `${bar} ${formatShare(done, total).padStart(5)}  ${formatCount(done)} of ${plural(total, 'object')}`,
    `${formatCount(Math.round(rate))} a second${left}`,
    counts,
  ];
}

export function resultLines(result: BackfillResult, place: string, dryRun: boolean): string[] {
  const { listed, listedBefore, ignored, tables, unknown, unknownSample, leftOut, remaining } = result;
  const before = listedBefore === 0 ? '' : `, ${formatCount(listedBefore)} of them by earlier runs`;
  const lines = [
    `${place}${dryRun ? ': dry run, nothing was written' : ''}: ${plural(listed, 'object')} looked at${before}; ${plural(tables, 'table')}, ${formatCount(ignored)} of none`,
    ...sumLines(result, dryRun),
  ];
  if (unknown > 0) lines.push('  left, --unknown add takes them:', ...names(unknownSample, unknown));
  for (const reason of Object.values(leftOut)) lines.push(`  left out: ${reason}`);
  if (remaining) lines.push('  stopped; the same command goes on from here');
  return lines;
}

export function resultJson({ total, ...result }: BackfillResult, place: string, dryRun: boolean): object {
  return { place, dryRun, total: total ?? null, ...result };
}
