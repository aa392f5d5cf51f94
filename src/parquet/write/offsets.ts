import { grown } from './growth.ts';

/** Where the values of a column start in its bytes or elements, and where the last one ends. */
export class Offsets {
  /** Bytes an offset takes. */
  static readonly BYTES = 4;
  #ends = new Int32Array();

  /** Where the first `count` values end. */
  last(count: number): number {
    return count === 0 ? 0 : (this.#ends[count - 1] ?? 0);
  }

  /** Sets where the value in the place of `index` ends. */
  set(index: number, end: number): void {
    if (index >= this.#ends.length) {
      this.#ends = new Int32Array(grown(this.#ends.buffer, Offsets.BYTES * (index + 1)));
    }
    this.#ends[index] = end;
  }

  /** The offsets of the values from `from` to `to`, counted from the start of the first, which is at `start`. */
  slice(from: number, to: number): { readonly offsets: Int32Array; readonly start: number; readonly end: number } {
    const start = this.last(from);
    const offsets = new Int32Array(to - from + 1);
    for (let index = from; index < to; index++) offsets[index - from + 1] = (this.#ends[index] ?? 0) - start;
    return { offsets, start, end: this.last(to) };
  }
}
