import { MAX_TAGS } from './limits.ts';
import type { Tag } from './rules.ts';

export interface MergedTags {
  /** All tags that the object is to have. */
  readonly tags: readonly Tag[];
  /** Whether that is other than what it has. */
  readonly isChanged: boolean;
  /** Tags of the rules for which there is no place. */
  readonly leftOut: readonly Tag[];
}

/**
 * Adds the tags of the rules to those that an object has. What has another key than theirs stays, whatever becomes of
 * theirs: of these, the first get the places that are left.
 */
export function mergeTags(existing: readonly Tag[], wanted: readonly Tag[]): MergedTags {
  const values = new Map(existing.map(({ key, value }) => [key, value]));
  const leftOut: Tag[] = [];
  let isChanged = false;
  for (const tag of wanted) {
    if (values.get(tag.key) === tag.value) continue;
    if (!values.has(tag.key) && values.size >= MAX_TAGS) {
      leftOut.push(tag);
      continue;
    }
    values.set(tag.key, tag.value);
    isChanged = true;
  }
  return { tags: [...values].map(([key, value]) => ({ key, value })), isChanged, leftOut };
}
