import { isExactDouble, numberOrText } from './cell-decimal.ts';

/**
 * A number that a double may not hold exactly: 16 or more digits, the point counted in, or an exponent of three digits.
 * All others do: 15 digits always survive a double in the range of 1e-114 to 1e114 (IEEE 754, binary64). A number is
 * behind the start of the text, a colon, comma, bracket or white space, which keeps most of what strings hold out, and
 * the time linear.
 */
const SUSPECT = /[:,[ \t\n\r-]\d(?:[\d.]{15}|[\d.]*[eE][-+]?\d{3})/;

/** Numbers, and what looks like them in strings. */
const NUMBER = /[:,[ \t\n\r](-?\d[\d.]*(?:[eE][-+]?\d+)?)/g;

/** Whether a JSON text may have a number that a double does not hold exactly. False is certain, and costs little. */
export function mayHoldInexactNumber(text: string): boolean {
  if (startsWithNumber(text)) return true;
  if (!SUSPECT.test(text)) return false;
  for (const [, source = ''] of text.matchAll(NUMBER)) {
    if (isSuspect(source) && !isExactDouble(source, Number(source))) return true;
  }
  return false;
}

/** `JSON.parse` with NumberText for the numbers that need it. Ten times as slow as without. */
export function parseWithNumberText(text: string): unknown {
  return JSON.parse(text, keepInexact);
}

/** The reviver's third argument is of the ECMAScript proposal "JSON.parse source text access", in Node since 21. */
function keepInexact(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || !isSuspect(source)) return value;
  return numberOrText(source);
}

/** Fewer characters are a number that is exact, unless its exponent is long. */
const MIN_SUSPECT_LENGTH = 16;

function isSuspect(source: string): boolean {
  return source.length >= MIN_SUSPECT_LENGTH || /[eE][-+]?\d{3}/.test(source);
}

function startsWithNumber(text: string): boolean {
  const code = text.charCodeAt(0);
  return code === 0x2d || (code >= 0x30 && code <= 0x39);
}
