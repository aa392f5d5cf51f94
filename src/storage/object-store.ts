/**
 * The port through which everything reads and writes objects. One store is one bucket (or one local folder).
 *
 * Contract, held by `test/support/object-store-contract.ts` on every implementation:
 * - Keys are `/`-separated, without a leading slash, and are the decoded object keys (not URL-encoded).
 * - Reads see every write that finished before they started (S3 has been strongly consistent since 2020-12).
 * - `list` yields in ascending order of the UTF-8 bytes of the keys, and pages lazily: a caller that stops early
 *   causes no further request. `startAfter` is exclusive.
 * - `putIfAbsent` never replaces an object. Exactly one of several concurrent callers gets `created`. Its content
 *   is visible whole or not at all, also after a crash. `exists` may also mean that an earlier try of this very call
 *   won and its answer was lost: a caller to whom that matters compares what is stored with what it wrote.
 * - Absence is a value where a caller expects it (`head` -> undefined), a `StoreError` with code `NOT_FOUND` elsewhere.
 */
export interface ObjectStore {
  /** Reads an object, or a part of it. Throws `NOT_FOUND`, or `PRECONDITION_FAILED` when `ifMatch` differs. */
  get(key: string, options?: GetOptions): Promise<StoredObject>;
  /** Size, etag and time of an object; undefined when there is none. */
  head(key: string): Promise<ObjectInfo | undefined>;
  /** Writes an object, replacing what was there. */
  put(key: string, body: Uint8Array): Promise<void>;
  /**
   * Writes an object from pieces in their order, replacing what was there, and returns its size in bytes. Holds a few of the
   * pieces at a time. The object becomes visible whole, once they have ended; not at all where they throw.
   */
  putStream(key: string, pieces: AsyncIterable<Uint8Array>): Promise<number>;
  /** Writes an object only if there is none under the key. */
  putIfAbsent(key: string, body: Uint8Array): Promise<'created' | 'exists'>;
  /** Removes an object; removing one that is absent succeeds. */
  delete(key: string): Promise<void>;
  /** Lists the objects whose key starts with `prefix`. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
}

export interface GetOptions {
  /** Byte range, `end` exclusive. A range that reaches past the end is cut there; one that starts there throws `INVALID_RANGE`. */
  readonly range?: { readonly start: number; readonly end: number };
  /** Read only if the object's etag is this one (without quotes). */
  readonly ifMatch?: string;
}

export interface ListOptions {
  /** Only keys greater than this one. */
  readonly startAfter?: string;
}

export interface StoredObject {
  readonly body: Uint8Array;
  /** Opaque version of the content, without quotes. */
  readonly etag: string;
  /** Size of the whole object in bytes, whatever range was read. */
  readonly size: number;
  /** Time of the last write, ms since the epoch. */
  readonly modified: number;
}

export interface ObjectInfo {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
  /** Time of the last write, ms since the epoch. */
  readonly modified: number;
}

export type StoreErrorCode =
  /** No such object. */
  | 'NOT_FOUND'
  /** The object is there, but not the version asked for. */
  | 'PRECONDITION_FAILED'
  /** The range starts at or behind the end of the object. */
  | 'INVALID_RANGE'
  /** The caller may not do this. */
  | 'ACCESS_DENIED'
  /** The key cannot be one of this store. */
  | 'INVALID_KEY'
  /** The outcome is not known, or trying again may help: time-out, throttling, lost connection, 5xx. */
  | 'UNAVAILABLE';

/** A failed store call. `key` is the object or the prefix, `operation` the method that failed. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly operation: string;
  readonly key: string;

  constructor(code: StoreErrorCode, operation: string, key: string, detail: string, options?: ErrorOptions) {
    super(`${operation} of "${key}" failed (${code}): ${detail}`, options);
    this.code = code;
    this.operation = operation;
    this.key = key;
  }
}

export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && (code === undefined || error.code === code);
}
