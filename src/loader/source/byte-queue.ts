import { LoadError } from '../load-error.ts';

/** Reads a stream of bytes in the lengths that a format asks for. */
export class ByteQueue {
  readonly #pieces: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  /** In the content, of the next byte. */
  position: number;

  constructor(pieces: AsyncIterable<Buffer>, position = 0) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.position = position;
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#fill(1));
  }

  /** The next `length` bytes. Throws `INVALID_FILE` where the file ends before. */
  async read(length: number): Promise<Buffer> {
    if (!(await this.#fill(length))) {
      const got = `${this.#held.length} bytes from byte ${this.position} on`;
      throw new LoadError('INVALID_FILE', `the file ends early: it has ${got}, ${length} were expected`);
    }
    const bytes = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    this.position += length;
    return bytes;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #fill(length: number): Promise<boolean> {
    if (this.#held.length >= length) return true;
    const parts = [this.#held];
    let bytes = this.#held.length;
    while (bytes < length) {
      const { value, done } = await this.#pieces.next();
      if (done) break;
      parts.push(value);
      bytes += value.length;
    }
    this.#held = Buffer.concat(parts);
    return bytes >= length;
  }
}
