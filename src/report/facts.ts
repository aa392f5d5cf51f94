import type { Finding } from '../maintenance/doctor/findings.ts';
import type { BrokenRecord, RecordGroup } from '../recovery/quarantine/records.ts';

/** What a report is made of, as plain data: sums and the first or newest of lists, so that it is small for any table. Times are ms since the epoch. */
export interface ReportFacts {
  readonly table: string;
  readonly generatedAt: number;
  readonly version: number;
  /** Of the version's commit. */
  readonly committedAt: number;
  readonly name: string | null;
  readonly description: string | null;
  readonly createdAt: number | null;
  readonly protocol: { readonly reader: number; readonly writer: number; readonly features: readonly string[] };
  readonly partitionColumns: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly log: {
    readonly oldestVersion: number | null;
    readonly checkpointVersion: number | null;
    readonly commitsSinceCheckpoint: number;
  };
  readonly files: FileFacts;
  readonly partitions: PartitionFacts;
  readonly history: HistoryFacts;
  readonly quarantine: QuarantineFacts;
  /** The worst first. */
  readonly findings: readonly Finding[];
  /** The columns in order, nested ones below their parents. */
  readonly schema: readonly ColumnFacts[];
}

/** Sums over the active files. */
export interface FileFacts {
  readonly files: number;
  readonly bytes: number;
  /** Rows that statistics tell, less those that deletion vectors hide. */
  readonly rows: number;
  readonly filesWithoutRows: number;
  readonly filesWithDeletionVector: number;
  readonly smallFiles: number;
  readonly smallBytes: number;
  /** Bytes below which a file is small. */
  readonly smallLimit: number;
  readonly smallest: number | null;
  readonly largest: number | null;
  /** From the class of the smallest file to that of the largest. */
  readonly classes: readonly SizeClass[];
}

/** Files of `from` bytes up to below `to`. */
export interface SizeClass {
  readonly from: number;
  readonly to: number;
  readonly files: number;
  readonly bytes: number;
}

export interface PartitionFacts {
  readonly count: number;
  /** Whether there are more than `count`; those that came first were told apart. */
  readonly more: boolean;
  readonly medianBytes: number;
  /** By bytes. */
  readonly largest: readonly PartitionSums[];
}

export interface PartitionSums {
  readonly values: Readonly<Record<string, string | null>>;
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
}

/** Why older commits were not looked at: version 0 was reached, `--commits`, `--since`, or they are no longer in the log. */
export type HistoryEnd = 'first' | 'limit' | 'since' | 'cleaned';

export interface HistoryFacts {
  readonly commits: number;
  readonly end: HistoryEnd;
  /** What was asked for. */
  readonly limit: number;
  readonly since: number | null;
  readonly oldest: { readonly version: number; readonly time: number } | null;
  readonly newest: { readonly version: number; readonly time: number } | null;
  /** Commits whose time is none between 1970 and 2100; the buckets are without them. */
  readonly commitsWithoutTime: number;
  /** Width of the buckets, ms. */
  readonly bucketMs: number;
  /** Ascending; those without commits are left out. */
  readonly buckets: readonly HistoryBucket[];
  /** The oldest version whose rows are known: older commits removed files without telling their rows. */
  readonly rowsKnownSince: number | null;
  /** The same for bytes. */
  readonly bytesKnownSince: number | null;
  /** Files by which the sums from version 0 on miss the files of today: objects that were overwritten in place. */
  readonly unexplainedFiles: number;
  /** What `HistoryBucket.bySeries` counts: those with the most commits, then all others, if there are any. */
  readonly series: readonly CommitSeries[];
  /** By commits. */
  readonly writers: readonly WriterFacts[];
  readonly lag: LagFacts | null;
  /** What rules of quality found, by rows. */
  readonly quality: readonly QualityFacts[];
  /** Newest first. */
  readonly newestCommits: readonly CommitFacts[];
}

/** Rows of the commits that broke a rule of quality, be they in the table or in quarantine. */
export interface QualityFacts {
  readonly rule: string;
  readonly rows: number;
}

/** `writer` and `operation` are null in the series of all others. */
export interface CommitSeries {
  readonly writer: string | null;
  readonly operation: string | null;
  readonly commits: number;
}

/** The commits of a span of time, and the table after the last of them. */
export interface HistoryBucket {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly version: number;
  readonly time: number;
  readonly files: number;
  /** Null where older than `bytesKnownSince`, or `rowsKnownSince`. */
  readonly bytes: number | null;
  readonly rows: number | null;
  readonly commits: number;
  readonly bySeries: readonly number[];
  readonly lag: LagFacts | null;
}

/** From the time of a file to that of its commit, ms. The median is of a class some 5 % wide on either side. */
export interface LagFacts {
  readonly files: number;
  readonly median: number;
  readonly highest: number;
}

export interface WriterFacts {
  readonly writer: string;
  readonly operation: string;
  readonly commits: number;
  readonly addedFiles: number;
  readonly removedFiles: number;
  readonly first: number;
  readonly last: number;
}

export interface CommitFacts {
  readonly version: number;
  readonly time: number;
  readonly writer: string;
  readonly operation: string;
  readonly addedFiles: number;
  readonly removedFiles: number;
  readonly addedBytes: number;
  readonly changesSchema: boolean;
}

export interface QuarantineFacts {
  readonly files: number;
  readonly bytes: number;
  /** Whether there are more records than `files`. */
  readonly more: boolean;
  /** By files. */
  readonly reasons: readonly RecordGroup[];
  /** Newest first. */
  readonly newest: readonly QuarantinedFile[];
  /** Records that cannot be read; they are in no other number. */
  readonly broken: number;
  /** The first of them. */
  readonly brokenRecords: readonly BrokenRecord[];
}

export interface QuarantinedFile {
  readonly path: string;
  readonly reason: string;
  readonly detail: string;
  readonly size: number | null;
  /** ISO 8601. */
  readonly quarantinedAt: string;
}

export interface ColumnFacts {
  /** 0 for the columns of the table. */
  readonly depth: number;
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly comment: string | null;
  readonly isPartition: boolean;
}
