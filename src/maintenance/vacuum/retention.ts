import { DeltaError } from '../../delta/errors.ts';
import type { Snapshot } from '../../delta/snapshot.ts';

const DAY = 86_400_000;

/** What Delta has where a table says nothing, ms (docs.delta.io "Table properties", DeltaConfig.scala). */
const DELETED_FILES = 7 * DAY;
const LOG = 30 * DAY;

/** How long files that were removed stay, ms: the table's `delta.deletedFileRetentionDuration`, a week by default. */
export function deletedFileRetention(snapshot: Pick<Snapshot, 'table' | 'metadata'>): number {
  return intervalProperty(snapshot, 'delta.deletedFileRetentionDuration') ?? DELETED_FILES;
}

/** How long the log stays, ms: the table's `delta.logRetentionDuration`, 30 days by default. */
export function logRetention(snapshot: Pick<Snapshot, 'table' | 'metadata'>): number {
  return intervalProperty(snapshot, 'delta.logRetentionDuration') ?? LOG;
}

/** Throws `UNSUPPORTED_WRITER` for a value that is no interval: what the table wants kept is not known then. */
function intervalProperty(
  { table, metadata }: Pick<Snapshot, 'table' | 'metadata'>,
  property: string,
): number | undefined {
  const value = metadata.configuration[property];
  if (value === undefined) return undefined;
  const ms = parseInterval(value);
  if (ms !== undefined) return ms;
  throw new DeltaError('UNSUPPORTED_WRITER', `${table.url} has ${property} "${value}", expected such as "7 days"`, {
    table: table.url,
    property,
    value,
  });
}

const UNITS: Readonly<Record<string, number>> = {
  week: 7 * DAY,
  day: DAY,
  hour: 3_600_000,
  minute: 60_000,
  second: 1_000,
  millisecond: 1,
  microsecond: 0.001,
};

/**
 * ms of a text such as `interval 1 week` or `2 days 12 hours`; undefined for anything else. Months and years have no
 * length, and no writer takes them (DeltaConfigs.isValidIntervalConfigValue).
 */
export function parseInterval(text: string): number | undefined {
  const body = text
    .trim()
    .toLowerCase()
    .replace(/^interval\s+/, '');
  if (!/^(\d+\s*[a-z]+\s*)+$/.test(body)) return undefined;
  let sum = 0;
  for (const [, count = '', unit = ''] of body.matchAll(/(\d+)\s*([a-z]+)/g)) {
    const ms = UNITS[unit.replace(/s$/, '')];
    if (ms === undefined) return undefined;
    sum += Number(count) * ms;
  }
  // Rounded up: kept a moment too long rather than too short.
  const whole = Math.ceil(sum);
  return Number.isSafeInteger(whole) ? whole : undefined;
}
