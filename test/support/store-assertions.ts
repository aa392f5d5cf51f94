import assert from 'node:assert/strict';
import { isStoreError, type ObjectStore, type StoreErrorCode } from '../../src/storage/object-store.ts';

/** Passes when the call fails with a `StoreError` of this code. */
export async function rejectsWith(code: StoreErrorCode, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.equal(isStoreError(error) ? error.code : error, code);
    return true;
  });
}

/** The keys of a listing, in its order. */
export async function listKeys(store: ObjectStore, prefix = '', startAfter?: string): Promise<string[]> {
  const options = startAfter === undefined ? {} : { startAfter };
  return Array.fromAsync(store.list(prefix, options), ({ key }) => key);
}
