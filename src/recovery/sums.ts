import type { TableMetrics, Telemetry } from '../ingest/telemetry.ts';

/** What became of the files that were looked at. Numbers of files, but for bytes and commits. */
export interface Sums {
  /** That no commit told of, or that were overwritten, and that were given to the append path. */
  missed: number;
  /** Of these, those that it committed. */
  added: number;
  /** Bytes of these. */
  bytes: number;
  /** Those that it would not take, and of which there is a record now. */
  quarantined: number;
  /** Those that somebody else had committed by then. */
  skipped: number;
  /** Those that the store would not show. */
  failed: number;
  /** Active in their table. */
  known: number;
  /** Removed from their table, and waiting for a vacuum. */
  removed: number;
  /** Of which it cannot be told whether they were in the table once. */
  unknown: number;
  /** Too young: their events, or their writers' commits, may be under way. */
  young: number;
  /** In quarantine since before. */
  inQuarantine: number;
  /** In an inventory, and gone by now. */
  vanished: number;
  /** Active files that were gone, and that were removed from the table. */
  removedFiles: number;
  commits: number;
}

export function noSums(): Sums {
  return {
    missed: 0,
    added: 0,
    bytes: 0,
    quarantined: 0,
    skipped: 0,
    failed: 0,
    known: 0,
    removed: 0,
    unknown: 0,
    young: 0,
    inQuarantine: 0,
    vanished: 0,
    removedFiles: 0,
    commits: 0,
  };
}

/** What the append path reports, as sums. */
const REPORTED: Partial<Record<keyof TableMetrics, keyof Sums>> = {
  filesAppended: 'added',
  bytesAppended: 'bytes',
  quarantined: 'quarantined',
  skipped: 'skipped',
  filesRemoved: 'removedFiles',
  commits: 'commits',
};

/** Passes on what is reported, and counts it. */
export function countInto(sums: Sums, telemetry: Telemetry): Telemetry {
  return {
    log: (level, message, data) => telemetry.log(level, message, data),
    metrics(table, values) {
      for (const [name, sum] of Object.entries(REPORTED) as [keyof TableMetrics, keyof Sums][]) {
        sums[sum] += values[name] ?? 0;
      }
      telemetry.metrics(table, values);
    },
  };
}
