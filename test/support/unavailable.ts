import { UnavailableError } from '../../scripts/local-aws/unavailable-error.ts';

export { UnavailableError };

/** What a test needs from outside, or the reason why it has to be skipped. */
export type Resource<T> =
  | { readonly value: T; readonly skip: undefined }
  | { readonly value: undefined; readonly skip: string };

/** Gets something that may be unavailable on this machine. Other errors than `UnavailableError` are thrown. */
export async function resource<T>(get: () => Promise<T>): Promise<Resource<T>> {
  try {
    return { value: await get(), skip: undefined };
  } catch (error) {
    if (error instanceof UnavailableError) return { value: undefined, skip: error.message };
    throw error;
  }
}

/** The value of a resource in a test that does not run without it. */
export function available<T>(found: Resource<T>): T {
  if (found.skip !== undefined) throw new UnavailableError(found.skip);
  return found.value;
}
