/** Why a payload gives no row; the `error_code` of its dead letter. */
export type PayloadErrorCode =
  /** No JSON, or no object at the top. */
  | 'INVALID_JSON'
  | 'INVALID_AVRO'
  /** A record of a CSV file that has more or fewer fields than its header. */
  | 'INVALID_CSV'
  | 'INVALID_PROTOBUF'
  /** A registry's header is missing or is none. */
  | 'INVALID_WIRE_FORMAT'
  /** The registry does not have the schema, or it is none that can be read. */
  | 'UNKNOWN_SCHEMA'
  /** No gzip or zstd, or damaged. */
  | 'INVALID_COMPRESSION'
  /** Larger than the configuration takes, packed or unpacked, or nested too deeply. */
  | 'TOO_LARGE'
  /** No envelope of Debezium. */
  | 'INVALID_ENVELOPE'
  /** A column cannot have the value. */
  | 'TYPE_MISMATCH'
  /** A field that the table has no column for, where the policy is `strict`. */
  | 'UNKNOWN_COLUMN'
  /** An expression failed. */
  | 'EXPRESSION_FAILED'
  /** An expression gave no name that a table or partition can have. */
  | 'INVALID_TARGET';

/** A payload that gives no row. `message` may quote a little of it, and says what was got and what was expected. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';
  readonly code: PayloadErrorCode;

  constructor(code: PayloadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
