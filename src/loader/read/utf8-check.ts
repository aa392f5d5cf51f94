import { isUtf8 } from 'node:buffer';
import { LoadError } from '../load-error.ts';

/** Bytes of the longest character. */
const MAX_LENGTH = 4;

/** Sees that a stream is UTF-8, whose characters may be cut apart. */
export class Utf8Check {
  #offset: number;
  #tail: Buffer = Buffer.alloc(0);

  constructor(offset: number) {
    this.#offset = offset;
  }

  /** Throws `INVALID_FILE`. */
  check(piece: Buffer): void {
    const bytes = this.#tail.length === 0 ? piece : Buffer.concat([this.#tail, piece]);
    const whole = wholeCharacters(bytes);
    if (!isUtf8(bytes.subarray(0, whole))) throw this.#error(bytes.length);
    this.#offset += whole;
    this.#tail = bytes.subarray(whole);
  }

  end(): void {
    if (this.#tail.length > 0) throw this.#error(this.#tail.length);
  }

  #error(length: number): LoadError {
    const place = `between the bytes ${this.#offset} and ${this.#offset + length}`;
    return new LoadError('INVALID_FILE', `it is not UTF-8 ${place}; the setting csv.encoding knows "latin1", too`);
  }
}

/** Bytes without a character at the end that has not ended. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(MAX_LENGTH, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
