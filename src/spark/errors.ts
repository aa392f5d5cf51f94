import { CodedError } from '../delta/coded-error.ts';

export type SparkWorkErrorCode =
  /** The job ended without doing its work, or was cancelled. */
  | 'SPARK_JOB_FAILED'
  /** So many jobs failed at the same work that no other is started for it. */
  | 'SPARK_GIVEN_UP'
  /** A plan, a result or a note of a run is not what it should be. */
  | 'INVALID_RUN';

/** Work that was handed to Spark and came to nothing. The table is as it was before, but for what is committed. */
export class SparkWorkError extends CodedError<SparkWorkErrorCode> {
  override readonly name = 'SparkWorkError';
}
