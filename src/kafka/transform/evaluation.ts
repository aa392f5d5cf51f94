import { type Datum, type DatumObject, isDatumObject, NumberText } from '../decode/datum.ts';
import type { KafkaRecord } from '../record.ts';
import { compareNumbers } from './decimal.ts';

/** What an expression is evaluated over, and how far that is. One for each evaluation. */
export interface Evaluation {
  readonly row: Datum;
  readonly record: KafkaRecord | undefined;
  /** Values of the variables of `let`, by their number. */
  readonly variables: Datum[];
  /** What the record has as `kafka`, once it is made: key and headers may be long. */
  metadata: DatumObject | undefined;
  /** Steps that are left; about the elements and 16 characters of text that are looked at. */
  steps: number;
}

/** A part of an expression, compiled: gives its value for the current one. */
export type Evaluator = (current: Datum, evaluation: Evaluation) => Datum;

/** Why an expression has no value. It becomes a PayloadError where the expression is known. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

/** Steps of one evaluation: about a second at most. */
export const MAX_STEPS = 2_000_000;

/** Characters in a text that a function makes. */
export const MAX_TEXT = 16 * 1024 * 1024;

/** Elements and fields in a result, with those that are in it several times; a text counts one for 16 characters. */
const MAX_RESULT = 2_000_000;
const MAX_RESULT_DEPTH = 300;
const CHARACTERS_A_STEP = 16;

/** Throws EvaluationError when the evaluation has taken too many steps. */
export function spend(evaluation: Evaluation, steps: number): void {
  evaluation.steps -= steps;
  if (!(evaluation.steps >= 0)) throw new EvaluationError('takes too many steps for this value');
}

/** What a function takes to look through a value, without what is nested in it. */
export function weightOf(value: Datum): number {
  if (typeof value === 'string') return 1 + value.length / CHARACTERS_A_STEP;
  return Array.isArray(value) ? 1 + value.length : 1;
}

/**
 * How much is in a value, with what is nested in it, in steps. Throws EvaluationError for one that is too large or too
 * deep: one value may be in it many times.
 */
export function checkResult(value: Datum): number {
  const left = weighDeep(value, MAX_RESULT, 0);
  if (left < 0) throw new EvaluationError('gives a result that is too large');
  return MAX_RESULT - left;
}

function weighDeep(value: Datum, left: number, depth: number): number {
  let rest = left - weightOf(value);
  if (typeof value !== 'object' || value === null || value instanceof NumberText) return rest;
  if (depth >= MAX_RESULT_DEPTH) return -1;
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    if (rest < 0) return rest;
    rest = weighDeep(child, rest, depth + 1);
  }
  return rest;
}

/** Names that a plain object has without having them itself. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Reads a field of an object; null for what has no fields, or not this one. Only own properties are seen. */
export function fieldReader(name: string): (value: Datum) => Datum {
  if (INHERITED.has(name)) {
    return (value) => (isDatumObject(value) && Object.hasOwn(value, name) ? (value[name] ?? null) : null);
  }
  return (value) => (isDatumObject(value) ? (value[name] ?? null) : null);
}

/** Sets a field as an own property, whatever its name. */
export function setField(object: { [field: string]: Datum }, name: string, value: Datum): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/** An object of these fields, the last of a name; `__proto__` is one like the others. */
export function objectOf(entries: Iterable<readonly [string, Datum]>): DatumObject {
  return Object.fromEntries(entries);
}

/** False for null, false, and empty texts, arrays and objects; 0 is true (JMESPath, "Or Expressions"). */
export function isTruthy(value: Datum, evaluation?: Evaluation): boolean {
  if (value === null || value === undefined || value === false || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  if (!isDatumObject(value)) return true;
  const { length } = Object.keys(value);
  if (evaluation !== undefined) spendFields(evaluation, length);
  return length > 0;
}

/** Pays for the names of an object having been listed, which V8 is slow at for objects with many. */
export function spendFields(evaluation: Evaluation, fields: number): void {
  spend(evaluation, fields <= FEW_FIELDS ? 1 : fields * STEPS_A_FIELD);
}

const FEW_FIELDS = 64;
const STEPS_A_FIELD = 2;

/** Whether two values are the same, however deep; numbers by their exact value. */
export function isSame(a: Datum, b: Datum, evaluation: Evaluation): boolean {
  spend(evaluation, 1);
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) === 0;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index], evaluation));
  }
  if (!isDatumObject(a) || !isDatumObject(b)) return (a ?? null) === (b ?? null);
  const names = Object.keys(a);
  const { length } = Object.keys(b);
  spendFields(evaluation, names.length + length);
  return (
    names.length === length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name], evaluation))
  );
}

export function isNumber(value: Datum): value is number | NumberText {
  return typeof value === 'number' || value instanceof NumberText;
}

export type Kind = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

/** The type of a value, as JMESPath's `type()` names it. */
export function kindOf(value: Datum): Kind {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (isNumber(value)) return 'number';
  return typeof value as 'boolean' | 'string' | 'object';
}
