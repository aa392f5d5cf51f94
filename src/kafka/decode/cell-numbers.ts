import { type Decimal, typeName } from '../../delta/schema.ts';
import { type CellColumn, mismatch, type ToCell } from './cell-column.ts';
import { isExactDouble, parseDecimal, unscaledValue } from './cell-decimal.ts';
import { type Datum, NumberText } from './datum.ts';

/** `byte`, `short` and `integer`, of so many bits. */
export function integerToCell(column: CellColumn, bits: number): ToCell {
  const limit = 2 ** (bits - 1);
  const expected = `${typeName(column.type)}, a whole number from ${-limit} to ${limit - 1}`;
  return (value) => {
    if (value === null || value === undefined) return null;
    const number = typeof value === 'number' ? value : Number(wholeNumber(value, MAX_LONG_DIGITS));
    if (!Number.isInteger(number) || number < -limit || number >= limit) throw mismatch(column, value, expected);
    return number + 0;
  };
}

/** A number where that is safe, else a bigint. */
export function longToCell(column: CellColumn): ToCell {
  return (value) => {
    if (Number.isSafeInteger(value)) return (value as number) + 0;
    if (value === null || value === undefined) return null;
    const whole = wholeNumber(value, MAX_LONG_DIGITS);
    if (whole === undefined || BigInt.asIntN(64, whole) !== whole) throw mismatch(column, value, EXPECTED_LONG);
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
  };
}

export function doubleToCell(column: CellColumn): ToCell {
  return (value) => {
    if (typeof value === 'number') return value;
    if (value === null || value === undefined) return null;
    const text = value instanceof NumberText ? value.text : value;
    const number = typeof text === 'string' ? doubleOf(text) : undefined;
    if (number === undefined) throw mismatch(column, value, EXPECTED_DOUBLE);
    return number;
  };
}

/** Rounded to 24 bits by the writer of the column. */
export function floatToCell(column: CellColumn): ToCell {
  return (value) => {
    if (value === null || value === undefined) return null;
    const number = typeof value === 'number' ? value : floatOf(value);
    if (number === undefined || Number.isFinite(number) !== Number.isFinite(Math.fround(number))) {
      throw mismatch(column, value, EXPECTED_FLOAT);
    }
    return number;
  };
}

/** The unscaled value, with every digit. */
export function decimalToCell(column: CellColumn, { precision, scale }: Decimal): ToCell {
  const expected = `${typeName(column.type)}, a number of at most ${precision - scale} digits before and ${scale} behind the point`;
  return (value) => {
    if (value === null || value === undefined) return null;
    const unscaled = scaledNumber(value, scale, precision);
    if (unscaled === undefined) throw mismatch(column, value, expected);
    return unscaled;
  };
}

/** The whole number that a number or its text is; undefined for anything else. */
function wholeNumber(value: Datum, maxDigits: number): bigint | undefined {
  return scaledNumber(value, 0, maxDigits);
}

function scaledNumber(value: Datum, scale: number, maxDigits: number): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && !(value instanceof NumberText)) return undefined;
  const decimal = parseDecimal(String(value));
  return decimal === undefined ? undefined : unscaledValue(decimal, scale, maxDigits);
}

/** The nearest double; undefined where there is none, and for a whole number that it would change. */
function doubleOf(text: string): number | undefined {
  const decimal = parseDecimal(text);
  if (decimal === undefined) return specialOf(text);
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  const isWhole = decimal.exponent >= 0;
  if (!isWhole || Number.isSafeInteger(value) || isExactDouble(text, value)) return value;
  return BigInt(value) === unscaledValue(decimal, 0, MAX_DOUBLE_DIGITS) ? value : undefined;
}

function floatOf(value: Datum): number | undefined {
  if (typeof value !== 'string' && !(value instanceof NumberText)) return undefined;
  const text = String(value);
  if (parseDecimal(text) === undefined) return specialOf(text);
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** What JSON has no numbers for: writers put them into strings. */
function specialOf(text: string): number | undefined {
  switch (text.toLowerCase()) {
    case 'nan':
      return Number.NaN;
    case 'infinity':
    case '+infinity':
      return Number.POSITIVE_INFINITY;
    case '-infinity':
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

const MAX_LONG_DIGITS = 19;
/** Digits of the greatest double. */
const MAX_DOUBLE_DIGITS = 309;

const EXPECTED_LONG = 'long, a whole number of 64 bits';
const EXPECTED_DOUBLE = 'double, a number, and a whole one only if a double holds it exactly';
const EXPECTED_FLOAT = 'float, a number in its range';
