import { RetentionError } from '../../maintenance/vacuum/vacuum.ts';
import { UsageError } from '../args.ts';

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** ms of an option such as `90m`, `6h` or `7d`. Throws UsageError naming the option. */
export function parseDuration(text: string, option: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count === undefined) throw new UsageError(`--${option} expects a time such as 90m, 6h or 7d, got "${text}"`);
  return Number(count) * (UNITS[unit] ?? 0);
}

/** `7 days`, `36 hours`. */
export function durationText(ms: number): string {
  const hours = Math.round(ms / 36_000) / 100;
  return hours >= 48 && hours % 24 === 0 ? `${hours / 24} days` : `${hours} hours`;
}

/** Runs a task; what it says of a retention that is too short becomes a UsageError that says how to have it all the same. */
export async function withRetention<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof RetentionError)) throw error;
    throw new UsageError(`${error.message} (--allow-short-retention takes it all the same)`);
  }
}
