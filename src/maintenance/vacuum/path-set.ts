/**
 * Paths as 64-bit hashes, for sets of millions: 12 to 23 bytes a path (17 to 34 with marks), whatever its length.
 *
 * Two paths may share a hash (a chance of one in 10^8 that it happens at all between a million paths in the set and a
 * hundred thousand that are not). So `has` may be wrong in one direction: it never misses a path that was added, but may
 * say so of one that was not. Whoever asks it has to be safe with that.
 */
export class PathSet {
  /** Two words a slot; both 0 in an empty one. */
  private words: Uint32Array;
  private marks: Uint32Array | undefined;
  private used = 0;

  /** `marked`: each path has a number, see `mark`. */
  constructor({ marked = false }: { readonly marked?: boolean } = {}) {
    this.words = new Uint32Array(2 * FIRST_SLOTS);
    this.marks = marked ? new Uint32Array(FIRST_SLOTS) : undefined;
  }

  /** Paths, those with the same hash counted once. */
  get size(): number {
    return this.used;
  }

  /** Adds a path; its number becomes `mark`, in 32 bits. */
  add(path: string, mark = 0): void {
    if (this.used >= MAX_LOAD * (this.words.length / 2)) this.grow();
    const [high, low] = hashPath(path);
    const slot = this.find(high, low);
    if (this.isEmpty(slot)) {
      this.words[2 * slot] = high;
      this.words[2 * slot + 1] = low;
      this.used += 1;
    }
    if (this.marks !== undefined) this.marks[slot] = mark;
  }

  has(path: string): boolean {
    return !this.isEmpty(this.find(...hashPath(path)));
  }

  /** The number of a path; undefined for one that was not added. */
  markOf(path: string): number | undefined {
    const slot = this.find(...hashPath(path));
    return this.isEmpty(slot) ? undefined : this.marks?.[slot];
  }

  /** Changes the number of a path that was added. */
  mark(path: string, mark: number): void {
    const slot = this.find(...hashPath(path));
    if (!this.isEmpty(slot) && this.marks !== undefined) this.marks[slot] = mark;
  }

  private isEmpty(slot: number): boolean {
    return this.words[2 * slot] === 0 && this.words[2 * slot + 1] === 0;
  }

  /** The slot with this hash, or the empty one where it would be. */
  private find(high: number, low: number): number {
    const mask = this.words.length / 2 - 1;
    let slot = low & mask;
    while (!this.isEmpty(slot) && (this.words[2 * slot] !== high || this.words[2 * slot + 1] !== low)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private grow(): void {
    const { words, marks } = this;
    this.words = new Uint32Array(words.length * 2);
    this.marks = marks && new Uint32Array(words.length);
    for (let index = 0; index < words.length; index += 2) {
      const high = words[index] ?? 0;
      const low = words[index + 1] ?? 0;
      if (high === 0 && low === 0) continue;
      const slot = this.find(high, low);
      this.words[2 * slot] = high;
      this.words[2 * slot + 1] = low;
      if (this.marks !== undefined) this.marks[slot] = marks?.[index / 2] ?? 0;
    }
  }
}

/** A power of two, as every later number of slots. */
const FIRST_SLOTS = 1024;
const MAX_LOAD = 0.7;

/** Two 32-bit hashes that are mixed in the end (cyrb53 by bryc, public domain, with all of its 64 bits); never both 0. */
function hashPath(path: string): [high: number, low: number] {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < path.length; index += 1) {
    const unit = path.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return high === 0 && low === 0 ? [1, 1] : [high >>> 0, low >>> 0];
}
