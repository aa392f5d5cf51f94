import { CodedError } from './coded-error.ts';

export type DeltaErrorCode =
  /** There is no Delta log under the table's root. */
  | 'TABLE_NOT_FOUND'
  /** The version or time asked for is not in the log (never was, or is cleaned up). */
  | 'VERSION_NOT_FOUND'
  /** Commits that are needed to build the snapshot are missing. */
  | 'LOG_GAP'
  /** A log file cannot be parsed, or says what the protocol forbids. */
  | 'CORRUPT_LOG'
  /** The table needs a reader feature or version that this code does not have. */
  | 'UNSUPPORTED_READER'
  /** The table uses a feature, version or property under which this code must not write. */
  | 'UNSUPPORTED_WRITER'
  /** A schema that cannot be a Delta schema, or a value that does not fit it. */
  | 'INVALID_SCHEMA'
  /** The time budget ended while other writers kept winning. Nothing was committed. */
  | 'COMMIT_CONTENTION'
  /** Another writer's commit makes this one impossible (not: merely later). */
  | 'CONFLICT';

/** What an error is about; everything known is filled in. */
export interface DeltaErrorData {
  /** The table's URL or path, for people. */
  readonly table?: string;
  readonly version?: number;
  readonly key?: string;
  readonly [name: string]: unknown;
}

/** A failure of the log library. The message says what was got and what was expected; `code` is stable. */
export class DeltaError extends CodedError<DeltaErrorCode, DeltaErrorData> {
  override readonly name = 'DeltaError';
}

export function isDeltaError(error: unknown, code?: DeltaErrorCode): error is DeltaError {
  return error instanceof DeltaError && (code === undefined || error.code === code);
}
