import { hash, randomInt } from 'node:crypto';

/** Words of 32 bits of an entry: a hash by which it is found, and 128 bits of its digest. */
const WORDS = 5;
const INITIAL_CAPACITY = 1024;

/**
 * A set of texts in 40 to 80 bytes each, however long they are: it holds digests (128 bits of SHA-256, so that no two texts
 * will ever have the same). Paths as strings would take several times as much, and V8 would look at every one of them in
 * each of its collections.
 */
export class TextSet {
  readonly #seed = randomInt(2 ** 32);
  #words = new Int32Array(WORDS * INITIAL_CAPACITY);
  #capacity = INITIAL_CAPACITY;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether the text was not there before. */
  add(text: string): boolean {
    if (2 * this.#size >= this.#capacity) this.#grow();
    const key = this.#keyOf(text);
    const digest = digestOf(text);
    let slot = this.#slotOf(key);
    for (; this.#words[slot] !== 0; slot = this.#after(slot)) {
      if (this.#words[slot] === key && this.#isDigest(slot, digest)) return false;
    }
    this.#words[slot] = key;
    for (let word = 1; word < WORDS; word++) this.#words[slot + word] = digest.readInt32LE(4 * word);
    this.#size++;
    return true;
  }

  has(text: string): boolean {
    const key = this.#keyOf(text);
    // Worked out only for the few whose key is there.
    let digest: Buffer | undefined;
    for (let slot = this.#slotOf(key); this.#words[slot] !== 0; slot = this.#after(slot)) {
      if (this.#words[slot] !== key) continue;
      digest ??= digestOf(text);
      if (this.#isDigest(slot, digest)) return true;
    }
    return false;
  }

  /** FNV-1a with a seed of our own, so that nobody can choose paths that all fall into one place; never 0. */
  #keyOf(text: string): number {
    let key = 0x811c9dc5 ^ this.#seed;
    for (let at = 0; at < text.length; at++) key = Math.imul(key ^ text.charCodeAt(at), 0x01000193);
    // The low bits choose the place, and FNV mixes the high ones better.
    key ^= key >>> 15;
    return key === 0 ? 1 : key;
  }

  #slotOf(key: number): number {
    return WORDS * (key & (this.#capacity - 1));
  }

  #after(slot: number): number {
    const next = slot + WORDS;
    return next === this.#words.length ? 0 : next;
  }

  #isDigest(slot: number, digest: Buffer): boolean {
    for (let word = 1; word < WORDS; word++) {
      if (this.#words[slot + word] !== digest.readInt32LE(4 * word)) return false;
    }
    return true;
  }

  #grow(): void {
    const old = this.#words;
    this.#capacity *= 2;
    this.#words = new Int32Array(WORDS * this.#capacity);
    for (let from = 0; from < old.length; from += WORDS) {
      const key = old[from] ?? 0;
      if (key === 0) continue;
      let slot = this.#slotOf(key);
      while (this.#words[slot] !== 0) slot = this.#after(slot);
      this.#words.set(old.subarray(from, from + WORDS), slot);
    }
  }
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
