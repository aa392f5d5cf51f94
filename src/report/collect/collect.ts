import { readHistory } from '../../delta/history.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { examineTable } from '../../maintenance/doctor/doctor.ts';
import type { MaintenanceEngine } from '../../maintenance/engine.ts';
import type { FileFacts, HistoryEnd, HistoryFacts, ReportFacts } from '../facts.ts';
import { columnsOf } from './columns.ts';
import { FileSums } from './file-sums.ts';
import { HistorySums } from './history-sums.ts';
import { sumQuarantine } from './quarantine.ts';

/** Commits that are asked for at once: the latency of a store is hidden well by that many. */
const AHEAD = 16;

export interface ReportOptions {
  /** The most commits that are read. */
  readonly commits: number;
  /** Commits before this time are left out, ms since the epoch. */
  readonly since?: number;
  readonly onProgress?: (progress: ReportProgress) => void;
}

export interface ReportProgress {
  readonly files: number;
  readonly commits: number;
}

/**
 * Reads what is to be said of a table: its active files once, its newest commits, its quarantine. Nothing is written.
 * Memory is what the doctor takes, some 20 bytes for each active file, and does not grow with the commits.
 *
 * Throws what `loadSnapshot` does, `CORRUPT_LOG` for a commit that cannot be read, and an error for a record of the
 * quarantine that is none.
 */
export async function collectReport(
  engine: MaintenanceEngine,
  table: TableRef,
  { commits: limit, since, onProgress }: ReportOptions,
): Promise<ReportFacts> {
  const snapshot = await loadSnapshot(table, engine.reader);
  const sums = new FileSums(snapshot.metadata.partitionColumns.length > 0);
  const { version, findings, log } = await examineTable(engine, table, {
    snapshot,
    onFile: (file) => sums.add(file),
    onProgress: (files) => onProgress?.({ files, commits: 0 }),
  });
  if (version === undefined) throw new Error(findings[0]?.message ?? `${table.url} cannot be read`);
  const files = sums.files();
  const asked = { limit, since: since ?? null };
  const history = await sumHistory(snapshot, files, asked, (commits) => onProgress?.({ files: files.files, commits }));
  const quarantine = await sumQuarantine(table);
  return {
    ...describe(snapshot),
    generatedAt: engine.now(),
    log: {
      oldestVersion: log?.oldestVersion ?? null,
      checkpointVersion: snapshot.segment.checkpoint?.version ?? null,
      commitsSinceCheckpoint: snapshot.segment.commits.length,
    },
    files,
    partitions: sums.partitionFacts(),
    history,
    quarantine,
    findings,
  };
}

async function sumHistory(
  snapshot: Snapshot,
  files: FileFacts,
  asked: Pick<HistoryFacts, 'limit' | 'since'>,
  onProgress: (commits: number) => void,
): Promise<HistoryFacts> {
  const sums = new HistorySums(files);
  let commits = 0;
  let end: HistoryEnd = 'cleaned';
  for await (const commit of readHistory(snapshot, asked.limit, AHEAD)) {
    if (asked.since !== null && commit.timestamp < asked.since) {
      end = 'since';
      break;
    }
    sums.add(commit);
    commits += 1;
    if (commit.version === 0) end = 'first';
    else if (commits === asked.limit) end = 'limit';
    onProgress(commits);
  }
  return sums.facts(end, asked);
}

function describe({ table, version, timestamp, metadata, protocol, schema }: Snapshot) {
  const features = [...new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])])].sort();
  return {
    table: table.url,
    version,
    committedAt: timestamp,
    name: metadata.name ?? null,
    description: metadata.description ?? null,
    createdAt: metadata.createdTime ?? null,
    protocol: { reader: protocol.minReaderVersion, writer: protocol.minWriterVersion, features },
    partitionColumns: metadata.partitionColumns,
    properties: metadata.configuration,
    schema: columnsOf(schema, metadata.partitionColumns),
  };
}
