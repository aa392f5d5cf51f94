import { hash } from 'node:crypto';
import type { Datum } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import { type Call, countAt, define, type FunctionDefinition, numberAt, textAt, unfit } from './call.ts';
import { type Evaluation, EvaluationError, MAX_TEXT, spend } from './evaluation.ts';
import { parseNestedJson } from './nested-json.ts';

/**
 * Functions of text. Those of JMESPath Community (JEP-014), and:
 *
 * | function | gives |
 * |---|---|
 * | `substr(text, skip, take)` | as many characters as `take` says after the first `skip`; as in kafka-delta-ingest, counted in code points, with what is below zero taken as zero and fractions cut off |
 * | `sha256(text)` | the SHA-256 of its UTF-8, in lower-case hexadecimal digits |
 * | `parse_json(text)` | the value that a text has as JSON |
 */
export const TEXT_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  substr: define(3, substr),
  sha256: define(1, (call) => hash('sha256', textAt(call, 0), 'hex')),
  parse_json: define(1, parseJson),
  lower: define(1, (call) => textAt(call, 0).toLowerCase()),
  upper: define(1, (call) => textAt(call, 0).toUpperCase()),
  starts_with: define(2, (call) => textAt(call, 0).startsWith(textAt(call, 1))),
  ends_with: define(2, (call) => textAt(call, 0).endsWith(textAt(call, 1))),
  find_first: define(2, (call) => find(call, (text, part) => text.indexOf(part)), { most: 4 }),
  find_last: define(2, (call) => find(call, (text, part) => text.lastIndexOf(part)), { most: 4 }),
  pad_left: define(2, (call) => textAt(call, 0).padStart(widthOf(call), paddingOf(call)), { most: 3 }),
  pad_right: define(2, (call) => textAt(call, 0).padEnd(widthOf(call), paddingOf(call)), { most: 3 }),
  replace: define(3, replace, { most: 4 }),
  split: define(2, split, { most: 3 }),
  trim: define(1, (call) => trim(call, true, true), { most: 2 }),
  trim_left: define(1, (call) => trim(call, true, false), { most: 2 }),
  trim_right: define(1, (call) => trim(call, false, true), { most: 2 }),
};

/** Pays for a text that will be made. Throws EvaluationError when it would be longer than texts may be. */
export function spendLength(evaluation: Evaluation, characters: number): void {
  if (characters > MAX_TEXT) throw new EvaluationError(`makes a text of more than ${MAX_TEXT} characters`);
  spend(evaluation, characters / CHARACTERS_A_STEP);
}

const CHARACTERS_A_STEP = 16;

/** Pays for a search: looking for a long text may take the product of the lengths. */
export function spendSearch(evaluation: Evaluation, text: string, part: string): void {
  spend(evaluation, (text.length * part.length) / SEARCH_SPEED);
}

/** Characters times characters that a search compares in one step, with the room that V8's search leaves. */
const SEARCH_SPEED = 4096;

/** Surrogates, which make a character of two. */
const SURROGATE = /[\ud800-\udfff]/;

function substr(call: Call): string {
  const text = textAt(call, 0);
  const skip = Math.max(0, Math.trunc(numberAt(call, 1)));
  const take = Math.max(0, Math.trunc(numberAt(call, 2)));
  if (!SURROGATE.test(text)) return text.slice(skip, skip + take);
  return [...text].slice(skip, skip + take).join('');
}

function parseJson(call: Call): Datum {
  const text = textAt(call, 0);
  spend(call.evaluation, text.length);
  try {
    return parseNestedJson(text);
  } catch {
    throw new EvaluationError(`parse_json() got ${describeDatum(text)}, expected JSON nested 100 levels at most`);
  }
}

function find(call: Call, search: (text: string, part: string) => number): number | null {
  const text = textAt(call, 0);
  const part = textAt(call, 1);
  if (text === '' || part === '') return null;
  const start = call.values.length > 2 ? wholeAt(call, 2) : 0;
  const end = call.values.length > 3 ? wholeAt(call, 3) : text.length;
  spendSearch(call.evaluation, text, part);
  const from = Math.max(0, start);
  const found = search(text.slice(from, Math.max(0, end)), part);
  return found < 0 ? null : found + from;
}

function wholeAt(call: Call, index: number): number {
  const value = numberAt(call, index);
  if (!Number.isSafeInteger(value)) throw unfit(call, index, 'a whole number');
  return value;
}

function widthOf(call: Call): number {
  const width = countAt(call, 1);
  spendLength(call.evaluation, width);
  return width;
}

function paddingOf(call: Call): string {
  if (call.values.length < 3) return ' ';
  const padding = textAt(call, 2);
  if (padding === '' || [...padding.slice(0, 3)].length !== 1) throw unfit(call, 2, 'one character');
  return padding;
}

/** All occurrences, or the first ones. */
function replace(call: Call): string {
  const text = textAt(call, 0);
  const by = textAt(call, 2);
  const parts = splitText(call, text, textAt(call, 1), call.values.length > 3 ? countAt(call, 3) : undefined);
  spendLength(call.evaluation, text.length + (parts.length - 1) * by.length);
  return parts.join(by);
}

function split(call: Call): readonly string[] {
  return splitText(call, textAt(call, 0), textAt(call, 1), call.values.length > 2 ? countAt(call, 2) : undefined);
}

/** The parts of a text; what is behind the first `count` separators stays as it is. */
function splitText(call: Call, text: string, separator: string, count: number | undefined): readonly string[] {
  if (text === '' && separator === '') return [];
  spendSearch(call.evaluation, text, separator);
  spend(call.evaluation, separator === '' ? text.length : text.length / separator.length / 4);
  const parts = text.split(separator);
  if (count === undefined || parts.length <= count + 1) return parts;
  return [...parts.slice(0, count), parts.slice(count).join(separator)];
}

/** White space, or the characters that the second argument has. */
function trim(call: Call, left: boolean, right: boolean): string {
  const text = textAt(call, 0);
  const characters = call.values.length > 1 ? textAt(call, 1) : '';
  const set = characters === '' ? undefined : new Set(characters);
  let start = 0;
  let end = text.length;
  if (left) while (start < end && isTrimmed(text, start, set)) start++;
  if (right) while (end > start && isTrimmed(text, end - 1, set)) end--;
  return text.slice(start, end);
}

/** White space as JMESPath has it: that of JavaScript, and NEL. */
const WHITE_SPACE = /[\s\u0085]/;

function isTrimmed(text: string, index: number, set: ReadonlySet<string> | undefined): boolean {
  const character = text.charAt(index);
  return set === undefined ? WHITE_SPACE.test(character) : set.has(character);
}
