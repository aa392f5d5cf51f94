import type { CheckpointReader } from '../../delta/checkpoint.ts';
import type { TableTotals } from '../../local/local-telemetry.ts';
import type { Service } from '../../local/service.ts';
import { quarantineLines } from '../convert/print.ts';
import { formatBytes, formatDuration, plural } from '../format.ts';
import { emptyTotals } from '../inspect/file-totals.ts';
import { inspectTable } from '../inspect/report.ts';
import type { Terminal } from '../terminal.ts';
import { readCommands } from './read-commands.ts';

/** Tables that are described one by one. */
const MAX_TABLES = 20;

/** The tables that the service wrote to, as they are now, and what was left out. */
export async function summaryLines(service: Service, reader: CheckpointReader, terminal: Terminal): Promise<string[]> {
  const { tables, quarantine, deadLetters } = service.status();
  const lines: string[] = [];
  for (const [root, totals] of [...tables].slice(0, MAX_TABLES)) {
    const table = service.tableRef(root);
    lines.push(terminal.style.bold(root === '' ? '(landing folder)' : root));
    const report = await inspectTable(table, reader, { history: 0 }).catch(() => undefined);
    const { files, rows, bytes, partitions } = report?.totals ?? emptyTotals();
    if (report === undefined) lines.push('  no table yet');
    else {
      const split = partitions.size === 0 ? 'not partitioned' : plural(partitions.size, 'partition');
      lines.push(
        `  version ${report.snapshot.version}: ${plural(files, 'file')}, ${plural(rows, 'row')}, ${formatBytes(bytes)}, ${split}`,
        `  this run: ${runText(totals)}`,
      );
    }
  }
  if (tables.size > MAX_TABLES) lines.push(`and ${plural(tables.size - MAX_TABLES, 'more table')}`);
  lines.push(...quarantineLines(quarantine, terminal.width));
  if (deadLetters > 0) {
    lines.push('', `${plural(deadLetters, 'message')} could not be handled: ${service.deadLetterFile}`);
  }
  return lines;
}

function runText({ filesAppended, filesRemoved, commits, lag }: TableTotals): string {
  if (commits === 0) return 'nothing new';
  const removed = filesRemoved === 0 ? '' : `, ${plural(filesRemoved, 'file')} removed`;
  return `${plural(filesAppended, 'file')} added${removed} by ${plural(commits, 'commit')}, last lag ${formatDuration(lag)}`;
}

/** How to read a table with other engines. */
export function readingLines(path: string, { style }: Terminal): string[] {
  return readCommands(path).flatMap(({ engine, lines }) => ['', style.bold(engine), ...lines]);
}
