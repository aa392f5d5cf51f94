import { type DataType, findIllegalName, type StructField } from '../../delta/schema.ts';
import { parseDecimal, unscaledValue } from './cell-decimal.ts';
import { type Datum, type DatumObject, isDatumObject, NumberText } from './datum.ts';
import { fieldOf, MAX_INFERRED_FIELDS, mergeInferred } from './infer-merge.ts';

export { MAX_INFERRED_FIELDS, mergeInferred } from './infer-merge.ts';

/** Objects and arrays in each other. What is deeper becomes a string of JSON. */
export const MAX_INFERRED_DEPTH = 16;

/** Characters of a field's name, as many as the Glue catalog takes. Objects with longer ones become strings of JSON. */
export const MAX_INFERRED_NAME_LENGTH = 255;

/**
 * The type of a new column for a value, with everything nullable; undefined while it cannot be known: for null, and for
 * arrays and objects in which nothing else is. The time it takes is linear in the size of the value.
 *
 * | value | type |
 * |---|---|
 * | boolean | `boolean` |
 * | whole number of 64 bits, also `1.0` | `long` |
 * | whole number of at most 38 digits | `decimal(38,0)`; `double` if a double of 1e21 and more holds it |
 * | longer whole number that no double holds | `string` |
 * | other number | `double` |
 * | string | `string` |
 * | array | `array` of what all elements are, see `mergeInferred` |
 * | object | `struct` |
 *
 * An object is a `string`, its JSON text, if it has a name that no column can have, names that differ in case only, or
 * more than MAX_INFERRED_FIELDS fields.
 */
export function inferType(value: Datum): DataType | undefined {
  return typeOf(withValue(undefined, value, 0));
}

/** What is known of a type, while values are looked at: parts are changed in place. Undefined is nothing. */
type Draft = DataType | StructDraft | ArrayDraft | undefined;

class StructDraft {
  /** By the name in lower case. */
  readonly fields = new Map<string, { readonly name: string; draft: Draft }>();
}

class ArrayDraft {
  element: Draft;
}

const BIG_INTEGER = 'decimal(38,0)';
const MAX_BIG_INTEGER_DIGITS = 38;

/** From here on `String` writes an exponent: a number so large was no integer to the one who wrote it. */
const MIN_EXPONENTIAL = 1e21;

function withValue(draft: Draft, value: Datum, depth: number): Draft {
  if (value === null || value === undefined || draft === 'string') return draft;
  if (typeof value !== 'object' || value instanceof NumberText) return withType(draft, inferScalar(value));
  if (depth === MAX_INFERRED_DEPTH) return 'string';
  return isDatumObject(value) ? withObject(draft, value, depth) : withArray(draft, value, depth);
}

function withType(draft: Draft, type: DataType): Draft {
  if (draft instanceof StructDraft || draft instanceof ArrayDraft) return 'string';
  return draft === undefined ? type : mergeInferred(draft, type);
}

function withArray(draft: Draft, value: readonly Datum[], depth: number): Draft {
  const array = draft ?? new ArrayDraft();
  if (!(array instanceof ArrayDraft)) return 'string';
  for (const element of value) array.element = withValue(array.element, element, depth + 1);
  return array;
}

/** Fields of two objects whose names differ in case only are one, which has the first name. */
function withObject(draft: Draft, value: DatumObject, depth: number): Draft {
  const struct = draft ?? new StructDraft();
  const names = Object.keys(value);
  if (!(struct instanceof StructDraft) || names.length > MAX_INFERRED_FIELDS || !canBeFields(names)) return 'string';
  for (const name of names) {
    const field = struct.fields.get(name.toLowerCase());
    const fieldDraft = withValue(field?.draft, value[name], depth + 1);
    if (field !== undefined) field.draft = fieldDraft;
    else if (fieldDraft !== undefined) struct.fields.set(name.toLowerCase(), { name, draft: fieldDraft });
  }
  return struct.fields.size > MAX_INFERRED_FIELDS ? 'string' : struct;
}

function typeOf(draft: Draft): DataType | undefined {
  if (draft instanceof ArrayDraft) {
    const elementType = typeOf(draft.element);
    return elementType && { type: 'array', elementType, containsNull: true };
  }
  if (!(draft instanceof StructDraft)) return draft;
  const fields: StructField[] = [];
  for (const { name, draft: fieldDraft } of draft.fields.values()) {
    const type = typeOf(fieldDraft);
    if (type !== undefined) fields.push(fieldOf(name, type));
  }
  return fields.length === 0 ? undefined : { type: 'struct', fields };
}

function inferScalar(value: boolean | string | number | NumberText): DataType {
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') return 'string';
  if (value instanceof NumberText) return inferText(value.text);
  if (Number.isSafeInteger(value)) return 'long';
  return Number.isInteger(value) && Math.abs(value) < MIN_EXPONENTIAL ? inferText(String(value)) : 'double';
}

function inferText(text: string): DataType {
  const decimal = parseDecimal(text);
  if (decimal === undefined || decimal.exponent < 0) return 'double';
  const whole = unscaledValue(decimal, 0, MAX_BIG_INTEGER_DIGITS);
  if (whole === undefined) return 'string';
  return BigInt.asIntN(64, whole) === whole ? 'long' : BIG_INTEGER;
}

function canBeFields(names: readonly string[]): boolean {
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) return false;
  if (names.some((name) => name.length > MAX_INFERRED_NAME_LENGTH || !name.isWellFormed())) return false;
  return findIllegalName({ type: 'struct', fields: names.map((name) => fieldOf(name, 'string')) }) === undefined;
}
