export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What one invocation did to one table. Counts, bytes, and milliseconds. */
export interface TableMetrics {
  /** Kafka records. */
  recordsWritten: number;
  filesAppended: number;
  bytesAppended: number;
  filesRemoved: number;
  commits: number;
  checkpoints: number;
  /** Small files that were put together with others. */
  filesCompacted: number;
  /** Files that no version needs any more. */
  filesDeleted: number;
  /** Commit races lost (each was followed by another try). */
  conflicts: number;
  quarantined: number;
  /** Files that needed nothing: duplicates, superseded versions, objects that are gone. */
  skipped: number;
  /** 1 when the table could not be brought up to date and its messages will come again. */
  failures: number;
  /** 1 when a Spark job came to nothing. */
  sparkFailures: number;
  /** Rows of a change data feed that were exported. */
  changesExported: number;
  /** Versions whose changes were exported. */
  versionsExported: number;
  /** Versions whose changes are not exported yet. */
  versionsBehind: number;
  /** ms from the oldest event of the batch to the commit. */
  freshnessLag: number;
}

/** Where logs and metrics go. On Lambda: JSON lines and EMF, see `src/aws/telemetry.ts`. */
export interface Telemetry {
  log(level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>): void;
  metrics(table: string, values: Readonly<Partial<TableMetrics>>): void;
}
