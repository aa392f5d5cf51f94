import { mergeTags } from './merge.ts';
import type { Tag } from './rules.ts';

/** An object, or one version of it. */
export interface TaggedObject {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

/** The tags of objects; all methods throw StoreError. */
export interface TagStore {
  /** Undefined where the object, or this version of it, is not there. */
  get(object: TaggedObject): Promise<readonly Tag[] | undefined>;
  /** Replaces all tags. False where the object is not there. */
  put(object: TaggedObject, tags: readonly Tag[]): Promise<boolean>;
}

export type TagOutcome =
  | 'tagged'
  /** It has all of the tags for which it has a place. */
  | 'same'
  | 'gone';

export interface TagResult {
  readonly outcome: TagOutcome;
  /** Tags that it had. */
  readonly had: number;
  /** Those that it has now. */
  readonly tags: readonly Tag[];
  /** Tags of the rules for which there is no place. */
  readonly leftOut: readonly Tag[];
}

/**
 * Adds the tags of the rules to those that an object has: one GET of the tags, and one PUT where something changes. Doing it
 * again changes nothing: the tags depend on the key only. In a dry run nothing is put.
 */
export async function tagObject(
  store: TagStore,
  object: TaggedObject,
  wanted: readonly Tag[],
  { isDryRun = false }: { readonly isDryRun?: boolean } = {},
): Promise<TagResult> {
  const existing = await store.get(object);
  if (existing === undefined) return { outcome: 'gone', had: 0, tags: [], leftOut: [] };
  const { tags, isChanged, leftOut } = mergeTags(existing, wanted);
  if (!isChanged) return { outcome: 'same', had: existing.length, tags, leftOut };
  const isThere = isDryRun || (await store.put(object, tags));
  return { outcome: isThere ? 'tagged' : 'gone', had: existing.length, tags, leftOut };
}
