/** Why a file is not loaded; `reason` of its quarantine record where it goes there. */
export type LoadErrorCode =
  /** It is damaged, ends early, or is no file of its format. */
  | 'INVALID_FILE'
  /** Its format, or something in it, is not read. */
  | 'UNSUPPORTED_FILE'
  /** A line, record or block is larger than is taken. */
  | 'TOO_LARGE'
  /** More rows than are allowed cannot be rows of the table. */
  | 'TOO_MANY_REJECTED'
  /** None of its rows has a column. */
  | 'NO_COLUMNS'
  /** It was begun so long ago that its parts may have been compacted and deleted since. */
  | 'STALE_PROGRESS'
  /** The object is another one now. Not quarantined: the newer version has its own event. */
  | 'SOURCE_CHANGED'
  /** Another invocation loads the same file, otherwise than this one. Not quarantined: it comes again. */
  | 'RACED';

/** A file that is not loaded. `line` counts from 1: lines of text, rows of other formats. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly code: LoadErrorCode;
  readonly line: number | undefined;

  constructor(code: LoadErrorCode, message: string, options: ErrorOptions & { readonly line?: number } = {}) {
    super(message, options);
    this.code = code;
    this.line = options.line;
  }
}

/** Whether the file stays out for good, as it is. */
export function isForQuarantine(error: unknown): error is LoadError {
  return error instanceof LoadError && error.code !== 'SOURCE_CHANGED' && error.code !== 'RACED';
}

/** What reading a file gives, as an error of the file: `read` throws whatever a decoder has. */
export function invalidFile(what: string, cause: unknown): LoadError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LoadError('INVALID_FILE', `${what}: ${reason}`, { cause });
}
