export type ParquetErrorCode =
  /** The object has no bytes. */
  | 'EMPTY'
  /** The object does not end as a Parquet file ends, nor does it start as one. */
  | 'NOT_PARQUET'
  /** A Parquet file of which a part is missing. */
  | 'TRUNCATED'
  /** The footer or a column is encrypted. */
  | 'ENCRYPTED'
  /** The footer, or what it describes, is larger than the limit. */
  | 'FOOTER_TOO_LARGE'
  /** The footer says what the format forbids, or contradicts itself. */
  | 'CORRUPT'
  /** A column's type has no Delta type that all readers read with the right values. */
  | 'UNSUPPORTED_TYPE'
  /** A column is encoded or compressed in a way that not all readers know. */
  | 'UNSUPPORTED_ENCODING';

/** What an error is about; everything known is filled in. */
export interface ParquetErrorData {
  readonly key?: string;
  /** Dotted path of the column in the file's schema. */
  readonly column?: string;
  /** The column's Parquet type, for people. */
  readonly type?: string;
  readonly [name: string]: unknown;
}

/** A file that cannot be taken as it is. The message says what was got and what was expected; `code` is stable. */
export class ParquetError extends Error {
  override readonly name = 'ParquetError';
  readonly code: ParquetErrorCode;
  readonly data: ParquetErrorData;

  constructor(code: ParquetErrorCode, message: string, data: ParquetErrorData = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }
}

export function isParquetError(error: unknown, code?: ParquetErrorCode): error is ParquetError {
  return error instanceof ParquetError && (code === undefined || error.code === code);
}
