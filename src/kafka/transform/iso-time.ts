const MICROS_PER_MS = 1000n;
const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const MICROS_PER_DAY = 86_400_000_000n;

/** 0001-01-01 and the day behind 9999-12-31, in ms since the epoch. */
const FIRST = -62_135_596_800_000;
const END = 253_402_300_800_000;

/**
 * ISO 8601 text of µs since the epoch, in UTC: `2021-07-20T23:18:18Z`, with 3 digits behind the point where there are ms,
 * and 6 where there are µs. Undefined beyond the years 1 to 9999.
 */
export function isoTimestamp(micros: bigint): string | undefined {
  const ms = floorDivide(micros, MICROS_PER_MS);
  const text = isoOfMs(ms);
  if (text === undefined) return undefined;
  const rest = Number(micros - ms * MICROS_PER_MS);
  if (rest !== 0) return `${text.slice(0, -1)}${padded(rest, 3)}Z`;
  return text.endsWith('.000Z') ? `${text.slice(0, -'.000Z'.length)}Z` : text;
}

/** The date of days since the epoch, as `2021-07-20`; undefined beyond the years 1 to 9999. */
export function isoDate(days: number): string | undefined {
  return Number.isInteger(days) ? isoOfMs(BigInt(days) * BigInt(MS_PER_DAY))?.slice(0, '2021-07-20'.length) : undefined;
}

/** The time of µs since midnight, as `23:18:18` or `23:18:18.123456`; undefined beyond a day. */
export function isoTimeOfDay(micros: bigint): string | undefined {
  if (micros < 0n || micros >= MICROS_PER_DAY) return undefined;
  return isoTimestamp(micros)?.slice('1970-01-01T'.length, -1);
}

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(?:([Zz]|UTC)|([+-])(\d\d)(?::?(\d\d))?)?)?$/;

/**
 * µs since the epoch of a date, or a date and time, in ISO 8601; UTC where it has no zone. Digits beyond the µs are cut off.
 * Undefined for anything else, and for days that are not in the calendar.
 */
export function parseTimestamp(text: string): bigint | undefined {
  const parts = DATE_TIME.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', , sign, zoneHour, zoneMinute] = parts;
  const midnight = new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const date = new Date(midnight);
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const time = [hour, minute, second].map((part) => Number(part ?? 0)) as [number, number, number];
  const zone = [zoneHour, zoneMinute].map((part) => Number(part ?? 0)) as [number, number];
  if (time[0] > 23 || time[1] > 59 || time[2] > 59 || zone[0] > 18 || zone[1] > 59) return undefined;
  const minutes = time[0] * 60 + time[1] - (sign === '-' ? -1 : 1) * (zone[0] * 60 + zone[1]);
  const ms = midnight + minutes * MS_PER_MINUTE + time[2] * 1000;
  return BigInt(ms) * MICROS_PER_MS + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

/** With three digits behind the point. */
function isoOfMs(ms: bigint): string | undefined {
  return ms >= FIRST && ms < END ? new Date(Number(ms)).toISOString() : undefined;
}

/** Towards negative infinity. */
export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
