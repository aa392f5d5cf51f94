import { CodedError } from '../delta/coded-error.ts';

export type StepErrorCode =
  /** Another table lies where the step's source was. */
  | 'SOURCE_REPLACED'
  /** A table that the step reads is not there. */
  | 'SOURCE_NOT_FOUND'
  /** One commit of the source, or what a batch has to rewrite in the target, is beyond the limits, and there is no Spark. */
  | 'BATCH_TOO_LARGE'
  /** The source changed or removed rows, which the mode cannot follow. */
  | 'ROWS_CHANGED'
  /** The transform's columns do not fit the rule or the target: no such column, another type, a new one where they are fixed. */
  | 'SCHEMA'
  /** The target is a table, or has a property, that a step must not write to. */
  | 'TARGET'
  /** A quality rule with the action `fail` was broken. */
  | 'QUALITY'
  /** The target changed under every try until the time was up, or the tries were used up. Nothing was committed. */
  | 'CONTENTION'
  /** What the rule asks for is not done. */
  | 'UNSUPPORTED';

/** A failure of a step. The message says what was got, what was expected, and of which table and version; `code` is stable. */
export class StepError extends CodedError<StepErrorCode> {
  override readonly name = 'StepError';
}

export function isStepError(error: unknown, code?: StepErrorCode): error is StepError {
  return error instanceof StepError && (code === undefined || error.code === code);
}
