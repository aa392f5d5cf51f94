import { type Datum, type DatumObject, isDatumObject, NumberText } from './datum.ts';

/**
 * A value as JSON text, without white space, numbers with all their digits. As `JSON.stringify` has it, nothing is left
 * out of an object but `undefined`, and NaN and the infinities, which no JSON has, are null.
 */
export function jsonText(value: Datum): string {
  return needsWriter(value) ? write(value) : (JSON.stringify(value) ?? 'null');
}

/** Characters of a payload that a message quotes at most. */
const MAX_QUOTED = 60;

/** A value for people: its kind, and as much of it as fits a message. */
export function describeDatum(value: Datum): string {
  if (value instanceof NumberText) return `the number ${shorten(value.text)}`;
  if (typeof value === 'string') return `the string ${quoteText(value)}`;
  if (typeof value === 'number') return `the number ${numberText(value)}`;
  if (typeof value === 'boolean') return `the boolean ${value}`;
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
}

/** A text in quotes, cut where it is long. */
export function quoteText(text: string): string {
  return text.length <= MAX_QUOTED ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, MAX_QUOTED))}...`;
}

/** The shortest decimal text that reads back as this number, with the sign of -0. */
export function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function shorten(text: string): string {
  return text.length <= MAX_QUOTED ? text : `${text.slice(0, MAX_QUOTED)}...`;
}

/** Whether `JSON.stringify` would write a number of it otherwise. */
function needsWriter(value: Datum): boolean {
  if (typeof value === 'number') return Object.is(value, -0);
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof NumberText) return true;
  if (isArray(value)) return value.some(needsWriter);
  return isDatumObject(value) && Object.values(value).some(needsWriter);
}

function write(value: Datum): string {
  if (value instanceof NumberText) return value.text;
  if (typeof value === 'number') return Number.isFinite(value) ? numberText(value) : 'null';
  if (isArray(value)) return `[${value.map(write).join(',')}]`;
  return isDatumObject(value) ? writeObject(value) : (JSON.stringify(value) ?? 'null');
}

function writeObject(value: DatumObject): string {
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${write(member)}`);
  }
  return `{${members.join(',')}}`;
}

function isArray(value: Datum): value is readonly Datum[] {
  return Array.isArray(value);
}
