/** A commit as the coordinator's table keeps it, in the format of Spark's `S3DynamoDBLogStore` (`ExternalCommitEntry`). */
export interface CommitEntry {
  /** The Delta table, in the one spelling that all of its writers use: see `formatTablePath`. */
  readonly tablePath: string;
  /** `<20 digits>.json` */
  readonly fileName: string;
  /** Where the commit's content lies, relative to `_delta_log`. */
  readonly tempPath: string;
  /** Whether `<fileName>` is in the log. */
  readonly complete: boolean;
  /** Time from which the entry may be deleted, seconds since the epoch; only where it is complete. */
  readonly expireTime?: number;
}

/**
 * The port to the table by which writers agree on who has a version. One table serves any number of Delta tables.
 * Every call throws `StoreError` (`UNAVAILABLE`, `ACCESS_DENIED`), or `CommitProtocolError` where the table cannot be used.
 */
export interface CommitTable {
  /** For messages. */
  readonly name: string;
  /** The entry with the greatest file name; sees every write that ended before. */
  latest(tablePath: string): Promise<CommitEntry | undefined>;
  /** Sees every write that ended before. */
  get(tablePath: string, fileName: string): Promise<CommitEntry | undefined>;
  /**
   * Adds an incomplete entry unless there is one for the file. As for an object store, `exists` may also mean that an earlier
   * try of this very call won and its answer was lost.
   */
  putIfAbsent(entry: CommitEntry): Promise<'created' | 'exists'>;
  /**
   * Marks the entry complete, to expire at `expireTime` (seconds since the epoch). Nothing happens where it is complete
   * already, is gone, or has another `tempPath`.
   */
  complete(entry: CommitEntry, expireTime: number): Promise<void>;
}

export type CommitProtocolErrorCode =
  /** A commit in the log was not made through the coordinator, or one was made past it: two protocols on one table. */
  | 'COMMIT_PROTOCOLS_MIXED'
  /** The entry of a commit is there and its content is not, neither as a commit nor as a temporary file. */
  | 'COMMIT_LOST'
  /** The coordinator has commits of a table that was at this place before, and was deleted. */
  | 'OLD_COMMIT_ENTRIES'
  /** The version before the one to be written is not in the log. */
  | 'COMMIT_OUT_OF_ORDER'
  /** There is no such coordinator table, or it has other keys. */
  | 'COMMIT_TABLE_UNUSABLE';

/** What an error is about; everything known is filled in. */
export interface CommitProtocolErrorData {
  /** The Delta table. */
  readonly table?: string;
  /** The coordinator's table. */
  readonly commitTable?: string;
  readonly key?: string;
  readonly tempPath?: string;
}

/**
 * The commit protocol of a table is broken, and going on could lose a commit. It does not pass by itself: the message says
 * what to do. `code` is stable.
 */
export class CommitProtocolError extends Error {
  override readonly name = 'CommitProtocolError';
  readonly code: CommitProtocolErrorCode;
  readonly data: CommitProtocolErrorData;

  constructor(
    code: CommitProtocolErrorCode,
    message: string,
    data: CommitProtocolErrorData = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.data = data;
  }
}

export function isCommitProtocolError(error: unknown, code?: CommitProtocolErrorCode): error is CommitProtocolError {
  return error instanceof CommitProtocolError && (code === undefined || error.code === code);
}
