import { type Datum, type DatumObject, isDatumObject, NumberText } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import {
  type Evaluation,
  EvaluationError,
  type Evaluator,
  isNumber,
  spend,
  spendFields,
  weightOf,
} from './evaluation.ts';

/** A function of an expression. */
export interface FunctionDefinition {
  /** How many arguments it takes. */
  readonly least: number;
  readonly most: number;
  /** Which argument is an `&expression`, from 0. */
  readonly reference?: number;
  readonly run: (call: Call) => Datum;
}

/** One call of a function. */
export interface Call {
  readonly name: string;
  /** The arguments; null in place of an `&expression`. */
  readonly values: readonly Datum[];
  /** What the `&expression` stands for. */
  readonly reference: Evaluator | undefined;
  readonly evaluation: Evaluation;
}

/** A definition for the table of functions. `most` is `least` when left out. */
export function define(
  least: number,
  run: (call: Call) => Datum,
  { most = least, reference }: { readonly most?: number; readonly reference?: number } = {},
): FunctionDefinition {
  return { least, most, run, ...(reference !== undefined && { reference }) };
}

/** Calls a function. Throws EvaluationError for arguments that it does not take. */
export function callFunction(definition: FunctionDefinition, call: Call): Datum {
  let steps = 1;
  for (const value of call.values) steps += weightOf(value);
  spend(call.evaluation, steps);
  return definition.run(call);
}

export function textAt(call: Call, index: number): string {
  const value = call.values[index];
  if (typeof value === 'string') return value;
  throw unfit(call, index, 'a string');
}

/** A number that a double holds: what is exact only as text is refused, not rounded. */
export function numberAt(call: Call, index: number): number {
  const value = call.values[index];
  if (typeof value === 'number') return value;
  throw unfit(call, index, value instanceof NumberText ? 'a number that a double holds' : 'a number');
}

/** A whole number of zero or more. */
export function countAt(call: Call, index: number): number {
  const value = numberAt(call, index);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw unfit(call, index, 'a whole number of zero or more');
}

/** Any number, rounded towards zero. */
export function integerAt(call: Call, index: number): bigint {
  const value = call.values[index];
  if (typeof value === 'number' && Number.isFinite(value)) return BigInt(Math.trunc(value));
  if (value instanceof NumberText && INTEGER.test(value.text)) return BigInt(value.text);
  throw unfit(call, index, 'a number');
}

/** An integer that has as many digits as 128 bits, at most. */
const INTEGER = /^-?\d{1,39}$/;

export function arrayAt(call: Call, index: number): readonly Datum[] {
  const value = call.values[index];
  if (Array.isArray(value)) return value;
  throw unfit(call, index, 'an array');
}

export function objectAt(call: Call, index: number): DatumObject {
  const value = call.values[index];
  if (!isDatumObject(value)) throw unfit(call, index, 'an object');
  spendFields(call.evaluation, Object.keys(value).length);
  return value;
}

export function textsAt(call: Call, index: number): readonly string[] {
  const values = arrayAt(call, index);
  if (isTexts(values)) return values;
  throw unfit(call, index, 'an array of strings');
}

export function numbersAt(call: Call, index: number): readonly number[] {
  const values = arrayAt(call, index);
  if (values.every((value) => typeof value === 'number')) return values;
  throw unfit(call, index, 'an array of numbers that doubles hold');
}

/** Values that have an order: all strings, or all numbers. */
export function sortableAt(call: Call, index: number): readonly Sortable[] {
  const values = arrayAt(call, index);
  if (isSortable(values)) return values;
  throw unfit(call, index, 'an array of numbers, or of strings');
}

export type Sortable = string | number | NumberText;

/** Whether all of these are strings, or all are numbers. */
export function isSortable(values: readonly Datum[]): values is readonly Sortable[] {
  return isTexts(values) || values.every(isNumber);
}

/** The `&expression` of a call. */
export function referenceOf({ name, reference }: Call): Evaluator {
  if (reference === undefined) throw new EvaluationError(`${name}() needs an &expression`);
  return reference;
}

/** An error about an argument. */
export function unfit({ name, values }: Call, index: number, expected: string): EvaluationError {
  return new EvaluationError(
    `${name}() got ${describeDatum(values[index])} as argument ${index + 1}, expected ${expected}`,
  );
}

function isTexts(values: readonly Datum[]): values is readonly string[] {
  return values.every((value) => typeof value === 'string');
}
