import { ParquetError } from './errors.ts';
import { readBits, readVarint } from './run-reader.ts';

/**
 * Largest block of deltas that is accepted, in values. Writers use 128; the format has no limit, and without one a few
 * bytes could ask for any amount of memory.
 */
const MAX_BLOCK_VALUES = 65_536;

interface Header {
  readonly valuesPerMiniblock: number;
  readonly miniblocks: number;
  readonly count: number;
  /** Where the first value starts. */
  readonly end: number;
}

/**
 * Reads 32-bit integers in the encoding DELTA_BINARY_PACKED, one at a time.
 *
 * Source: Parquet Encodings.md, "Delta Encoding".
 */
export class DeltaIntegerReader {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #deltas: Deltas;
  #value = 0;
  #isFirst = true;
  #left: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
    const header = readHeader(bytes, start);
    const first = readZigZag(bytes, header.end);
    this.#value = Number(BigInt.asIntN(32, first.value));
    this.#left = header.count;
    this.#deltas = new Deltas(bytes, first.end, header);
  }

  read(): number {
    if (this.#left-- <= 0) throw new ParquetError('CORRUPT', 'the values of a page end before its last row');
    if (this.#isFirst) {
      this.#isFirst = false;
      return this.#value;
    }
    const packed = this.#deltas.next();
    // Wraps around in 32 bits, as the format asks.
    this.#value = (this.#value + this.#deltas.minimum32 + (packed | 0)) | 0;
    return this.#value;
  }

  skip(count: number): void {
    for (let rest = count; rest > 0; ) {
      const run = this.#isFirst ? 0 : this.#deltas.takeConstant(Math.min(rest - 1, this.#left));
      this.#value = (this.#value + Math.imul(this.#deltas.minimum32, run)) | 0;
      this.#left -= run;
      this.read();
      rest -= run + 1;
    }
  }

  /** Where the encoded integers end: something else may follow them in the page. */
  encodedEnd(): number {
    return encodedEnd(this.#bytes, this.#start);
  }
}

/** The same for 64-bit integers. A value beyond 2^53 is rounded. */
export class DeltaInteger64Reader {
  readonly #deltas: Deltas;
  #value: bigint;
  #isFirst = true;
  #left: number;

  constructor(bytes: Uint8Array, start: number) {
    const header = readHeader(bytes, start);
    const first = readZigZag(bytes, header.end);
    this.#value = BigInt.asIntN(64, first.value);
    this.#left = header.count;
    this.#deltas = new Deltas(bytes, first.end, header);
  }

  read(): number {
    this.#advance();
    return Number(this.#value);
  }

  skip(count: number): void {
    for (let rest = count; rest > 0; ) {
      const run = this.#isFirst ? 0 : this.#deltas.takeConstant(Math.min(rest - 1, this.#left));
      this.#value = BigInt.asIntN(64, this.#value + this.#deltas.minimum * BigInt(run));
      this.#left -= run;
      this.#advance();
      rest -= run + 1;
    }
  }

  #advance(): void {
    if (this.#left-- <= 0) throw new ParquetError('CORRUPT', 'the values of a page end before its last row');
    if (this.#isFirst) {
      this.#isFirst = false;
      return;
    }
    const packed = this.#deltas.next64();
    this.#value = BigInt.asIntN(64, this.#value + this.#deltas.minimum + packed);
  }
}

/** The deltas that follow the first value: blocks of miniblocks, each with its own width. */
class Deltas {
  minimum = 0n;
  minimum32 = 0;
  readonly #bytes: Uint8Array;
  readonly #header: Header;
  #position: number;
  /** Start of the widths of the current block's miniblocks, and the next miniblock. */
  #widths = 0;
  #miniblock: number;
  #width = 0;
  #left = 0;
  #bit = 0;

  constructor(bytes: Uint8Array, start: number, header: Header) {
    this.#bytes = bytes;
    this.#position = start;
    this.#header = header;
    this.#miniblock = header.miniblocks;
  }

  /** The low 32 bits of the next delta above the block's minimum. */
  next(): number {
    this.#prepare();
    const value = readBits(this.#bytes, this.#bit, Math.min(this.#width, 32));
    this.#bit += this.#width;
    return value;
  }

  next64(): bigint {
    this.#prepare();
    const low = readBits(this.#bytes, this.#bit, Math.min(this.#width, 32));
    const high = this.#width > 32 ? readBits(this.#bytes, this.#bit + 32, this.#width - 32) : 0;
    this.#bit += this.#width;
    return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low);
  }

  /**
   * Passes over deltas that are all the block's minimum and take no bits, at most `count`. Returns their number, which is
   * 0 when the next delta is of another kind or in another miniblock.
   */
  takeConstant(count: number): number {
    const run = this.#width === 0 ? Math.min(count, this.#left) : 0;
    this.#left -= run;
    return run;
  }

  #prepare(): void {
    if (this.#left === 0) this.#startMiniblock();
    this.#left--;
  }

  #startMiniblock(): void {
    if (this.#miniblock === this.#header.miniblocks) {
      const minimum = readZigZag(this.#bytes, this.#position);
      this.minimum = minimum.value;
      this.minimum32 = Number(BigInt.asIntN(32, minimum.value));
      this.#widths = minimum.end;
      this.#position = minimum.end + this.#header.miniblocks;
      this.#miniblock = 0;
    }
    this.#width = widthAt(this.#bytes, this.#widths + this.#miniblock++);
    this.#left = this.#header.valuesPerMiniblock;
    this.#bit = this.#position * 8;
    this.#position += (this.#left * this.#width) / 8;
  }
}

/** Walks over the blocks without decoding them; linear in the bytes passed, whatever the number of values. */
function encodedEnd(bytes: Uint8Array, start: number): number {
  const header = readHeader(bytes, start);
  let position = readZigZag(bytes, header.end).end;
  for (let left = header.count - 1; left > 0; ) {
    const widths = readZigZag(bytes, position).end;
    position = widths + header.miniblocks;
    // Miniblocks behind the last value have a width, but no bytes.
    for (let index = 0; index < header.miniblocks && left > 0; index++) {
      position += (header.valuesPerMiniblock * widthAt(bytes, widths + index)) / 8;
      left -= header.valuesPerMiniblock;
    }
  }
  return position;
}

function readHeader(bytes: Uint8Array, start: number): Header {
  const block = readVarint(bytes, start, bytes.length);
  const miniblocks = readVarint(bytes, block.end, bytes.length);
  const count = readVarint(bytes, miniblocks.end, bytes.length);
  const valuesPerMiniblock = block.value / miniblocks.value;
  if (block.value > MAX_BLOCK_VALUES || !(valuesPerMiniblock >= 8) || valuesPerMiniblock % 8 !== 0) {
    const got = `${block.value} values in ${miniblocks.value} miniblocks`;
    throw new ParquetError('CORRUPT', `a block of ${got}, expected at most ${MAX_BLOCK_VALUES} in miniblocks of n x 8`);
  }
  return { valuesPerMiniblock, miniblocks: miniblocks.value, count: count.value, end: count.end };
}

function widthAt(bytes: Uint8Array, at: number): number {
  const width = bytes[at];
  if (width === undefined || width > 64) throw new ParquetError('CORRUPT', `deltas of ${width} bits, expected 0 to 64`);
  return width;
}

/** A zigzag LEB128 integer of at most 64 bits. */
function readZigZag(bytes: Uint8Array, start: number): { value: bigint; end: number } {
  let value = 0n;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: (value >> 1n) ^ -(value & 1n), end: start + index + 1 };
  }
  throw new ParquetError('CORRUPT', 'a delta is cut off or too large');
}
