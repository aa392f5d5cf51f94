import { StoreError, type StoreErrorCode } from '../storage/object-store.ts';

export type S3Operation =
  | 'get'
  | 'head'
  | 'put'
  | 'putStream'
  | 'putIfAbsent'
  | 'delete'
  | 'list'
  | 'getTags'
  | 'putTags';

/**
 * Error codes of S3 that have another status than the one by which they are to be handled
 * (Amazon S3 API reference, "Error responses"), and errors of the SDK that never reached S3.
 */
const CODES_BY_NAME: Readonly<Record<string, StoreErrorCode>> = {
  ExpiredToken: 'ACCESS_DENIED',
  InvalidToken: 'ACCESS_DENIED',
  TokenRefreshRequired: 'ACCESS_DENIED',
  CredentialsProviderError: 'ACCESS_DENIED',
  KeyTooLongError: 'INVALID_KEY',
};

const CODES_BY_STATUS: Readonly<Record<number, StoreErrorCode>> = {
  401: 'ACCESS_DENIED',
  403: 'ACCESS_DENIED',
  404: 'NOT_FOUND',
  412: 'PRECONDITION_FAILED',
  416: 'INVALID_RANGE',
};

/** Runs a request, and turns what S3 or the SDK throws into a `StoreError` that names bucket and key. */
export async function s3Call<T>(
  operation: S3Operation,
  bucket: string,
  key: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(storeErrorCode(error), operation, key, describe(error, bucket), { cause: error });
  }
}

/** Whatever is not known to be final is `UNAVAILABLE`: a write may have happened, and a reader may try again. */
function storeErrorCode(error: unknown): StoreErrorCode {
  const byName = error instanceof Error ? CODES_BY_NAME[error.name] : undefined;
  return byName ?? CODES_BY_STATUS[httpStatus(error) ?? 0] ?? 'UNAVAILABLE';
}

/** The HTTP status of the response that the SDK made an error of; undefined when there was none. */
export function httpStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function describe(error: unknown, bucket: string): string {
  if (!(error instanceof Error)) return `${String(error)} (bucket ${bucket})`;
  const status = httpStatus(error);
  return `${error.name}: ${error.message} (bucket ${bucket}${status === undefined ? '' : `, HTTP ${status}`})`;
}
