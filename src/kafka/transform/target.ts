import { type Datum, NumberText } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import { PayloadError } from '../decode/payload-error.ts';
import type { KafkaRecord } from '../record.ts';
import { compileExpression } from './expression.ts';
import { headerText } from './record-context.ts';
import { parseTemplate, type TemplatePart } from './template.ts';

/** Where the records of a rule go. */
export interface Target {
  readonly template: string;
  /** Whether the table depends on the row. */
  readonly needsRow: boolean;
  /** Whether the table depends on headers, or on other metadata that an expression names. */
  readonly needsHeaders: boolean;
  /** The whole segments before the first brace, '' for none: every table is below it, or is it. */
  readonly fixedPrefix: string;
  /**
   * The root of the table for a record. `row` may be left out where `needsRow` is false. Throws PayloadError
   * `INVALID_TARGET` for a value that is no name, and `EXPRESSION_FAILED`.
   */
  resolve(record: KafkaRecord, row?: Datum): string;
  /**
   * The table of a topic for records that have none: the segments before the first that has an expression, and then the
   * topic, unless they have it.
   */
  fallback(topic: string): string;
}

/** A name that a record may give to a part of a path. */
const NAME = /^[A-Za-z0-9-][A-Za-z0-9_.-]{0,99}$/;

/** What ends the names of the tables of dead letters, which no record may choose. */
const RESERVED_ENDING = '__dead_letters';

/**
 * Compiles the template of a table's root, such as `bronze/{topic}/{type}`. `{topic}` is the topic, `{header:name}` the
 * text of the last header of that name, anything else in braces a JMESPath expression. What they give, but for `{topic}`,
 * is 1 to 100 ASCII letters, digits, `_`, `-` and `.`, not with `.` or `_` at the start, without `..`, and does not end
 * in `__dead_letters`; or a whole number.
 *
 * Throws an Error for braces that are not closed, empty and hidden segments, and for no expression.
 */
export function compileTarget(template: string): Target {
  const segments = parseTemplate(template);
  const fixed = leading(segments, (part) => part.kind === 'text');
  const free = leading(segments, (part) => part.kind !== 'expression');
  const readers = segments.map((segment) => segment.map(compilePart));
  const all = readers.flat();
  const resolve = (record: KafkaRecord, row: Datum): string => {
    return readers.map((segment) => segment.map(({ read }) => read(record, row)).join('')).join('/');
  };
  const isByTopic = free.length === segments.length;
  const tables = new Map<string, string>();
  return {
    template,
    needsRow: all.some(({ needsRow }) => needsRow),
    needsHeaders: all.some(({ needsRecord }) => needsRecord),
    fixedPrefix: fixed.map((segment) => textOf(segment, '')).join('/'),
    resolve: isByTopic
      ? (record) => tables.get(record.topic) ?? remember(tables, record.topic, resolve(record, null))
      : (record, row = null) => resolve(record, row),
    fallback: (topic) => fallbackOf(free, topic, isByTopic),
  };
}

function remember(tables: Map<string, string>, topic: string, table: string): string {
  tables.set(topic, table);
  return table;
}

type Segment = readonly TemplatePart[];

/** The segments before the first that has another part. */
function leading(segments: readonly Segment[], test: (part: TemplatePart) => boolean): readonly Segment[] {
  const end = segments.findIndex((segment) => !segment.every(test));
  return end < 0 ? segments : segments.slice(0, end);
}

function textOf(segment: Segment, topic: string): string {
  return segment.map((part) => (part.kind === 'text' ? part.text : topic)).join('');
}

function fallbackOf(segments: readonly Segment[], topic: string, isWhole: boolean): string {
  const names = segments.map((segment) => textOf(segment, topic));
  const hasTopic = segments.flat().some(({ kind }) => kind === 'topic');
  return (isWhole || hasTopic ? names : [...names, topic]).join('/');
}

interface PartReader {
  readonly needsRow: boolean;
  readonly needsRecord: boolean;
  readonly read: (record: KafkaRecord, row: Datum) => string;
}

const HEADER = /^header:(.+)$/s;

function compilePart(part: TemplatePart): PartReader {
  if (part.kind === 'text') return { needsRow: false, needsRecord: false, read: () => part.text };
  if (part.kind === 'topic') return { needsRow: false, needsRecord: false, read: ({ topic }) => topic };
  const { text } = part;
  const header = HEADER.exec(text)?.[1];
  if (header !== undefined) {
    return { needsRow: false, needsRecord: true, read: (record) => nameOf(headerText(record, header), text) };
  }
  const expression = compileExpression(text);
  return {
    needsRow: expression.usesRow,
    needsRecord: expression.usesRecord,
    read: (record, row) => nameOf(expression.evaluate(row, record), text),
  };
}

function nameOf(value: Datum, text: string): string {
  const name = typeof value === 'string' || isWhole(value) ? String(value) : '';
  if (NAME.test(name) && !name.includes('..') && !name.endsWith(RESERVED_ENDING)) return name;
  const expected = 'expected a whole number, or 1 to 100 letters, digits, "_", "-" and ".", that are no hidden name';
  throw new PayloadError('INVALID_TARGET', `{${text}} of the table gave ${describeDatum(value)}, ${expected}`);
}

function isWhole(value: Datum): value is number | NumberText {
  return Number.isSafeInteger(value) || (value instanceof NumberText && /^-?\d+$/.test(value.text));
}
