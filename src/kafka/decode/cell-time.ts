import { flooredValue, parseDecimal } from './cell-decimal.ts';
import type { NumberText } from './datum.ts';

/** What a number counts that stands for a time: since 1970-01-01T00:00:00 UTC. */
export type TimestampUnit = 's' | 'ms' | 'us' | 'ns';

/** The years 0001 to 9999, which all readers know, in days and ms since the epoch. */
export const MIN_DAY = -719_162;
export const MAX_DAY = 2_932_896;

const MS_PER_DAY = 86_400_000;
const MS_PER_MINUTE = 60_000;
const MIN_MS = MIN_DAY * MS_PER_DAY;
const MAX_MS = (MAX_DAY + 1) * MS_PER_DAY - 1;
const MICROS_PER_DAY = 1000 * MS_PER_DAY;

/** Up to here, µs are safe integers whatever the µs within the millisecond are. */
const MAX_SAFE_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000) - 1;

/** The days of `YYYY-MM-DD`, or of a date-time's date in UTC; undefined for anything else. */
export function parseDate(text: string): number | undefined {
  if (text.length === DATE_LENGTH) {
    const day = dayOf(text);
    return Number.isNaN(day) ? undefined : day;
  }
  const micros = parseTimestamp(text);
  if (micros === undefined) return undefined;
  return split(micros)[0];
}

/**
 * µs since the epoch of a date-time of ISO 8601: `2026-11-24T12:58:03.123456Z`, with a space for the T, an offset of
 * `+01:00`, `+0100` or `+01`, without seconds, or the date only. Without an offset it is UTC. Of up to 9 digits behind
 * the point, those behind the µs are cut off. A `local` one may have no offset but Z. Undefined for anything else, and
 * outside of the years 0001 to 9999. Written by hand, because it is run for each record.
 */
export function parseTimestamp(text: string, local = false): number | bigint | undefined {
  const day = dayOf(text);
  if (Number.isNaN(day)) return undefined;
  if (text.length === DATE_LENGTH) return microsOf(day * MS_PER_DAY, 0);
  const separator = text.charCodeAt(DATE_LENGTH);
  if (separator !== UPPER_T && separator !== SPACE && separator !== LOWER_T) return undefined;

  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || text.charCodeAt(13) !== COLON) return undefined;
  let second = 0;
  let fraction = 0;
  let at = 16;
  if (text.charCodeAt(at) === COLON) {
    second = twoDigits(text, 17);
    if (second < 0 || second > 59) return undefined;
    at = 19;
    if (text.charCodeAt(at) === POINT) {
      const end = endOfDigits(text, at + 1);
      if (end === at + 1) return undefined;
      fraction = fractionMicros(text, at + 1, end);
      at = end;
    }
  }
  const offset = offsetMinutes(text, at, local);
  if (Number.isNaN(offset)) return undefined;
  const millis = Math.floor(fraction / 1000);
  const minutes = hour * 60 + minute - offset;
  return microsOf(day * MS_PER_DAY + minutes * MS_PER_MINUTE + second * 1000 + millis, fraction - 1000 * millis);
}

/**
 * µs since the epoch of a number of `unit`s, which may have a fraction. What is finer than a µs is cut off. Undefined
 * outside of the years 0001 to 9999.
 */
export function microsOfEpoch(value: number | NumberText, unit: TimestampUnit): number | bigint | undefined {
  if (unit !== 'ns' && Number.isSafeInteger(value)) {
    const micros = Number(value) * FACTORS[unit];
    if (Number.isSafeInteger(micros)) return micros;
  }
  const decimal = parseDecimal(String(value));
  const micros = decimal === undefined ? undefined : flooredValue(decimal, SCALES[unit], MAX_MICROS_DIGITS);
  if (micros === undefined || micros < MIN_MICROS || micros > MAX_MICROS) return undefined;
  const number = Number(micros);
  return Number.isSafeInteger(number) ? number : micros;
}

/** A date as `YYYY-MM-DD`; years outside of 0000 to 9999 have a sign and six digits (ISO 8601). */
export function formatDate(days: number): string {
  // Days are counted from March 1 of the year 0, so that the leap day is the last of a year; 400 years are one era.
  const shifted = days + DAYS_TO_EPOCH;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + 400 * era + (month <= 2 ? 1 : 0);
  const digits = year >= 0 && year <= 9999 ? pad(year, 4) : `${year < 0 ? '-' : '+'}${pad(Math.abs(year), 6)}`;
  return `${digits}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** A time as `YYYY-MM-DDTHH:MM:SS.ffffff`, always with all six digits, so that texts sort as times do. */
export function formatMicros(micros: number | bigint): string {
  const [days, rest] = split(micros);
  const seconds = Math.floor(rest / 1_000_000);
  const minutes = Math.floor(seconds / 60);
  const time = `${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}:${pad(seconds % 60, 2)}`;
  return `${formatDate(days)}T${time}.${pad(rest % 1_000_000, 6)}`;
}

/** Days, and µs of the last of them. */
function split(micros: number | bigint): readonly [number, number] {
  if (typeof micros === 'number') {
    const days = Math.floor(micros / MICROS_PER_DAY);
    return [days, micros - days * MICROS_PER_DAY];
  }
  const perDay = BigInt(MICROS_PER_DAY);
  const rest = ((micros % perDay) + perDay) % perDay;
  return [Number((micros - rest) / perDay), Number(rest)];
}

function microsOf(ms: number, micros: number): number | bigint | undefined {
  if (ms < MIN_MS || ms > MAX_MS) return undefined;
  if (ms > -MAX_SAFE_MS && ms < MAX_SAFE_MS) return 1000 * ms + micros;
  return 1000n * BigInt(ms) + BigInt(micros);
}

/** Days since the epoch of the `YYYY-MM-DD` that a text begins with; NaN if it does not, or the day is in no calendar. */
function dayOf(text: string): number {
  if (text.charCodeAt(4) !== MINUS || text.charCodeAt(7) !== MINUS) return Number.NaN;
  const century = twoDigits(text, 0);
  const yearOfCentury = twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const year = 100 * century + yearOfCentury;
  if (century < 0 || yearOfCentury < 0 || year < 1 || month < 1 || month > 12 || day < 1) return Number.NaN;
  if (day > 28 && day > daysOfMonth(year, month)) return Number.NaN;
  // As in formatDate: years begin in March.
  const marchYear = month <= 2 ? year - 1 : year;
  const monthFromMarch = month <= 2 ? month + 9 : month - 3;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return 365 * marchYear + leapDays + Math.floor((153 * monthFromMarch + 2) / 5) + day - 1 - DAYS_TO_EPOCH;
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Minutes that the offset at `at`, with which the text must end, is east of UTC; NaN if it is none. */
function offsetMinutes(text: string, at: number, local: boolean): number {
  const left = text.length - at;
  if (left === 0) return 0;
  const sign = text.charCodeAt(at);
  if (sign === UPPER_Z || sign === LOWER_Z) return left === 1 ? 0 : Number.NaN;
  if (local || (sign !== PLUS && sign !== MINUS)) return Number.NaN;
  const hour = twoDigits(text, at + 1);
  const hasColon = text.charCodeAt(at + 3) === COLON;
  const minute = left === 3 ? 0 : twoDigits(text, hasColon ? at + 4 : at + 3);
  const length = left === 3 ? 3 : hasColon ? 6 : 5;
  if (left !== length || hour < 0 || hour > MAX_OFFSET_HOURS || minute < 0 || minute > 59) return Number.NaN;
  return (sign === MINUS ? -1 : 1) * (60 * hour + minute);
}

/** -1 if there are no two digits. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : -1;
}

function endOfDigits(text: string, start: number): number {
  let at = start;
  while (at < text.length && at < start + MAX_FRACTION_DIGITS && isDigit(text.charCodeAt(at))) at++;
  return at;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

/** The first six digits behind the point; those that are missing are zeros. */
function fractionMicros(text: string, start: number, end: number): number {
  let micros = 0;
  for (let at = start; at < start + 6; at++) micros = 10 * micros + (at < end ? text.charCodeAt(at) - ZERO : 0);
  return micros;
}

function pad(value: number, length: number): string {
  return String(value).padStart(length, '0');
}

const DATE_LENGTH = 10;
const MAX_FRACTION_DIGITS = 9;
/** As in Java's ZoneOffset, which Spark uses. */
const MAX_OFFSET_HOURS = 18;
/** From March 1 of the year 0 to the epoch. */
const DAYS_TO_EPOCH = 719_468;
const DAYS_PER_ERA = 146_097;

const FACTORS = { s: 1_000_000, ms: 1000, us: 1 } as const;
/** Powers of ten that make µs of a unit. */
const SCALES = { s: 6, ms: 3, us: 0, ns: -3 } as const;
const MIN_MICROS = 1000n * BigInt(MIN_MS);
const MAX_MICROS = 1000n * BigInt(MAX_MS) + 999n;
/** Digits of MAX_MICROS. */
const MAX_MICROS_DIGITS = 18;

const ZERO = 0x30;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const SPACE = 0x20;
const UPPER_T = 0x54;
const LOWER_T = 0x74;
const UPPER_Z = 0x5a;
const LOWER_Z = 0x7a;
