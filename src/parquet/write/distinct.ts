/** Rows below which a dictionary costs nothing worth saving. */
const MIN_ROWS = 4096;
/** Of so many rows, one is looked at, as long as that is no more than MAX_SAMPLE. */
const STEP = 8;
const MAX_SAMPLE = 16_384;
/** Part of the values looked at that are different, from which on there are too few repeats for a dictionary. */
const DISTINCT = 0.75;

/**
 * Whether a column has so many different values that a dictionary is of no use: it would hold nearly all of them, and
 * take time and space. Told from some of the values, each of which has a key that is equal for equal ones.
 */
export function isMostlyDistinct(rows: number, keyOf: (row: number) => number): boolean {
  if (rows < MIN_ROWS) return false;
  const sample = Math.min(Math.floor(rows / STEP), MAX_SAMPLE);
  const step = Math.floor(rows / sample);
  const keys = new Set<number>();
  for (let index = 0; index < sample; index++) keys.add(keyOf(index * step));
  return keys.size > DISTINCT * sample;
}

/** Of long values, the start tells enough. Bytes. */
const MAX_HASHED = 256;

/** FNV-1a, of 32 bits. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  const last = Math.min(end, start + MAX_HASHED);
  for (let at = start; at < last; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}
