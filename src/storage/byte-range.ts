import { type GetOptions, StoreError } from './object-store.ts';

/** Part of an object in bytes: `end` is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts the asked range to an object of `size` bytes; the whole object when no range is asked for.
 * Throws `INVALID_RANGE` when the range is empty, no range at all, or starts at or behind the end.
 */
export function resolveRange(range: GetOptions['range'], size: number, key: string): ByteRange {
  if (range === undefined) return { start: 0, end: size };
  assertRange(range, key);
  if (range.start >= size) throw invalidRange(range, key, `the object has ${size} bytes`);
  return { start: range.start, end: Math.min(range.end, size) };
}

/** Throws `INVALID_RANGE` for a range that is wrong whatever the object's size. */
export function assertRange(range: ByteRange, key: string): void {
  const { start, end } = range;
  const valid = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end > start;
  if (!valid) throw invalidRange(range, key, 'expected 0 <= start < end in whole bytes');
}

function invalidRange(range: ByteRange, key: string, detail: string): StoreError {
  return new StoreError('INVALID_RANGE', 'get', key, `asked for bytes [${range.start}, ${range.end}), ${detail}`);
}
