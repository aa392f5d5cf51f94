import { isStoreError, type ObjectStore } from '../../storage/object-store.ts';
import { CdfError } from '../errors.ts';

/** Where the files of an export go. */
export interface ExportTarget {
  readonly store: ObjectStore;
  /** Key prefix without slashes at its ends; '' for the store's root. */
  readonly root: string;
  /** For messages. */
  readonly url: string;
  /** Where the position is. @default `_position.json` in the target */
  readonly position?: { readonly store: ObjectStore; readonly key: string };
}

export function targetKey({ root }: ExportTarget, name: string): string {
  return root === '' ? name : `${root}/${name}`;
}

/** Reads an object of JSON; undefined where there is none. Throws `CORRUPT_EXPORT` for what is no JSON object. */
export async function readJson(store: ObjectStore, key: string): Promise<Record<string, unknown> | undefined> {
  let body: Uint8Array;
  try {
    ({ body } = await store.get(key));
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, like every other text that is no object.
  }
  throw new CdfError('CORRUPT_EXPORT', `"${key}" is no JSON object: ${Buffer.from(body).toString().slice(0, 100)}`, {
    key,
  });
}

export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** A whole number from 0 on out of an object that was read. Throws `CORRUPT_EXPORT`. */
export function numberIn(object: Readonly<Record<string, unknown>>, name: string, key: string): number {
  const value = object[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new CdfError('CORRUPT_EXPORT', `"${key}" has ${JSON.stringify(value)} as "${name}", expected a version`, {
    key,
  });
}
