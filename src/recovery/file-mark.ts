import type { ObjectVersion } from '../ingest/object-version.ts';
import type { ListedObject } from './listing.ts';

/** What a table's log says of an object. */
export type Verdict =
  /** Active, in this version. */
  | 'known'
  /** Active, in another version of the object: it was overwritten. */
  | 'overwritten'
  /** It was in the table, and was taken out after it was written. */
  | 'removed'
  /** It was removed, and by its time it was written after that. */
  | 'rewritten'
  /** No commit tells of it. */
  | 'news'
  /** Nothing is known of it, but the log does not reach back to when it was written. */
  | 'unknown';

/**
 * A mark has 32 bits: two that say what it is (the file is active and known by its size, active and known by its etag, or
 * removed), one for a file that was seen, and 29 for a hash of size or etag, or for the time of the removal in units of
 * eight seconds, rounded up, which last until 2106.
 */
const BY_SIZE = 0;
const BY_ETAG = 1;
const REMOVED = 2;
const KIND_SHIFT = 30;
const SEEN = 2 ** 29;
const VALUE_MASK = SEEN - 1;
const TIME_UNIT = 8_000;

export function activeMark({ etag, size = 0 }: ObjectVersion): number {
  return etag === undefined ? markOf(BY_SIZE, hash(String(size))) : markOf(BY_ETAG, hash(etag));
}

/** `time` in ms since the epoch. */
export function removedMark(time: number): number {
  return markOf(REMOVED, Math.min(Math.ceil(time / TIME_UNIT), VALUE_MASK));
}

/** Removed at a time that is not known: nothing was written after it. */
export const REMOVED_SOMETIME = removedMark(Number.POSITIVE_INFINITY);

/** What is known of a path, where something older of it comes up: it says no more but when a removal was, at the latest. */
export function laterRemoval(known: number, older: number): number {
  const areRemovals = known >>> KIND_SHIFT === REMOVED && older >>> KIND_SHIFT === REMOVED;
  if (!areRemovals || older === REMOVED_SOMETIME) return known;
  return (older & VALUE_MASK) > (known & VALUE_MASK) ? ((known & SEEN) | older) >>> 0 : known;
}

export function withSeen(mark: number): number {
  return (mark | SEEN) >>> 0;
}

export function isSeen(mark: number): boolean {
  return (mark & SEEN) !== 0;
}

/**
 * The verdict on an object that by its time was written after its path was removed. Times are those of a copy where a bucket
 * was copied: what was removed would seem to be new. So it has to differ from all versions of which the log tells: by its
 * size; with the same size and another etag (a copy may have one) it cannot be told.
 */
export function judgeRewritten({ size, etag }: ListedObject, versions: readonly ObjectVersion[]): Verdict {
  const known = versions.filter((version) => version.size !== undefined);
  if (known.length === 0) return 'unknown';
  const same = known.filter((version) => version.size === size);
  if (same.length === 0) return 'news';
  return same.some((version) => version.etag !== undefined && version.etag !== etag) &&
    !versions.some((version) => version.etag === etag)
    ? 'unknown'
    : 'removed';
}

/**
 * The verdict on an object that the log names. One that was written after its path was removed is another one than was
 * removed; within the eight seconds that are not told apart it counts as removed, because what was removed must not come back.
 */
export function judgeMark(mark: number, { size, etag, time }: ListedObject): Verdict {
  const kind = mark >>> KIND_SHIFT;
  const value = mark & VALUE_MASK;
  if (kind === REMOVED) return value < VALUE_MASK && time > value * TIME_UNIT ? 'rewritten' : 'removed';
  if (kind === BY_ETAG) return etag === undefined || hash(etag) === value ? 'known' : 'overwritten';
  return hash(String(size)) === value ? 'known' : 'overwritten';
}

function markOf(kind: number, value: number): number {
  return ((kind << KIND_SHIFT) | value) >>> 0;
}

/** FNV-1a (public domain), folded to 29 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return ((value >>> 29) ^ value) & VALUE_MASK;
}
