import type { TableRef } from '../../delta/table.ts';
import type { TableEngine } from '../../ingest/engine.ts';
import type { BrokenRecord, StoredRecord } from '../../recovery/quarantine/records.ts';
import { RETRY_BATCH, type Retried, type RetryOutcome, retryRecords } from '../../recovery/quarantine/retry.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, formatRows, plural } from '../format.ts';
import { brokenJson, brokenLines } from './list.ts';

/** Files that are named in the text, and in the JSON. */
const NAMED = 10;
const MAX_NAMED = 1_000;

/** `resaca quarantine retry`: batch by batch, so that an interrupt leaves whole ones. */
export async function runRetry(
  engine: TableEngine,
  table: TableRef,
  records: AsyncIterable<StoredRecord>,
  broken: readonly BrokenRecord[],
  { dryRun, isJson }: { readonly dryRun: boolean; readonly isJson: boolean },
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const counts: Record<RetryOutcome, number> = { added: 0, gone: 0, rejected: 0, failed: 0, left: 0 };
  const stay: object[] = [];
  let batch: StoredRecord[] = [];
  let isStopped = false;

  async function retryBatch(): Promise<void> {
    const outcomes = await retryRecords(engine, table, batch, { dryRun });
    batch = [];
    for (const retried of outcomes) {
      counts[retried.outcome] += 1;
      if (!isGone(retried) && stay.length < MAX_NAMED) stay.push(stayingJson(retried));
    }
    if (!isJson)
      terminal.show([`${table.url}: ${formatCount(counts.added)} added, ${formatCount(counts.rejected)} not`]);
  }

  for await (const stored of records) {
    isStopped = signal.aborted;
    if (isStopped) break;
    if (batch.push(stored) === RETRY_BATCH) await retryBatch();
  }
  if (!isStopped && batch.length > 0) await retryBatch();
  terminal.endShow();
  const left = counts.rejected + counts.failed + counts.left;
  if (isJson) {
    const json = { table: table.url, dryRun, ...counts, stay, ...brokenJson(broken), remaining: isStopped };
    await terminal.print(JSON.stringify(json, null, 2));
  } else {
    await terminal.print(`${table.url}${dryRun ? ': dry run, nothing was written' : ''}`);
    for (const line of countLines(counts, dryRun)) await terminal.print(line);
    for (const file of stay.slice(0, NAMED)) await terminal.print(`    ${JSON.stringify(file)}`);
    if (left > NAMED) await terminal.print(`    and ${formatCount(left - NAMED)} more`);
    for (const line of brokenLines(broken)) await terminal.print(line);
    if (isStopped) await terminal.print('  stopped before the end; the same command goes on');
  }
  return left + broken.length > 0 || isStopped ? EXIT.incomplete : EXIT.ok;
}

function isGone({ outcome }: Retried): boolean {
  return outcome === 'added' || outcome === 'gone';
}

function stayingJson({ stored, outcome, rejection }: Retried): object {
  const { reason, detail } = rejection ?? stored.record;
  return { id: stored.id, path: stored.record.path, outcome, reason, detail };
}

function countLines(counts: Readonly<Record<RetryOutcome, number>>, dryRun: boolean): string[] {
  const rows: [number, string][] = [
    [counts.added, dryRun ? 'would be in the table' : 'in the table, out of quarantine'],
    [counts.gone, 'not there any more, out of quarantine'],
    [counts.rejected, 'do not fit, and stay'],
    [counts.failed, 'could not be read, and stay'],
    [counts.left, 'stay: no rule takes them, or the log has them as removed'],
  ];
  const shown = rows.filter(([count]) => count > 0).map(([count, what]) => [`  ${plural(count, 'file')}`, what]);
  return shown.length === 0 ? ['  no such records'] : formatRows(shown);
}
