import { mapConcurrently } from '../ingest/concurrently.ts';
import type { ObjectInfo } from '../storage/object-store.ts';
import type { TagConfig } from './config.ts';
import { type Tag, tagsFor } from './rules.ts';
import { type TaggedObject, type TagStore, tagObject } from './tag-object.ts';

export interface TagListedOptions {
  readonly bucket: string;
  /** Only tell what would be tagged. @default false */
  readonly isDryRun?: boolean;
  /** Ends the run after the objects at hand. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TagListedResult) => void;
}

export interface TagListedResult {
  /** Objects that were listed. */
  readonly listed: number;
  /** Objects that no rule means. */
  readonly ignored: number;
  /** Tagged, or in a dry run to be tagged. */
  readonly tagged: number;
  /** Objects that had their tags. */
  readonly same: number;
  /** Objects that were deleted meanwhile. */
  readonly gone: number;
  /** Objects without a place for all tags of the rules. */
  readonly withoutPlace: number;
  readonly failed: number;
  /** The first that were tagged, with all tags that they have now. */
  readonly examples: readonly { readonly key: string; readonly tags: Readonly<Record<string, string>> }[];
  /** The first that failed, and why. */
  readonly failures: readonly { readonly key: string; readonly reason: string }[];
  /** The last key up to which all objects were looked at. */
  readonly lastKey: string | undefined;
  /** Whether it was stopped before the end. */
  readonly remaining: boolean;
}

/** Objects that are tagged at the same time, and from one look at the signal to the next. */
const CONCURRENCY = 16;
const PAGE = 500;
const MAX_NAMED = 100;

type Sums = { -readonly [K in keyof TagListedResult]: TagListedResult[K] } & {
  examples: TagListedResult['examples'][number][];
  failures: TagListedResult['failures'][number][];
};

/**
 * Tags objects that are there already, by the rules of the tag function and as it does it. Of objects with versions, the newest
 * is tagged. One that cannot be tagged does not keep the others from it; where a whole page of them cannot, its first error is
 * thrown.
 */
export async function tagListed(
  store: TagStore,
  { rules }: TagConfig,
  objects: AsyncIterable<ObjectInfo>,
  { bucket, isDryRun = false, signal, onProgress }: TagListedOptions,
): Promise<TagListedResult> {
  const sums: Sums = {
    listed: 0,
    ignored: 0,
    tagged: 0,
    same: 0,
    gone: 0,
    withoutPlace: 0,
    failed: 0,
    examples: [],
    failures: [],
    lastKey: undefined,
    remaining: false,
  };
  let page: { readonly object: TaggedObject; readonly wanted: readonly Tag[] }[] = [];
  let lastKey: string | undefined;
  const settle = async (): Promise<void> => {
    const errors = await mapConcurrently(page, CONCURRENCY, ({ object, wanted }) =>
      tagOne(store, object, wanted, isDryRun, sums),
    );
    if (errors.length > 0 && errors.every((error) => error !== undefined)) throw errors[0];
    page = [];
    sums.lastKey = lastKey;
    onProgress?.(sums);
  };
  for await (const { key } of objects) {
    if (signal?.aborted === true) return { ...sums, remaining: true };
    sums.listed += 1;
    lastKey = key;
    const wanted = tagsFor(key, rules);
    if (wanted.length === 0) sums.ignored += 1;
    else page.push({ object: { bucket, key }, wanted });
    if (page.length === PAGE || sums.listed % (PAGE * 20) === 0) await settle();
  }
  await settle();
  return sums;
}

/** What was thrown; undefined where nothing was. */
async function tagOne(
  store: TagStore,
  object: TaggedObject,
  wanted: readonly Tag[],
  isDryRun: boolean,
  sums: Sums,
): Promise<unknown> {
  const { key } = object;
  try {
    const { outcome, tags, leftOut } = await tagObject(store, object, wanted, { isDryRun });
    sums[outcome] += 1;
    if (leftOut.length > 0) sums.withoutPlace += 1;
    if (outcome === 'tagged' && sums.examples.length < MAX_NAMED) {
      sums.examples.push({ key, tags: Object.fromEntries(tags.map((tag) => [tag.key, tag.value])) });
    }
    return undefined;
  } catch (error) {
    sums.failed += 1;
    const reason = error instanceof Error ? error.message : String(error);
    if (sums.failures.length < MAX_NAMED) sums.failures.push({ key, reason });
    return error;
  }
}
