import { RetentionError } from '../../maintenance/vacuum/vacuum.ts';
import { UsageError } from '../args.ts';

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
