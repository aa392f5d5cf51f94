import { LoadError } from '../load-error.ts';
import type { Position } from './row-source.ts';

export interface Line {
  /** Without its line feed; a carriage return before that is left. */
  readonly bytes: Buffer;
  /** From 1. */
  readonly number: number;
  /** Behind its line feed. */
  readonly end: Position;
}

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Cuts a stream into lines, given in groups as they come. The last one needs no line feed. Throws `TOO_LARGE` for a line
 * longer than `maxBytes`, as soon as so much of it was read.
 */
export async function* readLines(
  pieces: AsyncIterable<Buffer>,
  from: Position,
  maxBytes: number,
): AsyncGenerator<readonly Line[], void> {
  let { offset, number } = from;
  /** Of a line whose end was not read yet. */
  let open: Buffer[] = [];
  let openBytes = 0;
  const check = (bytes: number) => {
    if (bytes <= maxBytes) return;
    throw new LoadError('TOO_LARGE', `line ${number} has more than ${maxBytes} bytes`, { line: number });
  };
  const finish = (tail: Buffer, isEnded: boolean): Line => {
    const whole = open.length === 0 ? tail : Buffer.concat([...open, tail]);
    check(whole.length);
    const bytes = offset === 0 ? withoutMark(whole) : whole;
    const line = number;
    offset += whole.length + (isEnded ? 1 : 0);
    number += 1;
    open = [];
    openBytes = 0;
    return { bytes, number: line, end: { offset, number } };
  };
  for await (const piece of pieces) {
    const lines: Line[] = [];
    let start = 0;
    for (let end = piece.indexOf(LINE_FEED); end !== -1; end = piece.indexOf(LINE_FEED, start)) {
      lines.push(finish(piece.subarray(start, end), true));
      start = end + 1;
    }
    if (start < piece.length) {
      open.push(piece.subarray(start));
      openBytes += piece.length - start;
      check(openBytes);
    }
    if (lines.length > 0) yield lines;
  }
  if (openBytes > 0) yield [finish(Buffer.alloc(0), false)];
}

function withoutMark(line: Buffer): Buffer {
  return line.subarray(0, 3).equals(BYTE_ORDER_MARK) ? line.subarray(3) : line;
}
