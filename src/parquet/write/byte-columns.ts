import { isUtf8 } from 'node:buffer';
import { type CellValue, cellError } from './cell.ts';
import { Column, type SliceValues } from './column.ts';
import { hashBytes, isMostlyDistinct } from './distinct.ts';
import { grown } from './growth.ts';
import { Offsets } from './offsets.ts';

/** Most bytes of UTF-8 a UTF-16 code unit. */
const MAX_UTF8_BYTES = 3;
/** Strings up to this many code units are copied by a loop: a call of the encoder costs more. */
const SHORT_STRING = 12;
/** Bytes of values that one column of Arrow can have, since its offsets are of 32 bits. */
const MAX_BYTES = 2 ** 31 - 1;

/** Values of any length: where each ends, and the bytes of all. */
abstract class ByteColumn extends Column {
  readonly #offsets = new Offsets();
  protected data = Buffer.from(new ArrayBuffer(0));

  protected get end(): number {
    return this.#offsets.last(this.length);
  }

  override isMostlyDistinct(): boolean {
    const { data } = this;
    return isMostlyDistinct(this.length, (row) =>
      hashBytes(data, this.#offsets.last(row), this.#offsets.last(row + 1)),
    );
  }

  /** Makes room for so many bytes behind the last value. */
  protected reserve(bytes: number, value: CellValue): void {
    const needed = this.end + bytes;
    if (needed > MAX_BYTES) throw cellError('COLUMN_FULL', this, value, `at most ${MAX_BYTES} bytes in a column`);
    if (needed > this.data.length) this.data = Buffer.from(grown(this.data.buffer, needed));
  }

  protected put(index: number, bytes: Uint8Array): void {
    this.reserve(bytes.length, bytes);
    this.data.set(bytes, this.end);
    this.close(index, this.end + bytes.length);
  }

  /** Ends the value in the place of `index`. */
  protected close(index: number, end: number): void {
    this.#offsets.set(index, end);
  }

  protected override writeAbsent(index: number): void {
    this.close(index, this.end);
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    const { offsets, start, end } = this.#offsets.slice(from, to);
    return { kind: 'bytes', offsets, data: new Uint8Array(this.data.buffer, start, end - start) };
  }

  protected override valueBytes(): number {
    return this.end + Offsets.BYTES * this.length;
  }
}

export class BinaryColumn extends ByteColumn {
  protected override write(value: CellValue, index: number): void {
    if (!(value instanceof Uint8Array)) throw cellError('WRONG_TYPE', this, value, 'binary, as bytes');
    this.put(index, value);
  }
}

export class StringColumn extends ByteColumn {
  protected override write(value: CellValue, index: number): void {
    if (typeof value === 'string') this.#encode(value, index);
    else if (value instanceof Uint8Array) this.#copy(value, index);
    else throw cellError('WRONG_TYPE', this, value);
  }

  #copy(bytes: Uint8Array, index: number): void {
    if (!isUtf8(bytes)) throw cellError('INVALID_TEXT', this, bytes, 'a string, its bytes in UTF-8');
    this.put(index, bytes);
  }

  #encode(text: string, index: number): void {
    // Room for the worst case, which is not asked for when the text is so long that most of it would stay unused.
    const room = text.length > LONG_STRING ? Buffer.byteLength(text) : MAX_UTF8_BYTES * text.length;
    this.reserve(room, text);
    const start = this.end;
    if (text.length <= SHORT_STRING && this.#copyAscii(text, start)) {
      this.close(index, start + text.length);
      return;
    }
    // A third of the time of a TextEncoder, which needs a view of the place, and makes an object.
    const written = this.data.write(text, start);
    // As many bytes as code units is ASCII. What is no text would be replaced without a word.
    if (written !== text.length && !text.isWellFormed()) {
      throw cellError('INVALID_TEXT', this, text, 'a string without halves of surrogate pairs');
    }
    this.close(index, start + written);
  }

  /** False if the text is not ASCII; what was copied does not count then. */
  #copyAscii(text: string, start: number): boolean {
    const { data } = this;
    for (let position = 0; position < text.length; position++) {
      const code = text.charCodeAt(position);
      if (code >= 0x80) return false;
      data[start + position] = code;
    }
    return true;
  }
}

/** Code units from which on the bytes are counted first. */
const LONG_STRING = 4096;
