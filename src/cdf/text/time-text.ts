export const TIMESTAMP_FORMATS = ['iso', 'mysql', 'epoch-seconds', 'epoch-millis', 'epoch-micros'] as const;
/**
 * How timestamps are written. `iso`: `2026-01-02T03:04:05.678901Z`, or with the zone's offset; `mysql`:
 * `2026-01-02 03:04:05.678901` in the zone, which is not named; the others as numbers since 1970 in UTC: seconds with six
 * decimals, ms (what is less is cut off), µs.
 */
export type TimestampFormat = (typeof TIMESTAMP_FORMATS)[number];

const MICROS_PER_SECOND = 1_000_000n;
const MS_PER_DAY = 86_400_000;

/** Writes µs since the epoch. `zoned`: the time is an instant; else it is what a clock shows, and stays it. */
export function timestampText(micros: bigint, format: TimestampFormat, zone: string, zoned: boolean): string {
  if (format === 'epoch-micros') return micros.toString();
  const seconds = floorDiv(micros, MICROS_PER_SECOND);
  const fraction = String(micros - seconds * MICROS_PER_SECOND).padStart(6, '0');
  if (format === 'epoch-millis') return floorDiv(micros, 1000n).toString();
  if (format === 'epoch-seconds') return epochSeconds(micros);
  const offset = zoned ? zoneOffset(Number(seconds), zone) : 0;
  const [day, time] = calendar((Number(seconds) + offset) * 1000);
  if (format === 'mysql') return `${day} ${time}.${fraction}`;
  return `${day}T${time}.${fraction}${zoned ? offsetText(offset, zone) : ''}`;
}

/** Writes days since the epoch as `YYYY-MM-DD`. */
export function dateText(days: number): string {
  return calendar(days * MS_PER_DAY)[0];
}

/** Whether the name is a time zone of the IANA database, or an offset. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function epochSeconds(micros: bigint): string {
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, '0');
  return `${micros < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/** Years outside of 0 to 9999 have six digits and a sign, as ISO 8601 has it. */
function calendar(ms: number): readonly [string, string] {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return [`beyond the calendar: ${ms} ms`, ''];
  const [day = '', time = ''] = date.toISOString().split('T');
  return [day, time.slice(0, 8)];
}

function offsetText(offset: number, zone: string): string {
  if (zone === 'UTC') return 'Z';
  const seconds = Math.abs(offset);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const rest = seconds % 60 === 0 ? '' : `:${two(seconds % 60)}`;
  return `${offset < 0 ? '-' : '+'}${two(seconds / 3600)}:${two((seconds / 60) % 60)}${rest}`;
}

/** Offsets change at full quarters of an hour since 1972 (IANA time zone database). */
const STEP = 900;
const EXACT_BEFORE = 63_072_000;
const MAX_CACHED = 100_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();

/** Seconds by which the clocks of a zone are ahead of UTC. */
function zoneOffset(seconds: number, zone: string): number {
  if (zone === 'UTC') return 0;
  if (seconds < EXACT_BEFORE) return computeOffset(seconds, zone);
  const step = Math.floor(seconds / STEP);
  const key = `${zone} ${step}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  const offset = computeOffset(step * STEP, zone);
  if (offsets.size >= MAX_CACHED) offsets.clear();
  offsets.set(key, offset);
  return offset;
}

function computeOffset(seconds: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    const numeric = 'numeric';
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
    formats.set(zone, format);
  }
  const parts = new Map(format.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]));
  const part = (name: Intl.DateTimeFormatPartTypes) => Number(parts.get(name));
  const year = parts.get('era') === 'BC' ? 1 - part('year') : part('year');
  const shown = new Date(0);
  shown.setUTCFullYear(year, part('month') - 1, part('day'));
  shown.setUTCHours(part('hour'), part('minute'), part('second'));
  return shown.getTime() / 1000 - seconds;
}
