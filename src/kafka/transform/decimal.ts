import { type DecimalDigits, numberOrText, parseDecimal } from '../decode/cell-decimal.ts';
import { NumberText } from '../decode/datum.ts';

/** A number as JSON has it (RFC 8259, section 6). */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Bits of a signed integer of which a double holds every value. */
const SAFE_BITS = 54;

/** The number of a JSON text, as text where a double does not hold it; undefined for what is no number. */
export function parseNumber(text: string): number | NumberText | undefined {
  return JSON_NUMBER.test(text) ? numberOrText(text) : undefined;
}

/**
 * Negative, zero or positive, as `a` is below, equal to or above `b`. Exact, whatever their size, but for exponents beyond
 * 2^53, which lose their last digits.
 */
export function compareNumbers(a: number | NumberText, b: number | NumberText): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : Number(a > b);
  const [left, right] = [parseDecimal(String(a)), parseDecimal(String(b))];
  if (left === undefined || right === undefined) throw new TypeError('a number that is none');
  const sign = signOf(left);
  if (sign !== signOf(right) || sign === 0) return sign - signOf(right);
  return sign < 0 ? compareMagnitudes(right, left) : compareMagnitudes(left, right);
}

/** An integer as a number, or as text where it is beyond 2^53. */
export function integerDatum(value: bigint): number | NumberText {
  return BigInt.asIntN(SAFE_BITS, value) === value ? Number(value) : new NumberText(value.toString());
}

function signOf({ negative, digits }: DecimalDigits): number {
  if (digits === '') return 0;
  return negative ? -1 : 1;
}

/** By where the first digit stands, and then by the digits, whose order is that of the text. */
function compareMagnitudes(a: DecimalDigits, b: DecimalDigits): number {
  const difference = a.exponent + a.digits.length - (b.exponent + b.digits.length);
  if (difference !== 0) return Math.sign(difference);
  return a.digits < b.digits ? -1 : Number(a.digits > b.digits);
}
