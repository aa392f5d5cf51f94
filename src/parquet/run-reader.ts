import { ParquetError } from './errors.ts';

const NO_BYTES = new Uint8Array();

/**
 * Reads integers in the RLE / bit-packed hybrid encoding, in which Parquet keeps levels and dictionary indexes, without
 * expanding its runs: a page of a million nulls is one run, and is passed over in one step.
 *
 * Source: Parquet Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
 */
export class RunReader {
  /** Value of the coming `left` integers; only valid after `ahead()`. */
  value = 0;
  /** Coming integers that are known to be `value`. */
  #left = 0;
  readonly #bytes: Uint8Array;
  readonly #width: number;
  readonly #end: number;
  #position: number;
  /** Integers left of the bit-packed run, and the bit at which the next one starts. */
  #packed = 0;
  #bit = 0;

  /** The encoded integers of `width` bits in `bytes` from `start` to `end`. */
  constructor(bytes: Uint8Array, start: number, end: number, width: number) {
    if (width > 32) throw new ParquetError('CORRUPT', `integers of ${width} bits, expected at most 32`);
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.#width = width;
  }

  /** `count` times the same integer, which stands nowhere in the bytes. */
  static constant(value: number, count: number): RunReader {
    const runs = new RunReader(NO_BYTES, 0, 0, 0);
    runs.value = value;
    runs.#left = count;
    return runs;
  }

  /** How many of the coming integers are known to have the same `value`: at least 1. Throws at the end of the bytes. */
  ahead(): number {
    while (this.#left === 0) {
      if (this.#packed > 0) {
        this.value = readBits(this.#bytes, this.#bit, this.#width);
        this.#bit += this.#width;
        this.#packed--;
        this.#left = 1;
      } else {
        this.#startRun();
      }
    }
    return this.#left;
  }

  /** Passes over `count` integers, which must not be more than `ahead()`. */
  take(count: number): void {
    this.#left -= count;
  }

  /** The next integer. */
  next(): number {
    this.ahead();
    this.#left--;
    return this.value;
  }

  /** Passes over `count` integers. */
  skip(count: number): void {
    let rest = count;
    while (rest > 0) {
      if (this.#left === 0 && this.#packed > 0) {
        const packed = Math.min(rest, this.#packed);
        this.#packed -= packed;
        this.#bit += packed * this.#width;
        rest -= packed;
      } else {
        const run = Math.min(rest, this.ahead());
        this.take(run);
        rest -= run;
      }
    }
  }

  #startRun(): void {
    if (this.#position >= this.#end) {
      throw new ParquetError('CORRUPT', 'levels or dictionary indexes end before the last value of their page');
    }
    const { value: header, end } = readVarint(this.#bytes, this.#position, this.#end);
    this.#position = end;
    if (header % 2 === 1) {
      this.#startPacked(Math.floor(header / 2) * 8);
    } else {
      this.#startRepeated(header / 2);
    }
  }

  #startPacked(count: number): void {
    if (this.#width === 0) {
      this.value = 0;
      this.#left = count;
      return;
    }
    // A writer may leave out the bytes that pad the last group, so the run is as long as its bytes reach.
    const available = Math.floor(((this.#end - this.#position) * 8) / this.#width);
    this.#packed = Math.min(count, available);
    this.#bit = this.#position * 8;
    this.#position = Math.min(this.#end, this.#position + Math.ceil((count * this.#width) / 8));
  }

  #startRepeated(count: number): void {
    const size = Math.ceil(this.#width / 8);
    if (this.#position + size > this.#end) {
      throw new ParquetError('CORRUPT', 'a run of levels or dictionary indexes is cut off');
    }
    this.value = size === 0 ? 0 : readBits(this.#bytes, this.#position * 8, size * 8);
    this.#position += size;
    this.#left = count;
  }
}

/** The unsigned integer of `width` bits (at most 32) that starts at bit `bit` of `bytes`, least significant bit first. */
export function readBits(bytes: Uint8Array, bit: number, width: number): number {
  const at = Math.floor(bit / 8);
  const shift = bit % 8;
  const low = byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16);
  if (shift + width <= 24) return (low >>> shift) & ((1 << width) - 1);
  // Beyond 31 bits JavaScript's bit operators do not reach.
  const high = byteAt(bytes, at + 3) + byteAt(bytes, at + 4) * 0x100;
  return Math.floor((low + high * 0x1000000) / 2 ** shift) % 2 ** width;
}

/** An unsigned LEB128 integer below 2^53. Throws when it does not end before `end`. */
export function readVarint(bytes: Uint8Array, start: number, end: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < end && scale <= 2 ** 49; at++) {
    const byte = byteAt(bytes, at);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80 && value <= Number.MAX_SAFE_INTEGER) return { value, end: at + 1 };
    scale *= 128;
  }
  throw new ParquetError('CORRUPT', 'a variable-length integer is cut off or too large');
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
