import type { StructType } from '../../delta/schema.ts';
import type { ColumnSlice } from '../../parquet/write/column.ts';
import { type CellText, isPlain, isThere, plainText, type ValueSettings } from './cell-text.ts';
import { jsonText } from './json-text.ts';

/** The form of CSV files. */
export interface CsvSettings {
  /** Between the fields, a character. @default ',' */
  readonly delimiter: string;
  /**
   * `minimal`: fields in which something has a meaning, and empty texts, to tell them from null. `all`: every field that is
   * not null. `none`: what has a meaning is escaped instead, by a backslash. @default 'minimal'
   */
  readonly quote: 'minimal' | 'all' | 'none';
  /** Before a quote in a quoted field: another quote (RFC 4180), or a backslash, which is then doubled. @default 'double' */
  readonly escape: 'double' | 'backslash';
  /** Whether the first line of each file has the names of the columns. @default true */
  readonly header: boolean;
  /** What null is, never quoted. @default '' */
  readonly nullText: string;
  /** @default 'lf' */
  readonly lineEnding: 'lf' | 'crlf';
  /** @default 'true-false' */
  readonly booleans: 'true-false' | '1-0';
  /** Whether a boolean that is null is written as false. @default false */
  readonly nullBooleansAsFalse: boolean;
  /** `escape`: line feeds and carriage returns in texts become `\n` and `\r`, and backslashes are doubled. @default 'keep' */
  readonly newlines: 'keep' | 'escape';
}

/** The line of the names, with its end. */
export function csvHeader({ fields }: StructType, csv: CsvSettings): string {
  const write = fieldWriter(csv);
  return fields.map(({ name }) => write(name)).join(csv.delimiter) + endOf(csv);
}

/** The lines of rows, with their ends. Nested values are JSON. */
export function csvLine(
  { fields }: StructType,
  columns: readonly ColumnSlice[],
  csv: CsvSettings,
  settings: ValueSettings,
): CellText {
  const write = fieldWriter(csv);
  const end = endOf(csv);
  const { delimiter } = csv;
  const cells = fields.map(({ name, type }, index): CellText => {
    const column = columns[index];
    if (column === undefined) throw new TypeError(`there are ${columns.length} columns, and a field "${name}"`);
    const isBoolean = type === 'boolean';
    const text = isPlain(type) ? plainText(type, column.values, settings) : jsonText(type, column, settings);
    const shown: CellText = isBoolean && csv.booleans === '1-0' ? (row) => (text(row) === 'true' ? '1' : '0') : text;
    const absent = isBoolean && csv.nullBooleansAsFalse ? write(csv.booleans === '1-0' ? '0' : 'false') : csv.nullText;
    return (row) => (isThere(column, row) ? write(shown(row)) : absent);
  });
  return (row) => {
    let line = '';
    for (let index = 0; index < cells.length; index++) line += (index === 0 ? '' : delimiter) + cells[index]?.(row);
    return line + end;
  };
}

function endOf({ lineEnding }: CsvSettings): string {
  return lineEnding === 'crlf' ? '\r\n' : '\n';
}

const BACKSLASH = '\\';

/** Writes the text of a field. */
function fieldWriter({
  delimiter,
  quote,
  nullText,
  newlines,
  escape: escaping,
}: CsvSettings): (text: string) => string {
  const escapesLines = newlines === 'escape';
  const special = new Set([delimiter, '"', '\n', '\r']);
  const escapesBackslash = escapesLines || escaping === 'backslash' || quote === 'none';
  const lines = (text: string) =>
    (escapesBackslash ? text.replaceAll(BACKSLASH, BACKSLASH + BACKSLASH) : text)
      .replaceAll('\n', escapesLines ? '\\n' : '\n')
      .replaceAll('\r', escapesLines ? '\\r' : '\r');
  if (quote === 'none') {
    return (text) => {
      let written = '';
      for (const character of lines(text)) written += special.has(character) ? BACKSLASH + character : character;
      return written === nullText && written !== '' ? BACKSLASH + written : written;
    };
  }
  const escapedQuote = escaping === 'backslash' ? '\\"' : '""';
  const quoted = (text: string) => `"${text.replaceAll('"', escapedQuote)}"`;
  const meaning = new RegExp(`[${[...special, BACKSLASH].map(escapePattern).join('')}]|^\\s|\\s$`);
  return (text) => {
    const written = lines(text);
    const needs = quote === 'all' || written === '' || written === nullText || meaning.test(text);
    return needs ? quoted(written) : written;
  };
}

function escapePattern(character: string): string {
  return /[\\\]^-]/.test(character) ? `\\${character}` : character;
}
