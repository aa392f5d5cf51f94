import { stripVTControlCharacters } from 'node:util';

/** `1,234,567`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 file`, `2 files`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in units of 1000: `999 B`, `1.2 kB`, `34.5 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`; negative values count as none. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** `2026-11-24 06:30:00`, in UTC. */
export function formatTime(ms: number): string {
  return isoTime(ms).slice(0, 19).replace('T', ' ');
}

/** ISO 8601 in UTC; a log may hold any number, and one that is no time is given as it is. */
export function isoTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

/** Share of a whole: `0 %`, `<1 %`, `42 %`, `>99 %`, `100 %`; only all of it is 100 %. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  if (part === whole) return '100 %';
  const percent = (part / whole) * 100;
  if (percent < 1) return '<1 %';
  return percent > 99 ? '>99 %' : `${Math.round(percent)} %`;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` columns, filled to `share` (0 to 1) in steps of an eighth of a column. */
export function formatBar(share: number, width: number, rest = ' '): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const bar = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
  return bar.padEnd(width, rest);
}

export interface Column {
  /** @default 'left' */
  readonly align?: 'left' | 'right';
}

/** Columns that a text takes; colours take none. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** Rows as lines with aligned columns, two spaces between them, no spaces at the ends. */
export function formatRows(rows: readonly (readonly string[])[], columns: readonly Column[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, visibleLength(cell));
  }
  const pad = (cell: string, index: number): string => {
    const space = ' '.repeat((widths[index] ?? 0) - visibleLength(cell));
    return columns[index]?.align === 'right' ? space + cell : cell + space;
  };
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
}

/** Text of at most `width` columns; what is too long loses its middle. */
export function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  const kept = Math.max(width - 1, 2);
  const head = Math.ceil(kept / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (kept - head))}`;
}

/** What someone else wrote, for the terminal: control characters are shown by their codes. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Words in lines of at most `width` columns; a longer word stands on its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
