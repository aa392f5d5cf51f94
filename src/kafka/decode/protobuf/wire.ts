import { isUtf8 } from 'node:buffer';
import { PayloadError } from '../payload-error.ts';

/** Messages in each other that a payload may have; the same limit as in Google's own libraries. */
export const MAX_DEPTH = 100;

/**
 * Cells that the messages in one payload can have beyond one for each byte. A message takes two bytes at least, but its
 * type may have any number of fields, all of which get a cell.
 */
const MAX_EXTRA_CELLS = 1_000_000;

/** ASCII up to this many bytes is made a string by a loop: a view of the bytes costs more, in time and in memory. */
const SHORT_TEXT = 12;

/** Protobuf guide "Encoding", "Message Structure". */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const GROUP = 3;
export const GROUP_END = 4;
export const FIXED32 = 5;

const NO_BYTES = new Uint8Array();
/** For floats, whose bytes stand anywhere. */
const scratch = new DataView(new ArrayBuffer(8));

/**
 * Reads a payload from front to back. `end` is where the message, or the packed field, at hand ends. Throws
 * `INVALID_PROTOBUF` with the position for what ends too early.
 */
export class Wire {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  /** The upper half of the number that `varint` read. */
  high = 0;
  #cellsLeft: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes;
    this.position = offset;
    this.end = bytes.length;
    this.#cellsLeft = MAX_EXTRA_CELLS + bytes.length;
  }

  /** Refuses a message with too many cells before it is made. */
  claimCells(count: number): void {
    this.#cellsLeft -= count;
    if (this.#cellsLeft >= 0) return;
    const most = MAX_EXTRA_CELLS + this.bytes.length;
    throw new PayloadError('TOO_LARGE', `The payload has more than ${most} values in its messages`);
  }

  /** The lower 32 bits of a number, from -2^31; the others are in `high`, and count for 64-bit fields only. */
  varint(): number {
    const first = this.#byte();
    if (first < 0x80) {
      this.high = 0;
      return first;
    }
    let low = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.high = 0;
        return low;
      }
    }
    return this.#longVarint(low);
  }

  /** The rest of a number of which the lower 28 bits are known. */
  #longVarint(low28: number): number {
    const fifth = this.#byte();
    const low = low28 | (fifth << 28);
    let high = (fifth & 0x7f) >>> 4;
    let shift = 3;
    for (let byte = fifth; byte >= 0x80; shift += 7) {
      if (shift > 31) throw this.error('a number of more than 10 bytes', 'a varint');
      byte = this.#byte();
      high |= (byte & 0x7f) << shift;
    }
    this.high = high;
    return low;
  }

  /** Whether any of the 64 bits is set. */
  bool(): boolean {
    return this.varint() !== 0 || this.high !== 0;
  }

  int64(): number | bigint {
    return signed(this.varint(), this.high);
  }

  /** Protobuf guide "Encoding", "Signed Integers". */
  sint64(): number | bigint {
    const low = this.varint() >>> 0;
    const sign = -(low & 1);
    return signed(((low >>> 1) | (this.high << 31)) ^ sign, (this.high >>> 1) ^ sign);
  }

  uint64(): bigint {
    return unsigned(this.varint(), this.high);
  }

  fixed32(): number {
    const { bytes, position } = this;
    this.skip(4);
    const at = (index: number) => bytes[position + index] ?? 0;
    return at(0) | (at(1) << 8) | (at(2) << 16) | (at(3) << 24);
  }

  fixed64(): bigint {
    const low = this.fixed32();
    return unsigned(low, this.fixed32());
  }

  sfixed64(): number | bigint {
    const low = this.fixed32();
    return signed(low, this.fixed32());
  }

  float(): number {
    scratch.setInt32(0, this.fixed32(), true);
    return scratch.getFloat32(0, true);
  }

  double(): number {
    scratch.setInt32(0, this.fixed32(), true);
    scratch.setInt32(4, this.fixed32(), true);
    return scratch.getFloat64(0, true);
  }

  /** The length of something, which has to be in the message at hand. */
  length(): number {
    const length = this.varint() >>> 0;
    if (length > this.end - this.position || this.high !== 0) throw this.#endsEarly(length);
    return length;
  }

  /** Bytes with their length in front, as a view of the payload. */
  byteString(): Uint8Array {
    const length = this.length();
    if (length === 0) return NO_BYTES;
    const view = new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + this.position, length);
    this.position += length;
    return view;
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

  skip(bytes: number): void {
    if (bytes > this.end - this.position) throw this.#endsEarly(bytes);
    this.position += bytes;
  }

  /** Passes over the value of a field that is not known. `depth` is that of the message which has it. */
  skipField(tag: number, depth: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint();
        break;
      case FIXED64:
        this.skip(8);
        break;
      case BYTES:
        this.skip(this.length());
        break;
      case GROUP:
        this.#skipGroup(tag >>> 3, depth + 1);
        break;
      case FIXED32:
        this.skip(4);
        break;
      default:
        throw this.error(
          `the tag ${tag}: the wire type ${tag & 7} of the field ${tag >>> 3}`,
          'one of 0, 1, 2, 3 and 5',
        );
    }
  }

  #skipGroup(number: number, depth: number): void {
    checkDepth(depth);
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) !== GROUP_END) {
        this.skipField(tag, depth);
      } else if (tag >>> 3 === number) {
        return;
      } else {
        throw this.error(`the end of the group ${tag >>> 3}`, `the end of the group ${number}`);
      }
    }
  }

  /** Number and wire type of a field. */
  tag(): number {
    const tag = this.varint() >>> 0;
    if (tag < 8 || this.high !== 0) throw this.error('a field without a valid number', 'a tag');
    return tag;
  }

  /** An error about what is in front of the position. */
  error(got: string, expected: string): PayloadError {
    return new PayloadError(
      'INVALID_PROTOBUF',
      `The payload has ${got} before byte ${this.position}, expected ${expected}`,
    );
  }

  #byte(): number {
    const { position } = this;
    if (position >= this.end) throw this.#endsEarly(1);
    this.position = position + 1;
    return this.bytes[position] ?? 0;
  }

  #utf8(length: number): Uint8Array {
    const view = new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + this.position, length);
    if (!isUtf8(view)) throw this.error(`a string of ${length} bytes that are no UTF-8 behind what is`, 'UTF-8');
    this.position += length;
    return view;
  }

  /** Undefined, with nothing read, when it is not short or not ASCII. */
  #shortText(length: number): string | undefined {
    if (length > SHORT_TEXT) return undefined;
    const { bytes, position } = this;
    let text = '';
    for (let index = position; index < position + length; index++) {
      const code = bytes[index] ?? 0x80;
      if (code >= 0x80) return undefined;
      text += String.fromCharCode(code);
    }
    this.position = position + length;
    return text;
  }

  #endsEarly(needed: number): PayloadError {
    const what = this.end === this.bytes.length ? 'payload' : 'message';
    return new PayloadError(
      'INVALID_PROTOBUF',
      `The ${what} ends ${this.end - this.position} bytes behind byte ${this.position}, where ${needed} more are expected`,
    );
  }
}

/** Throws `TOO_LARGE` for messages in each other deeper than MAX_DEPTH. */
export function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) {
    throw new PayloadError('TOO_LARGE', `The payload has more than ${MAX_DEPTH} messages in each other`);
  }
}

/** A number where it is a safe integer, else a bigint. Halves in two's complement. */
function signed(low: number, high: number): number | bigint {
  const value = (high | 0) * 2 ** 32 + (low >>> 0);
  return Number.isSafeInteger(value) ? value : BigInt.asIntN(64, joined(low, high));
}

function unsigned(low: number, high: number): bigint {
  return high === 0 ? BigInt(low >>> 0) : joined(low, high);
}

function joined(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
