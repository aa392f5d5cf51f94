import type { OptimizeResult, PartitionResult } from '../../maintenance/optimize/options.ts';
import { formatBytes, formatCount, formatRows, plural } from '../format.ts';

/** Partitions and files that are named in the text; the JSON has more. */
const MAX_NAMED = 50;

/** What a run did, for people. */
export function resultLines(result: OptimizeResult): string[] {
  const { table, dryRun, versions, filesRemoved, filesAdded, bytesRemoved, bytesAdded, partitions } = result;
  const lines: string[] = [];
  if (filesRemoved === 0) {
    lines.push(`${table}: no small files to put together`);
  } else {
    const bytes = dryRun ? formatBytes(bytesRemoved) : `${formatBytes(bytesRemoved)} became ${formatBytes(bytesAdded)}`;
    const done = dryRun ? 'would become' : 'became';
    lines.push(
      `${table}: ${plural(filesRemoved, 'file')} ${done} ${formatCount(filesAdded)}, ${bytes}${versionText(versions)}`,
    );
    const named = partitions.slice(0, MAX_NAMED).map((partition) => partitionRow(partition, dryRun));
    lines.push(...formatRows(named, [{}, { align: 'right' }, { align: 'right' }]).map((line) => `  ${line}`));
    if (partitions.length > MAX_NAMED) lines.push(`  and ${plural(partitions.length - MAX_NAMED, 'partition')} more`);
  }
  return [...lines, ...leftAloneLines(result), ...remainingLines(result)];
}

function versionText(versions: readonly number[]): string {
  const [first] = versions;
  const last = versions.at(-1);
  if (first === undefined || last === undefined) return '';
  return first === last ? ` (version ${first})` : ` (versions ${first} to ${last})`;
}

function partitionRow({ partitionValues, files, bytes }: PartitionResult, dryRun: boolean): string[] {
  const names = Object.entries(partitionValues).map(([name, value]) => `${name}=${value ?? 'null'}`);
  const size = dryRun ? formatBytes(bytes.before) : `${formatBytes(bytes.before)} -> ${formatBytes(bytes.after)}`;
  return [names.join('/') || 'all rows', `${formatCount(files.before)} -> ${plural(files.after, 'file')}`, size];
}

function leftAloneLines({ leftAlone, leftAloneCount }: OptimizeResult): string[] {
  if (leftAloneCount === 0) return [];
  const named = leftAlone.slice(0, MAX_NAMED).map(({ path, reason }) => `  ${path}: ${reason}`);
  const more = leftAloneCount > named.length ? [`  and ${formatCount(leftAloneCount - named.length)} more`] : [];
  return [`${plural(leftAloneCount, 'small file')} left alone:`, ...named, ...more];
}

function remainingLines({ conflicts, remaining }: OptimizeResult): string[] {
  const lines: string[] = [];
  if (conflicts > 0) {
    lines.push(`${plural(conflicts, 'new file')} given up: another writer changed what they were made of`);
  }
  if (remaining.bins > 0) {
    lines.push(`Left for the next run: ${plural(remaining.bins, 'file')} to make of ${formatBytes(remaining.bytes)}`);
  }
  if (remaining.unlisted) lines.push('There are more small files than one run looks at: run it again');
  return lines;
}
