export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What one invocation did to one table. Counts, bytes, and milliseconds. */
export interface TableMetrics {
  /** Kafka records. */
  recordsWritten: number;
  /** Source files of the loader whose rows landed. */
  filesLoaded: number;
  /** Rows of theirs. */
  rowsLoaded: number;
  /** Rows of theirs that stayed out. */
  rowsRejected: number;
  filesAppended: number;
  bytesAppended: number;
  filesRemoved: number;
  commits: number;
  checkpoints: number;
  /** Small files that were put together with others. */
  filesCompacted: number;
  /** Files that no version needs any more. */
  filesDeleted: number;
  /** Files that a reconciliation found: no event of their coming, or of their going, was handled. */
  filesMissed: number;
  /** Files that it left alone, because the log does not tell whether they were in the table once. */
  filesUnknown: number;
  /** Commit races lost (each was followed by another try). */
  conflicts: number;
  quarantined: number;
  /** Files that needed nothing: duplicates, superseded versions, objects that are gone. */
  skipped: number;
  /** 1 when the table could not be brought up to date and its messages will come again. */
  failures: number;
  /** 1 when a Spark job came to nothing. */
  sparkFailures: number;
  /** 1 when a step found that no Spark job is started for it any more. */
  stepsGivenUp: number;
  /** Objects that got tags. */
  objectsTagged: number;
  /** Tags for which an object had no place. */
  tagsLeftOut: number;
  /** 1 when a table was made or changed in the catalog. */
  catalogUpdates: number;
  /** 1 when a table cannot be in the catalog as it is. */
  catalogRefusals: number;
  /** Rows of a change data feed that were exported. */
  changesExported: number;
  /** Versions whose changes were exported. */
  versionsExported: number;
  /** Versions whose changes are not exported yet. */
  versionsBehind: number;
  /** Rows of a step that broke a rule of quality and went to the quarantine table. */
  rowsQuarantined: number;
  /** Rows of a step that broke a rule which only counts. */
  qualityWarnings: number;
  /** Records of a step that came too late to change anything. */
  rowsLate: number;
  /** ms from the oldest event of the batch to the commit. */
  freshnessLag: number;
}

/** Where logs and metrics go. On Lambda: JSON lines and EMF, see `src/aws/telemetry.ts`. */
export interface Telemetry {
  log(level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>): void;
  metrics(table: string, values: Readonly<Partial<TableMetrics>>): void;
}
