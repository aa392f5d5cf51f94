import { CodedError } from '../../delta/coded-error.ts';

export type EngineErrorCode =
  /** SQL that is none, more than one statement, or names what is not there. */
  | 'SQL'
  /** A value does not fit the type it is cast to, or an expression failed at a row. */
  | 'CAST'
  /** Columns of a result that are not those of the table, or of types that have no place in it. */
  | 'TYPE'
  /** A column that must not be null has a null. */
  | 'NULL_VALUE'
  /** The memory limit is too small for the query, although it may spill. */
  | 'OUT_OF_MEMORY'
  /** The temporary folder, or the limit that was set for it, is too small. */
  | 'DISK_FULL'
  /** A file of a relation is not there any more: vacuumed away, as a rule. */
  | 'FILE_GONE'
  /** A file of a relation, or its deletion vector, cannot be read as the table's schema. */
  | 'UNREADABLE_FILE'
  /** A function of a transform could not be loaded, threw, or returned what are no rows of its columns. */
  | 'FUNCTION'
  /** The time was up. */
  | 'TIME_UP'
  /** DuckDB failed in a way that is none of the others. */
  | 'INTERNAL';

/** A failure to compute. The message says what was got and what was expected; `code` is stable. */
export class EngineError extends CodedError<EngineErrorCode> {
  override readonly name = 'EngineError';
}

export function isEngineError(error: unknown, code?: EngineErrorCode): error is EngineError {
  return error instanceof EngineError && (code === undefined || error.code === code);
}

/**
 * What DuckDB threw, as an EngineError that says at what it was: its errors have no codes, but their messages begin with their
 * kind (`ErrorManager` in duckdb/src/common/exception.cpp). Errors of others, such as the store's, stay as they are: DuckDB
 * throws plain ones.
 */
export function fromDuckDb(error: unknown, what: string, data: Readonly<Record<string, unknown>> = {}): unknown {
  if (!(error instanceof Error) || error.name !== 'Error') return error;
  const code = isNoSpace(error) ? 'DISK_FULL' : codeOf(error.message);
  // DuckDB's own advice is about its settings, which are not the user's.
  const [text = ''] = error.message.split('\n\nPossible solutions:');
  return new EngineError(code, `${what} failed (${code}): ${text}${ADVICE[code] ?? ''}`, data, { cause: error });
}

const ADVICE: Readonly<Partial<Record<EngineErrorCode, string>>> = {
  OUT_OF_MEMORY: '. Give the function more memory, make its batches smaller (limits), or let Spark do the step',
  DISK_FULL: '. Give the function more temporary storage, make its batches smaller (limits), or let Spark do the step',
};

/** Kinds of DuckDB's exceptions, as their messages begin. */
const CODES: Readonly<Record<string, EngineErrorCode>> = {
  'Parser Error': 'SQL',
  'Syntax Error': 'SQL',
  'Binder Error': 'SQL',
  'Catalog Error': 'SQL',
  'Permission Error': 'SQL',
  'Not implemented Error': 'SQL',
  'Parameter Not Resolved Error': 'SQL',
  'Conversion Error': 'CAST',
  'Out of Range Error': 'CAST',
  'Decimal Error': 'CAST',
  'Divide by Zero Error': 'CAST',
  'Mismatch Type Error': 'CAST',
  'Invalid Input Error': 'CAST',
  'Constraint Error': 'CAST',
  'Out of Memory Error': 'OUT_OF_MEMORY',
  'INTERRUPT Error': 'TIME_UP',
};

function codeOf(message: string): EngineErrorCode {
  // The temporary folder's own limit is told as a lack of memory: what was to make room in it found no room on the disk.
  if (/max_temp_directory_size|No space left on device|ENOSPC/i.test(message)) return 'DISK_FULL';
  const kind = /^(?:Failed to extract statements: )?([A-Za-z ]+ Error):/.exec(message)?.[1] ?? '';
  return CODES[kind] ?? 'INTERNAL';
}

/** Whether Node's file system has no room. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
