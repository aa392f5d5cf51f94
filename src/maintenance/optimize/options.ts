import type { PartitionValues } from './partition-key.ts';
import type { PartitionFilter } from './where.ts';

/** Bytes that a file is to have, where neither the caller nor the table says it (Spark: 1 GiB; made for one function). */
export const DEFAULT_TARGET_SIZE = 128 * 1024 * 1024;
/** Largest target. The data of a file that is put together with others fit into a function's memory, and so do its parts. */
export const MAX_TARGET_SIZE = 1024 * 1024 * 1024;

export interface OptimizeOptions {
  /** Bytes that a file is to have. @default the table's `delta.targetFileSize`, else `DEFAULT_TARGET_SIZE` */
  readonly targetSize?: number;
  /** Files of this many bytes or more stay as they are. @default three quarters of the target */
  readonly minFileSize?: number;
  /** Fewest files that are put together. @default 2 */
  readonly minInputFiles?: number;
  /** Only files of partitions that all of these hold for. @default all */
  readonly where?: readonly PartitionFilter[];
  /** Only files that were written at least so long ago, ms. @default 0 */
  readonly minAge?: number;
  /** How the rows of each new file are ordered. @default as they come: file by file, the oldest first */
  readonly order?: {
    readonly kind: 'sort' | 'z-order';
    /** Columns at the top of the schema that are no partition columns. */
    readonly columns: readonly string[];
  };
  /** Bytes of rows, decoded, that are sorted at once. @default 512 MiB */
  readonly maxSortBytes?: number;
  /** Files with columns that the table does not have are rewritten without them. @default false: they are left alone */
  readonly dropUnknownColumns?: boolean;
  /** Bytes of small files that one run reads at most. @default no limit */
  readonly maxBytes?: number;
  /**
   * Nothing is done for a table with more to put together than these bytes, or than `MAX_CANDIDATES` small files: it is
   * left to another engine. @default no limit
   */
  readonly maxBacklog?: number;
  /** Nothing is begun after this time, ms since the epoch. @default none */
  readonly deadline?: number;
  /** Asked again and again; when it is true, the run ends as at the deadline: what is ready is committed. */
  readonly shouldStop?: () => boolean;
  /** Bins that one commit takes. @default 8 */
  readonly binsPerCommit?: number;
  /** Plans, and writes nothing. @default false */
  readonly dryRun?: boolean;
  /** Told of each bin once it is in the table (or, in a dry run, planned). */
  readonly onBin?: (bin: CompactedBin) => void;
}

/** Files of one partition that became one. */
export interface CompactedBin {
  readonly partitionValues: PartitionValues;
  readonly inputFiles: number;
  readonly inputBytes: number;
  /** 0 in a dry run. */
  readonly outputBytes: number;
  /** Rows of the new file; 0 in a dry run. */
  readonly rows: number;
  /** Path of the new file, as logged; undefined in a dry run. */
  readonly path?: string;
}

export interface PartitionResult {
  readonly partitionValues: PartitionValues;
  readonly files: { readonly before: number; readonly after: number };
  readonly bytes: { readonly before: number; readonly after: number };
  readonly rows: number;
}

/** A small file that stays as it is, and why. */
export interface LeftAlone {
  /** Path as logged. */
  readonly path: string;
  readonly reason: string;
}

export interface OptimizeResult {
  readonly table: string;
  readonly dryRun: boolean;
  /** Bytes that a file is to have. */
  readonly targetSize: number;
  /** Versions that this run committed. */
  readonly versions: readonly number[];
  readonly filesRemoved: number;
  readonly filesAdded: number;
  readonly bytesRemoved: number;
  readonly bytesAdded: number;
  readonly rows: number;
  /** By partition, in the order in which they were worked on. In a dry run, what would be put together. */
  readonly partitions: readonly PartitionResult[];
  /** Small files that are left alone, the first `MAX_LEFT_ALONE`. */
  readonly leftAlone: readonly LeftAlone[];
  readonly leftAloneCount: number;
  /** Bins that were given up, since another writer changed their files or the schema meanwhile. */
  readonly conflicts: number;
  /** Whether there was more to do than `maxBacklog`; then nothing was done. */
  readonly isBeyond: boolean;
  /** What there was no time or budget for. */
  readonly remaining: { readonly bins: number; readonly bytes: number; readonly unlisted: boolean };
}

/** Files that are named in a result. */
export const MAX_LEFT_ALONE = 1_000;
