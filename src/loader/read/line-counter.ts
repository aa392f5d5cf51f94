import type { Position } from './row-source.ts';

const LINE_FEED = 0x0a;

/** Where a record ends. */
export interface LineEnd {
  readonly offset: number;
  /** Number of the line behind it. */
  readonly number: number;
  /** Number of the line that it ends in. */
  readonly lastLine: number;
}

/** Counts the lines of a stream up to places in it, which are asked for in their order. */
export class LineCounter {
  #pieces: Buffer[] = [];
  #offset: number;
  #number: number;
  #endsLine = true;

  constructor({ offset, number }: Position) {
    this.#offset = offset;
    this.#number = number;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  /** Passes over everything before `offset`. */
  advance(offset: number): LineEnd {
    while (this.#offset < offset) {
      const [piece] = this.#pieces;
      if (piece === undefined) break;
      const taken = piece.subarray(0, offset - this.#offset);
      for (let at = taken.indexOf(LINE_FEED); at !== -1; at = taken.indexOf(LINE_FEED, at + 1)) this.#number += 1;
      this.#endsLine = taken.at(-1) === LINE_FEED;
      this.#offset += taken.length;
      if (taken.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(taken.length);
    }
    const lastLine = this.#endsLine ? this.#number - 1 : this.#number;
    return { offset, number: this.#number, lastLine };
  }
}
