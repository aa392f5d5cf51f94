import type { AddFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import type { Commit } from '../../delta/commit-file.ts';
import { readHistory } from '../../delta/history.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { countFile, emptyTotals, type FileTotals } from './file-totals.ts';

export interface InspectOptions {
  readonly version?: number;
  /** ms since the epoch. */
  readonly timestamp?: number;
  /** Commits of the history, newest first. */
  readonly history: number;
  /** Called for each active file; its memory is the caller's business. */
  readonly onFile?: (add: AddFile) => void | Promise<void>;
}

export interface HistoryEntry {
  readonly version: number;
  /** ms since the epoch. */
  readonly timestamp: number;
  readonly operation: string;
  readonly engine: string | undefined;
  readonly adds: number;
  readonly removes: number;
  readonly changesSchema: boolean;
}

export interface TableReport {
  readonly snapshot: Snapshot;
  readonly totals: FileTotals;
  /** Newest first; shorter than asked for when the log was cleaned up. */
  readonly history: readonly HistoryEntry[];
}

/** Reads what is to be said of a table. Memory does not grow with the number of its files. */
export async function inspectTable(
  table: TableRef,
  reader: CheckpointReader,
  { version, timestamp, history, onFile }: InspectOptions,
): Promise<TableReport> {
  const snapshot = await loadSnapshot(table, reader, {
    ...(version !== undefined && { version }),
    ...(timestamp !== undefined && { timestamp }),
  });
  const totals = emptyTotals();
  const isPartitioned = snapshot.metadata.partitionColumns.length > 0;
  for await (const batch of activeFiles(snapshot, reader, { stats: true })) {
    for (const add of batch) {
      countFile(totals, add, isPartitioned);
      await onFile?.(add);
    }
  }
  return { snapshot, totals, history: await recentHistory(snapshot, history) };
}

async function recentHistory(snapshot: Snapshot, limit: number): Promise<readonly HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  if (limit === 0) return entries;
  for await (const commit of readHistory(snapshot, limit)) entries.push(toEntry(commit));
  return entries;
}

function toEntry({ version, timestamp, actions }: Commit): HistoryEntry {
  let operation = '';
  let engine: string | undefined;
  let adds = 0;
  let removes = 0;
  let changesSchema = false;
  for (const action of actions) {
    if ('add' in action) adds += 1;
    else if ('remove' in action) removes += 1;
    else if ('metaData' in action) changesSchema = true;
    else if ('commitInfo' in action) {
      operation = action.commitInfo.operation ?? '';
      engine = action.commitInfo.engineInfo;
    }
  }
  return { version, timestamp, operation, engine, adds, removes, changesSchema };
}
