import type { Datum, NumberText } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import { compareNumbers, integerDatum } from './decimal.ts';
import { type Evaluation, EvaluationError, type Evaluator, isNumber, isSame, spend } from './evaluation.ts';

/** Digits of a number as text that a comparison looks at in one step. */
const DIGITS_A_STEP = 16;

/**
 * `==` and `!=` compare any values, however deep; the others only numbers, and give null for anything else. Numbers are
 * compared exactly, also those that a double does not hold.
 */
export function compileComparison(name: string, left: Evaluator, right: Evaluator): Evaluator {
  const compare = COMPARISONS.get(name);
  if (compare === undefined) throw new Error(`there is no comparison ${name}`);
  return (current, evaluation) => compare(left(current, evaluation), right(current, evaluation), evaluation);
}

type Comparison = (a: Datum, b: Datum, evaluation: Evaluation) => Datum;

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ['EQ', (a, b, evaluation) => isSame(a, b, evaluation)],
  ['NE', (a, b, evaluation) => !isSame(a, b, evaluation)],
  ['LT', ordering((order) => order < 0)],
  ['LTE', ordering((order) => order <= 0)],
  ['GT', ordering((order) => order > 0)],
  ['GTE', ordering((order) => order >= 0)],
]);

function ordering(isMet: (order: number) => boolean): Comparison {
  return (a, b, evaluation) => {
    if (!isNumber(a) || !isNumber(b)) return null;
    if (typeof a !== 'number' || typeof b !== 'number') spend(evaluation, digitsOf(a) + digitsOf(b));
    return isMet(compareNumbers(a, b));
  };
}

function digitsOf(value: number | NumberText): number {
  return typeof value === 'number' ? 1 : 1 + value.text.length / DIGITS_A_STEP;
}

/**
 * `+`, `-` and `*` of whole numbers are exact, also beyond 2^53. Other numbers are doubles. What is no number, what a double
 * does not hold, and a result that is no finite number fail.
 */
export function compileArithmetic(operator: string, left: Evaluator, right: Evaluator): Evaluator {
  const operation = OPERATIONS.get(operator);
  if (operation === undefined) throw new Error(`there is no operator ${operator}`);
  const { inDoubles, inIntegers, sign } = operation;
  return (current, evaluation) => {
    const a = operand(left(current, evaluation), sign);
    const b = operand(right(current, evaluation), sign);
    const result = inDoubles(a, b);
    if (!Number.isFinite(result)) throw new EvaluationError(`${a} ${sign} ${b} is no finite number`);
    const isInexact = inIntegers !== undefined && !Number.isSafeInteger(result);
    return isInexact && Number.isInteger(a) && Number.isInteger(b)
      ? integerDatum(inIntegers(BigInt(a), BigInt(b)))
      : result;
  };
}

interface Operation {
  readonly sign: string;
  readonly inDoubles: (a: number, b: number) => number;
  /** Where whole numbers give a whole number. */
  readonly inIntegers?: (a: bigint, b: bigint) => bigint;
}

const TIMES: Operation = { sign: '*', inDoubles: (a, b) => a * b, inIntegers: (a, b) => a * b };

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['Plus', { sign: '+', inDoubles: (a, b) => a + b, inIntegers: (a, b) => a + b }],
  ['Minus', { sign: '-', inDoubles: (a, b) => a - b, inIntegers: (a, b) => a - b }],
  ['Multiply', TIMES],
  ['Star', TIMES],
  ['Divide', { sign: '/', inDoubles: (a, b) => a / b }],
  ['Modulo', { sign: '%', inDoubles: (a, b) => a % b }],
  ['Div', { sign: '//', inDoubles: (a, b) => Math.floor(a / b) }],
]);

/** A sign before a number. */
export function compileNegation(operator: string, child: Evaluator): Evaluator {
  const isNegative = operator === 'Minus';
  return (current, evaluation) => {
    const value = operand(child(current, evaluation), isNegative ? '-' : '+');
    return isNegative ? -value : value;
  };
}

function operand(value: Datum, sign: string): number {
  if (typeof value === 'number') return value;
  const expected = isNumber(value) ? 'a number that a double holds' : 'a number';
  throw new EvaluationError(`${sign} got ${describeDatum(value)}, expected ${expected}`);
}
