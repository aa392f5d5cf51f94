import { NumberText } from './datum.ts';

/** A decimal number: `digits` times ten to the `exponent`. No zeros at either end of the digits; none at all for zero. */
export interface DecimalDigits {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** JSON's numbers, and what people write in strings: a plus, leading zeros, `.5` and `5.`. */
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** The number that a text is; undefined if it is none. Takes time linear in its length. */
export function parseDecimal(text: string): DecimalDigits | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (sign === undefined || (whole === '' && fraction === '')) return undefined;
  const all = whole + fraction;
  let start = 0;
  let end = all.length;
  while (start < end && all.charCodeAt(start) === ZERO) start++;
  while (end > start && all.charCodeAt(end - 1) === ZERO) end--;
  if (start === end) return { negative: sign === '-', digits: '', exponent: 0 };
  const shift = Number(exponent) - fraction.length + (all.length - end);
  return { negative: sign === '-', digits: all.slice(start, end), exponent: shift };
}

/**
 * The number times ten to the `scale`; undefined if that is not whole or has more than `maxDigits` digits, which bounds
 * the time as well.
 */
export function unscaledValue(decimal: DecimalDigits, scale: number, maxDigits: number): bigint | undefined {
  const { negative, digits } = decimal;
  if (digits === '') return 0n;
  const zeros = decimal.exponent + scale;
  if (zeros < 0 || digits.length + zeros > maxDigits) return undefined;
  const value = BigInt(digits + '0'.repeat(zeros));
  return negative ? -value : value;
}

/** As `unscaledValue`, with what is behind the scale cut off: the next smaller whole number. */
export function flooredValue(decimal: DecimalDigits, scale: number, maxDigits: number): bigint | undefined {
  const { negative, digits, exponent } = decimal;
  const kept = digits.length + exponent + scale;
  if (exponent + scale >= 0 || digits === '') return unscaledValue(decimal, scale, maxDigits);
  if (kept > maxDigits) return undefined;
  const value = kept > 0 ? BigInt(digits.slice(0, kept)) : 0n;
  return negative ? -value - 1n : value;
}

/** Whether the shortest text of `value` is the same decimal number as `text`: `1.10` is 1.1, `9007199254740993` is not. */
export function isExactDouble(text: string, value: number): boolean {
  const shortest = String(value);
  if (shortest === text) return true;
  const a = parseDecimal(text);
  const b = parseDecimal(shortest);
  if (a === undefined || b === undefined) return false;
  return a.digits === b.digits && a.exponent === b.exponent && (a.negative === b.negative || a.digits === '');
}

/** The number that a text of JSON's grammar is, as text where a double does not hold it. */
export function numberOrText(text: string): number | NumberText {
  const value = Number(text);
  return isExactDouble(text, value) ? value : new NumberText(text);
}

/** The unscaled value of a decimal as text, with all digits of its scale: 1250n at scale 2 is `12.50`. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const negative = unscaled < 0n;
  const digits = String(negative ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const ZERO = 0x30;
