import type { FileCheck } from './check-files.ts';
import type { LogState } from './examine-log.ts';
import type { Totals } from './totals.ts';

/** `error`: rows are lost or wrong, or the table cannot be used; `warning`: something should be done; `info`: good to know. */
export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  /** Stable, described in docs/doctor.md. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** What to do; where it is a command, `TABLE` stands for the table. */
  readonly advice: string;
  /** What the message counts. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Names of what it is about, some of them. */
  readonly examples?: readonly string[];
}

/** What was found out about a table. */
export interface Evidence {
  readonly version: number;
  readonly totals: Totals;
  readonly log: LogState;
  readonly check: FileCheck | undefined;
  readonly txns: number;
  /** Why this code may not add files; undefined when it may. */
  readonly refusal: string | undefined;
  /** Properties that no writer understands, with the reason. */
  readonly badProperties: readonly string[];
  /** Paths that are active more than once, some of them. */
  readonly duplicates: readonly string[];
  /** Whether events of landed files may outlive what the log knows of them. */
  readonly outlivedLog: boolean;
}

/** Commits since the checkpoint from which on every reader pays for it. */
const MANY_COMMITS = 200;
/** Mergeable small files from which on a table is worth compacting, and their least share of all files. */
const MANY_SMALL = 100;
const SMALL_SHARE = 0.5;
/** Versions beyond the retention: some are always there, as a clean-up waits for a checkpoint and for midnight. */
const MANY_EXPIRED = 1_000;
const MANY_PARTITIONS = 1_000;
const SMALL_PARTITION = 16 * 2 ** 20;
const SKEW = 20;
const LARGE_PARTITION = 2 ** 30;
const MANY_TXNS = 10_000;
/** Share of the table's bytes. */
const MUCH_WASTE = 0.1;

/** What there is to say of a table, the worst first. */
export function findingsOf(evidence: Evidence): Finding[] {
  const all = [
    ...fileFindings(evidence),
    ...logFindings(evidence),
    ...layoutFindings(evidence),
    ...protocolFindings(evidence),
  ];
  const order: readonly Severity[] = ['error', 'warning', 'info'];
  return order.flatMap((severity) => all.filter((finding) => finding.severity === severity));
}

function fileFindings({ check, totals, duplicates }: Evidence): Finding[] {
  const findings: Finding[] = [];
  if (duplicates.length > 0) {
    findings.push({
      code: 'DUPLICATE_FILES',
      severity: 'error',
      message: `${duplicates.length} paths are active more than once; readers count their rows twice`,
      advice:
        'Find the commits that added them with resaca inspect TABLE --history 1000, and remove one of each with Spark or delta-rs',
      numbers: { files: duplicates.length },
      examples: duplicates,
    });
  }
  if (check === undefined) return findings;
  const { missing, wrongSize, removed, orphans, keptOrphans } = check;
  const of = check.by === 'sample' ? ` of ${check.checked} that were looked at` : '';
  if (missing > 0) {
    findings.push({
      code: 'MISSING_FILES',
      severity: 'error',
      message: `${missing} active files${of} are not in the store; queries that need them fail`,
      advice:
        'Restore them from a backup or from older versions of the bucket; where they are lost, FSCK REPAIR TABLE or a DELETE of their rows by Spark takes them out of the table',
      numbers: { files: missing },
      examples: check.missingSample,
    });
  }
  if (wrongSize > 0) {
    findings.push({
      code: 'WRONG_SIZE',
      severity: 'error',
      message: `${wrongSize} active files${of} have another size than the log says; they were replaced or cut off`,
      advice: 'Restore the objects; for a table into which files land, send the events of the new objects again',
      numbers: { files: wrongSize },
      examples: check.wrongSizeSample,
    });
  }
  const waste = (removed?.bytes ?? 0) + (orphans?.bytes ?? 0);
  const files = (removed?.files ?? 0) + (orphans?.files ?? 0);
  if (files > 0) {
    findings.push({
      code: 'VACUUM_DUE',
      severity: waste > MUCH_WASTE * totals.bytes ? 'warning' : 'info',
      message: `${files} files that no version within the retention needs take up ${waste} bytes`,
      advice: 'resaca vacuum TABLE',
      numbers: { files, bytes: waste },
    });
  }
  if (keptOrphans !== undefined && keptOrphans.files > 0) {
    findings.push({
      code: 'UNKNOWN_FILES',
      severity: 'warning',
      message: `${keptOrphans.files} old files below the root are in no commit, ${keptOrphans.bytes} bytes; a vacuum leaves them`,
      advice:
        'Look whether they landed and were never taken (quarantine, dead letters, exclude patterns). To delete them: resaca vacuum TABLE --orphans delete',
      numbers: { ...keptOrphans },
    });
  }
  return findings;
}

function logFindings({ version, log }: Evidence): Finding[] {
  const findings: Finding[] = [];
  const { commitsSinceCheckpoint, checkpointVersion, hintedVersion, expiredVersions } = log;
  if (commitsSinceCheckpoint > MANY_COMMITS) {
    const since =
      checkpointVersion === undefined
        ? 'the table has no checkpoint'
        : `the last checkpoint is of version ${checkpointVersion}`;
    findings.push({
      code: 'CHECKPOINT_DUE',
      severity: 'warning',
      message: `every reader reads ${commitsSinceCheckpoint} commits: ${since}`,
      advice: 'resaca checkpoint TABLE',
      numbers: { commits: commitsSinceCheckpoint },
    });
  }
  if (checkpointVersion !== undefined && (hintedVersion ?? -1) < checkpointVersion - MANY_COMMITS) {
    const hint = hintedVersion === undefined ? 'is missing or cannot be read' : `names version ${hintedVersion}`;
    findings.push({
      code: 'STALE_HINT',
      severity: 'info',
      message: `_last_checkpoint ${hint}, and there is a checkpoint of version ${checkpointVersion}; readers list more of the log`,
      advice: 'The next checkpoint mends it: resaca checkpoint TABLE',
      numbers: { version, checkpointVersion },
    });
  }
  if (expiredVersions > MANY_EXPIRED) {
    findings.push({
      code: 'LOG_CLEANUP_DUE',
      severity: 'info',
      message: `${expiredVersions} versions are older than the retention of the log`,
      advice: 'resaca clean-log TABLE',
      numbers: { versions: expiredVersions },
    });
  }
  if (log.headOfTheFuture) {
    findings.push({
      code: 'FUTURE_COMMIT',
      severity: 'warning',
      message: 'the newest commit is of the future; time travel and retentions go by wrong times',
      advice: 'Set the clock of this machine, or of the writer',
      numbers: {},
    });
  }
  if (log.quarantined > 0) {
    findings.push({
      code: 'QUARANTINE',
      severity: 'warning',
      message: `${log.moreQuarantined ? 'more than ' : ''}${log.quarantined} files were not taken into the table, and lie in quarantine`,
      advice: 'Read why in TABLE/_resaca/quarantine/*.json, mend it, and send the events again',
      numbers: { files: log.quarantined },
    });
  }
  return findings;
}

function layoutFindings({ totals }: Evidence): Finding[] {
  const findings: Finding[] = [];
  const { files, mergeableFiles, filesWithoutStats, filesMostlyDeleted, emptyFiles, partitions, bytes } = totals;
  if (mergeableFiles >= MANY_SMALL && mergeableFiles >= SMALL_SHARE * files) {
    findings.push({
      code: 'SMALL_FILES',
      severity: 'warning',
      message: `${mergeableFiles} of ${files} files are smaller than 16 MiB and lie beside others of their partition`,
      advice: 'resaca optimize TABLE',
      numbers: { files: mergeableFiles, of: files },
    });
  }
  if (filesWithoutStats > 0) {
    findings.push({
      code: 'STATS_MISSING',
      severity: filesWithoutStats > SMALL_SHARE * files ? 'warning' : 'info',
      message: `${filesWithoutStats} of ${files} files have no statistics that tell their number of rows; no query can skip them`,
      advice: 'Rewriting them gives them statistics: resaca optimize TABLE, or Spark’s OPTIMIZE',
      numbers: { files: filesWithoutStats, of: files },
    });
  }
  if (filesMostlyDeleted > 0) {
    findings.push({
      code: 'MANY_DELETED_ROWS',
      severity: 'info',
      message: `a fifth or more of the rows of ${filesMostlyDeleted} files are deleted by a deletion vector`,
      advice: 'REORG TABLE ... APPLY (PURGE) of Spark rewrites them',
      numbers: { files: filesMostlyDeleted },
    });
  }
  if (emptyFiles > 0) {
    findings.push({
      code: 'EMPTY_FILES',
      severity: 'info',
      message: `${emptyFiles} files have no rows`,
      advice: 'resaca optimize TABLE',
      numbers: { files: emptyFiles },
    });
  }
  if (partitions > MANY_PARTITIONS && bytes / partitions < SMALL_PARTITION) {
    findings.push({
      code: 'PARTITIONS_TOO_FINE',
      severity: 'warning',
      message: `${totals.morePartitions ? 'more than ' : ''}${partitions} partitions have ${Math.round(bytes / partitions)} bytes each on average`,
      advice: 'A coarser partition column, or none, serves better: files cannot become larger than their partition',
      numbers: { partitions, meanBytes: Math.round(bytes / partitions) },
    });
  }
  return [...findings, ...skewFindings(totals)];
}

function skewFindings({ largestPartition, medianPartitionBytes: median, partitions }: Totals): Finding[] {
  if (largestPartition === undefined || partitions < 3) return [];
  const { bytes, values } = largestPartition;
  if (bytes < LARGE_PARTITION || bytes < SKEW * median) return [];
  const name = Object.entries(values)
    .map(([column, value]) => `${column}=${value ?? 'null'}`)
    .join('/');
  return [
    {
      code: 'PARTITIONS_SKEWED',
      severity: 'info',
      message: `the partition ${name} has ${bytes} bytes, and the one in the middle ${median}`,
      advice:
        'Where its value is null or a default, look at what writes it; otherwise another partition column may serve better',
      numbers: { largestBytes: bytes, medianBytes: median },
      examples: [name],
    },
  ];
}

function protocolFindings({ totals, txns, refusal, badProperties, outlivedLog }: Evidence): Finding[] {
  const findings: Finding[] = [];
  if (refusal !== undefined) {
    findings.push({
      code: 'NOT_WRITABLE',
      severity: 'info',
      message: `resaca does not append to this table: ${refusal}`,
      advice: 'See docs/protocol-support.md for the features and what they ask for',
      numbers: {},
    });
  }
  if (badProperties.length > 0) {
    findings.push({
      code: 'BAD_PROPERTIES',
      severity: 'warning',
      message: `table properties have values that are not understood: ${badProperties.join('; ')}`,
      advice: 'ALTER TABLE ... SET TBLPROPERTIES with Spark, or alter.set_table_properties of delta-rs',
      numbers: { properties: badProperties.length },
    });
  }
  if (outlivedLog) {
    findings.push({
      code: 'LOG_RETENTION_SHORT',
      severity: 'warning',
      message:
        'files land in the table, and both its log and its tombstones are kept for less than the 14 days that an event may take',
      advice: "Set 'delta.logRetentionDuration' to 'interval 30 days'",
      numbers: {},
    });
  }
  if (totals.filesElsewhere > 0) {
    findings.push({
      code: 'FILES_ELSEWHERE',
      severity: 'info',
      message: `${totals.filesElsewhere} files are logged by addresses outside the table, as in a shallow clone`,
      advice: 'A vacuum of the table that they belong to does not know that they are in use here',
      numbers: { files: totals.filesElsewhere },
    });
  }
  if (totals.filesOfTheFuture > 0) {
    findings.push({
      code: 'FUTURE_FILES',
      severity: 'info',
      message: `${totals.filesOfTheFuture} files have a modification time after now`,
      advice: 'Set the clock of this machine, or of the writer',
      numbers: { files: totals.filesOfTheFuture },
    });
  }
  if (txns > MANY_TXNS) {
    findings.push({
      code: 'MANY_TRANSACTIONS',
      severity: 'info',
      message: `the log remembers the transactions of ${txns} applications; every reader loads them`,
      advice: "Where they are of jobs that will not come again, set 'delta.setTransactionRetentionDuration'",
      numbers: { transactions: txns },
    });
  }
  return findings;
}
