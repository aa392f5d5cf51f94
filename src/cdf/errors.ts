import { CodedError } from '../delta/coded-error.ts';

export type CdfErrorCode =
  /** Commits whose changes are wanted are cleaned up from the log. */
  | 'CHANGES_GONE'
  /** A file of a change is not there any more, or another one: vacuumed away, as a rule. */
  | 'FILE_GONE'
  /** A file or its deletion vector cannot be read as the table's schema. */
  | 'UNREADABLE_FILE'
  /** The schema changed within the range so that older rows do not fit it. */
  | 'INCOMPATIBLE_SCHEMA'
  /** A table whose rows this code cannot read, such as one with mapped columns. */
  | 'UNSUPPORTED_TABLE'
  /** A commit rewrote files of a table without a change data feed: which rows changed is not known. */
  | 'NOT_RECORDED'
  /** The position is of another table: it was dropped and made again. */
  | 'OTHER_TABLE'
  /** An object of an export that is no such object. */
  | 'CORRUPT_EXPORT'
  /** The time ended before one range was written. */
  | 'TIME_UP';

/** A failure to tell or to export changes. The message says what was got and what was expected; `code` is stable. */
export class CdfError extends CodedError<CdfErrorCode> {
  override readonly name = 'CdfError';
}

export function isCdfError(error: unknown, code?: CdfErrorCode): error is CdfError {
  return error instanceof CdfError && (code === undefined || error.code === code);
}
