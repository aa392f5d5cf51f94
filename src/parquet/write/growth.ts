/** Buffers of columns: they start small, and double when they are full. */

/** Bytes of a buffer when the first value comes. */
const INITIAL_BYTES = 256;

/**
 * A buffer with the same bytes and room for `bytes` at least; the old one is gone. Reallocated in place where the
 * allocator can, so that a large column is not there twice.
 */
export function grown(buffer: ArrayBuffer, bytes: number): ArrayBuffer {
  return buffer.transfer(Math.max(bytes, 2 * buffer.byteLength, INITIAL_BYTES));
}

/** A bit a value, least significant first, as Arrow has it for validity and booleans. */
export class Bits {
  #bytes = new Uint8Array();

  /** Makes room for `length` bits. New ones have no value before they are set. */
  reserve(length: number): void {
    const bytes = bytesOfBits(length);
    if (bytes > this.#bytes.length) this.#bytes = new Uint8Array(grown(this.#bytes.buffer, bytes));
  }

  /** Sets one bit, for which there is to be room. */
  set(index: number, value: boolean): void {
    const byte = index >> 3;
    const mask = 1 << (index & 7);
    const old = this.#bytes[byte] ?? 0;
    this.#bytes[byte] = value ? old | mask : old & ~mask;
  }

  /** Sets the bits from 0 to `length`. */
  fill(length: number): void {
    this.reserve(length);
    this.#bytes.fill(0xff, 0, bytesOfBits(length));
  }

  /** A copy of the bits from `from` to `to`; those that fill up the last byte are 0. */
  slice(from: number, to: number): Uint8Array<ArrayBuffer> {
    const length = to - from;
    const first = from >> 3;
    const shift = from & 7;
    const copy = this.#bytes.slice(first, first + bytesOfBits(length));
    if (shift !== 0) {
      for (let index = 0; index < copy.length; index++) {
        const next = this.#bytes[first + index + 1] ?? 0;
        copy[index] = ((copy[index] ?? 0) >> shift) | (next << (8 - shift));
      }
    }
    const rest = length & 7;
    if (rest !== 0) copy[copy.length - 1] = (copy.at(-1) ?? 0) & ((1 << rest) - 1);
    return copy;
  }
}

export function bytesOfBits(length: number): number {
  return Math.ceil(length / 8);
}

export function countOnes(bytes: Uint8Array): number {
  let count = 0;
  for (let byte of bytes) {
    for (; byte !== 0; byte &= byte - 1) count++;
  }
  return count;
}
