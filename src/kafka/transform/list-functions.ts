import { type Datum, type DatumObject, NumberText } from '../decode/datum.ts';
import { describeDatum, jsonText } from '../decode/json-text.ts';
import {
  arrayAt,
  type Call,
  define,
  type FunctionDefinition,
  isSortable,
  numberAt,
  numbersAt,
  objectAt,
  referenceOf,
  type Sortable,
  sortableAt,
  textAt,
  textsAt,
  unfit,
} from './call.ts';
import { compareNumbers, parseNumber } from './decimal.ts';
import { checkResult, EvaluationError, isNumber, isSame, kindOf, objectOf, spend } from './evaluation.ts';
import { spendLength, spendSearch } from './text-functions.ts';

/** Functions of numbers, arrays and objects, and of any values: those of JMESPath, and of JMESPath Community (JEP-013). */
export const LIST_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  abs: define(1, (call) => Math.abs(numberAt(call, 0))),
  ceil: define(1, (call) => Math.ceil(numberAt(call, 0))),
  floor: define(1, (call) => Math.floor(numberAt(call, 0))),
  sum: define(1, (call) => sumOf(numbersAt(call, 0))),
  avg: define(1, average),
  contains: define(2, contains),
  from_items: define(1, (call) => objectOf(arrayAt(call, 0).map((pair) => pairOf(call, pair)))),
  group_by: define(2, groupBy, { reference: 1 }),
  items: define(1, (call) => Object.entries(objectAt(call, 0))),
  join: define(2, join),
  keys: define(1, (call) => Object.keys(objectAt(call, 0))),
  length: define(1, lengthOf),
  map: define(2, (call) => arrayAt(call, 1).map(keyReader(call)), { reference: 0 }),
  max: define(1, (call) => furthest(call, sortableAt(call, 0), 1)),
  max_by: define(2, (call) => furthestBy(call, 1), { reference: 1 }),
  merge: define(1, merge, { most: Number.POSITIVE_INFINITY }),
  min: define(1, (call) => furthest(call, sortableAt(call, 0), -1)),
  min_by: define(2, (call) => furthestBy(call, -1), { reference: 1 }),
  not_null: define(1, ({ values }) => values.find((value) => kindOf(value) !== 'null') ?? null, {
    most: Number.POSITIVE_INFINITY,
  }),
  reverse: define(1, reverse),
  sort: define(1, (call) => sortKeys(call, sortableAt(call, 0)).map(({ key }) => key)),
  sort_by: define(2, sortBy, { reference: 1 }),
  to_array: define(1, ({ values: [value] }) => (Array.isArray(value) ? value : [value])),
  to_number: define(1, toNumber),
  to_string: define(1, toText),
  type: define(1, ({ values: [value] }) => kindOf(value)),
  values: define(1, (call) => Object.values(objectAt(call, 0))),
  zip: define(1, zip, { most: Number.POSITIVE_INFINITY }),
};

function sumOf(numbers: readonly number[]): number {
  const sum = numbers.reduce((total, value) => total + value, 0);
  if (Number.isInteger(sum) && !Number.isSafeInteger(sum)) throw new EvaluationError('gives a sum beyond 2^53');
  return sum;
}

function average(call: Call): number | null {
  const numbers = numbersAt(call, 0);
  return numbers.length === 0 ? null : sumOf(numbers) / numbers.length;
}

function contains(call: Call): boolean {
  const [subject, part] = call.values;
  if (Array.isArray(subject)) return subject.some((item: Datum) => isSame(item, part, call.evaluation));
  const text = textAt(call, 0);
  if (typeof part !== 'string') return false;
  spendSearch(call.evaluation, text, part);
  return text.includes(part);
}

function pairOf(call: Call, pair: Datum): readonly [string, Datum] {
  const [name, value] = Array.isArray(pair) && pair.length === 2 ? pair : [];
  if (typeof name !== 'string') throw unfit(call, 0, 'an array of pairs of a name and a value');
  return [name, value];
}

function groupBy(call: Call): DatumObject {
  const key = keyReader(call);
  const groups = Map.groupBy(arrayAt(call, 0), (item) => {
    const name = key(item);
    if (typeof name !== 'string') throw unfitKey(call, name, 'strings');
    return name;
  });
  return objectOf(groups);
}

function join(call: Call): string {
  const glue = textAt(call, 0);
  const texts = textsAt(call, 1);
  const length = texts.reduce((total, text) => total + text.length + glue.length, 0);
  spendLength(call.evaluation, length);
  return texts.join(glue);
}

/** Characters are code points. */
function lengthOf(call: Call): number {
  const [value] = call.values;
  if (typeof value === 'string') return countCharacters(value);
  return Array.isArray(value) ? value.length : Object.keys(objectAt(call, 0)).length;
}

function countCharacters(text: string): number {
  let pairs = 0;
  for (let index = 1; index < text.length; index++) {
    if (isSurrogate(text, index, 0xdc00) && isSurrogate(text, index - 1, 0xd800)) pairs++;
  }
  return text.length - pairs;
}

/** Whether a unit is one of the 1,024 surrogates from `first` on. */
function isSurrogate(text: string, index: number, first: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= first && unit < first + 0x400;
}

function merge(call: Call): DatumObject {
  return objectOf(call.values.flatMap((_, index) => Object.entries(objectAt(call, index))));
}

function reverse(call: Call): Datum {
  const [value] = call.values;
  return typeof value === 'string' ? [...value].reverse().join('') : arrayAt(call, 0).toReversed();
}

/** Null for what is no number in JSON's form. */
function toNumber({ values: [value] }: Call): Datum {
  if (isNumber(value)) return value;
  return typeof value === 'string' ? (parseNumber(value) ?? null) : null;
}

function toText({ values: [value], evaluation }: Call): string {
  if (typeof value === 'string') return value;
  spend(evaluation, checkResult(value));
  return jsonText(value);
}

function zip(call: Call): Datum {
  const arrays = call.values.map((_, index) => arrayAt(call, index));
  const length = Math.min(...arrays.map((array) => array.length));
  spend(call.evaluation, length * arrays.length);
  return Array.from({ length }, (_, index) => arrays.map((array) => array[index]));
}

/** Evaluates the `&expression` of a call for an element. */
function keyReader(call: Call): (item: Datum) => Datum {
  const reference = referenceOf(call);
  return (item) => {
    spend(call.evaluation, 1);
    return reference(item, call.evaluation);
  };
}

interface Keyed {
  readonly key: Sortable;
  readonly index: number;
}

function keysOf(call: Call): readonly Sortable[] {
  const keys = arrayAt(call, 0).map(keyReader(call));
  if (!isSortable(keys)) {
    const other = keys.find((key) => !isSortable([keys[0], key]));
    throw unfitKey(call, other, 'only numbers, or only strings');
  }
  return keys;
}

function sortBy(call: Call): Datum {
  const items = arrayAt(call, 0);
  return sortKeys(call, keysOf(call)).map(({ index }) => items[index]);
}

function sortKeys(call: Call, keys: readonly Sortable[]): readonly Keyed[] {
  return keys.map((key, index) => ({ key, index })).sort((a, b) => compareKeys(call, a.key, b.key));
}

function furthestBy(call: Call, sign: number): Datum {
  const keys = keysOf(call);
  return keys.length === 0 ? null : arrayAt(call, 0)[furthestIndex(call, keys, sign)];
}

function furthest(call: Call, values: readonly Sortable[], sign: number): Datum {
  return values.length === 0 ? null : values[furthestIndex(call, values, sign)];
}

/** The first of those that are the greatest, or with a negative sign the least. */
function furthestIndex(call: Call, values: readonly Sortable[], sign: number): number {
  return values.reduce<number>((best, value, index) => {
    return compareKeys(call, value, values[best] ?? value) * sign > 0 ? index : best;
  }, 0);
}

/** Sorting compares each key some 15 times. */
const STEPS_A_COMPARISON = 0.25;

function compareKeys(call: Call, a: Sortable, b: Sortable): number {
  if (typeof a === 'string' && typeof b === 'string') {
    spend(call.evaluation, STEPS_A_COMPARISON + Math.min(a.length, b.length) / 16);
    return compareText(a, b);
  }
  const digits = (a instanceof NumberText ? a.text.length : 0) + (b instanceof NumberText ? b.text.length : 0);
  spend(call.evaluation, STEPS_A_COMPARISON + digits);
  return isNumber(a) && isNumber(b) ? compareNumbers(a, b) : 0;
}

/** By code points, while JavaScript compares surrogates below U+E000 to U+FFFF. */
function compareText(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let index = 0; index < end; index++) {
    const difference = order(a.charCodeAt(index)) - order(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function order(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function unfitKey({ name }: Call, key: Datum, expected: string): EvaluationError {
  return new EvaluationError(`${name}() got ${describeDatum(key)} from its &expression, expected ${expected}`);
}
