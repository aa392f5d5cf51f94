import { once } from 'node:events';
import { visibleLength } from './format.ts';

/** What the commands write to. */
export interface Terminal {
  /** Columns of a line. */
  readonly width: number;
  /** Whether a block of lines can be rewritten in place. */
  readonly isLive: boolean;
  readonly style: Style;
  /** Writes a line to the output; resolves when the reader has taken enough of it. */
  print(line?: string): Promise<void>;
  /** Writes text without a line end to the output. */
  write(text: string): Promise<void>;
  /** Writes a line for people to the error output. */
  note(line: string): void;
  /** Puts these lines in the place of those that were shown before. Does nothing unless `isLive`. */
  show(lines: readonly string[]): void;
  /** Ends the block: what is shown stays (`keep`), or is cleared. */
  endShow(keep?: 'keep'): void;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** The parts of `process.stdout` that are used. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
}

/** Columns when the output is no terminal. */
const DEFAULT_WIDTH = 80;
const MAX_WIDTH = 120;

/**
 * The terminal of the process. Colours and the live block only where the output is a terminal; the environment's
 * NO_COLOR, FORCE_COLOR and TERM=dumb are honoured by Node's `hasColors`.
 */
export function createTerminal(output: OutputStream, errors: OutputStream): Terminal {
  const isLive = output.isTTY === true;
  const hasColors = isLive && (output.hasColors?.() ?? false);
  let shown: readonly string[] = [];
  const width = () => Math.min(output.columns || DEFAULT_WIDTH, MAX_WIDTH);

  async function write(text: string): Promise<void> {
    if (!output.write(text)) await once(output, 'drain');
  }

  /** Back to the first line that is shown; also from the echo of a Ctrl-C, which is not at the line's begin. */
  function toTop(): string {
    return shown.length === 0 ? '' : `\r${ESCAPE}[${shown.length}A`;
  }

  return {
    get width() {
      return width();
    },
    isLive,
    style: createStyle(hasColors),
    print: (line = '') => write(`${line}\n`),
    write,
    note: (line) => void errors.write(`${line}\n`),
    show(lines) {
      if (!isLive) return;
      // Each line is overwritten rather than cleared first, so that nothing flickers.
      const text = lines.map((line) => `${cutLine(line, width() - 1)}${CLEAR_LINE}\n`).join('');
      output.write(`${HIDE_CURSOR}${toTop()}${text}${lines.length < shown.length ? CLEAR_BELOW : ''}`);
      shown = lines;
    },
    endShow(keep) {
      if (!isLive || shown.length === 0) return;
      output.write(`${keep === 'keep' ? '' : toTop() + CLEAR_BELOW}${SHOW_CURSOR}`);
      shown = [];
    },
  };
}

const ESCAPE = String.fromCharCode(0x1b);
const HIDE_CURSOR = `${ESCAPE}[?25l`;
const SHOW_CURSOR = `${ESCAPE}[?25h`;
/** From the cursor to the end of the line. */
const CLEAR_LINE = `${ESCAPE}[K`;
/** From the cursor to the end of the screen. */
const CLEAR_BELOW = `${ESCAPE}[J`;

function createStyle(enabled: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    enabled ? `${ESCAPE}[${open}m${text}${ESCAPE}[${close}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}

const COLOUR = new RegExp(`(${ESCAPE}\\[\\d+m)`);

/** Cuts a line that would wrap, because a wrapped line cannot be rewritten in place. Colours take no columns. */
export function cutLine(line: string, width: number): string {
  if (visibleLength(line) <= width) return line;
  let columns = 0;
  let cut = '';
  for (const part of line.split(COLOUR)) {
    const isColour = part.startsWith(ESCAPE);
    cut += isColour ? part : part.slice(0, Math.max(0, width - columns));
    if (!isColour) columns += part.length;
  }
  return cut;
}
