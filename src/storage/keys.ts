import { StoreError } from './object-store.ts';

/** Longest key in UTF-8 bytes (Amazon S3 user guide, "Naming Amazon S3 objects"); held by every store. */
export const MAX_KEY_BYTES = 1024;

/**
 * Orders keys as object stores list them: by their UTF-8 bytes.
 * JavaScript's `<` compares UTF-16 units and puts U+E000..U+FFFF after the characters beyond U+FFFF, which is wrong here.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return utf8Rank(left) - utf8Rank(right);
  }
  return a.length - b.length;
}

/** Maps a UTF-16 unit to a number that sorts as the UTF-8 bytes of its character do: surrogates come last. */
function utf8Rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Throws `INVALID_KEY` unless `key` can name an object in any store. */
export function assertKey(operation: string, key: string): void {
  const problem = keyProblem(key);
  if (problem !== undefined) throw new StoreError('INVALID_KEY', operation, key, problem);
}

function keyProblem(key: string): string | undefined {
  if (key === '') return 'the key is empty';
  if (key.startsWith('/')) return 'the key starts with a slash';
  if (key.includes('\0')) return 'the key holds a NUL character';
  if (!key.isWellFormed()) return 'the key holds half of a surrogate pair';
  const bytes = Buffer.byteLength(key);
  return bytes > MAX_KEY_BYTES ? `the key has ${bytes} bytes, at most ${MAX_KEY_BYTES} are possible` : undefined;
}
