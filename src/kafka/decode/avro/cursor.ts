import { isUtf8 } from 'node:buffer';
import { PayloadError } from '../payload-error.ts';

/** Text up to this many bytes is made a string by a loop: a view of the bytes costs more, in time and in memory. */
const SHORT_TEXT = 8;

/**
 * Cells that the items of arrays and maps in one payload can have beyond one for each byte. An item takes a byte at
 * least, but its type may have any number of columns, all of which get a cell.
 */
const MAX_EXTRA_CELLS = 2_000_000;

const EMPTY = new Uint8Array();
/** For floats, whose bytes stand anywhere. */
const scratch = new DataView(new ArrayBuffer(8));

/** Reads a payload from front to back (specification, "Binary Encoding"). Throws `INVALID_AVRO` where it ends too early. */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;
  #cellsLeft: number;
  #blockEnd: number | undefined;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.#position = offset;
    this.#cellsLeft = MAX_EXTRA_CELLS + bytes.length;
  }

  get left(): number {
    return this.#end - this.#position;
  }

  /** An error about what is in front of the cursor. */
  error(got: string, expected: string): PayloadError {
    return new PayloadError(
      'INVALID_AVRO',
      `The payload has ${got} before byte ${this.#position}, expected ${expected}`,
    );
  }

  /** Refuses items that cannot be in the rest of the payload, or have too many cells, before any is read. */
  claim(items: number, cellsOfItem: number): void {
    if (items > this.left) throw this.#endsEarly(items);
    this.#cellsLeft -= items * cellsOfItem;
    if (this.#cellsLeft >= 0) return;
    const most = MAX_EXTRA_CELLS + this.#end;
    throw new PayloadError('TOO_LARGE', `The payload has more than ${most} values in its arrays and maps`);
  }

  /**
   * The number of items in the next block of an array or map; 0 behind the last one. A negative number is followed by the
   * bytes that the block takes.
   */
  blockCount(): number {
    const count = this.long();
    if (typeof count === 'bigint') throw this.error(`${count} items in a block`, 'fewer than 2^53');
    this.#blockEnd = count < 0 ? this.length() + this.#position : undefined;
    return Math.abs(count);
  }

  /** Where the block that was begun last ends; undefined where the payload does not say so. */
  get blockEnd(): number | undefined {
    return this.#blockEnd;
  }

  endBlock(end: number | undefined): void {
    if (end === undefined || end === this.#position) return;
    throw this.error(`the items of a block that ends at byte ${end}`, 'both to end at the same byte');
  }

  expectEnd(): void {
    if (this.left !== 0) throw this.error(`a whole value, with ${this.left} more bytes behind it`, 'no more bytes');
  }

  byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) throw this.#endsEarly(1);
    this.#position++;
    return byte;
  }

  boolean(): boolean {
    const byte = this.byte();
    if (byte > 1) throw this.error(`the byte ${byte}`, '0 or 1 for a boolean');
    return byte === 1;
  }

  int(): number {
    let bits = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      bits |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (bits >>> 1) ^ -(bits & 1);
    }
    const last = this.byte();
    if (last > 0x0f) throw this.error('a number of more than 32 bits', 'an int');
    bits |= last << 28;
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** A number where it is a safe integer, else a bigint. */
  long(): number | bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1);
    }
    return this.#longFrom(low);
  }

  /** The rest of a long whose lower 28 bits are known. Numbers hold up to 53 bits of what is behind the sign exactly. */
  #longFrom(low: number): number | bigint {
    let high = 0;
    let unit = 1;
    for (let count = 5; ; count++) {
      const byte = this.byte();
      // The tenth byte has the 64th bit.
      if (count === 10 && byte > 1) throw this.error('a number of more than 64 bits', 'a long');
      high += (byte & 0x7f) * unit;
      if (byte < 0x80) break;
      unit *= 128;
    }
    const isNegative = (low & 1) === 1;
    const half = high * 2 ** 27 + (low >>> 1);
    if (half < Number.MAX_SAFE_INTEGER) return isNegative ? -half - 1 : half;
    const exact = (BigInt(high) << 27n) | BigInt(low >>> 1);
    const value = isNegative ? -exact - 1n : exact;
    return value === MAX_SAFE ? Number(value) : value;
  }

  float(): number {
    this.#need(4);
    for (let index = 0; index < 4; index++) scratch.setUint8(index, this.#bytes[this.#position + index] ?? 0);
    this.#position += 4;
    return scratch.getFloat32(0, true);
  }

  double(): number {
    this.#need(8);
    for (let index = 0; index < 8; index++) scratch.setUint8(index, this.#bytes[this.#position + index] ?? 0);
    this.#position += 8;
    return scratch.getFloat64(0, true);
  }

  /** The length of something, which has to be in the payload. */
  length(): number {
    const length = this.long();
    if (length < 0) throw this.error(`the length ${length}`, 'one from 0');
    if (typeof length === 'bigint' || length > this.left) throw this.#endsEarly(length);
    return length;
  }

  /** So many bytes, as a view of the payload. */
  fixed(size: number): Uint8Array {
    this.#need(size);
    const { buffer, byteOffset } = this.#bytes;
    const view = new Uint8Array(buffer, byteOffset + this.#position, size);
    this.#position += size;
    return view;
  }

  bytes(): Uint8Array {
    const length = this.length();
    return length === 0 ? EMPTY : this.fixed(length);
  }

  /** A string, or its bytes where these are cheaper; they are UTF-8. */
  text(): string | Uint8Array {
    const length = this.length();
    return this.#shortText(length) ?? this.#utf8(length);
  }

  string(): string {
    const length = this.length();
    const short = this.#shortText(length);
    if (short !== undefined) return short;
    const { buffer, byteOffset } = this.#utf8(length);
    return Buffer.from(buffer, byteOffset, length).toString();
  }

  #utf8(length: number): Uint8Array {
    const view = this.fixed(length);
    if (!isUtf8(view)) throw this.error(`${length} bytes that are no UTF-8`, 'a string');
    return view;
  }

  /** Undefined, with nothing read, when it is not short or not ASCII. */
  #shortText(length: number): string | undefined {
    if (length > SHORT_TEXT) return undefined;
    const start = this.#position;
    let text = '';
    for (let index = start; index < start + length; index++) {
      const code = this.#bytes[index] ?? 0x80;
      if (code >= 0x80) return undefined;
      text += String.fromCharCode(code);
    }
    this.#position = start + length;
    return text;
  }

  #need(bytes: number): void {
    if (bytes > this.left) throw this.#endsEarly(bytes);
  }

  #endsEarly(needed: number | bigint): PayloadError {
    const { left } = this;
    return new PayloadError(
      'INVALID_AVRO',
      `The payload ends ${left} bytes behind byte ${this.#position}, where ${needed} more are expected`,
    );
  }
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
