import type { Snapshot } from './snapshot.ts';

const DAY = 86_400_000;

/** What Delta has where a table says nothing, ms (docs.delta.io "Table properties", DeltaConfig.scala). */
export const DEFAULT_LOG_RETENTION = 30 * DAY;

/**
 * Commits that are younger than this are never cleaned up, ms: not by us, whatever the retention that is asked for, and not
 * by others where the table keeps its log for as long.
 */
export const SHORTEST_LOG_RETENTION = 3_600_000;

/**
 * How long a table's log stays, ms: its `delta.logRetentionDuration`. 0 for a value that is no interval: nothing is sure
 * then.
 */
export function logRetentionOf({ metadata }: Pick<Snapshot, 'metadata'>): number {
  const value = metadata.configuration['delta.logRetentionDuration'];
  return value === undefined ? DEFAULT_LOG_RETENTION : (parseInterval(value) ?? 0);
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
