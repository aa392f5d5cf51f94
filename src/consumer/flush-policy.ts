import type { FlushLimits } from './config.ts';

export interface Buffered {
  readonly records: number;
  readonly bytes: number;
  /** When the oldest of them was read, ms since the epoch; undefined for none. */
  readonly oldest: number | undefined;
}

export type FlushReason = 'records' | 'bytes' | 'latency';

/** Why what is buffered is to be written now; undefined when it may wait. */
export function flushReason(buffered: Buffered, limits: FlushLimits, now: number): FlushReason | undefined {
  if (buffered.records === 0) return undefined;
  if (buffered.records >= limits.records) return 'records';
  if (buffered.bytes >= limits.bytes) return 'bytes';
  return buffered.oldest !== undefined && now - buffered.oldest >= limits.latency ? 'latency' : undefined;
}

/** Whether more may be read: while one batch is written the next one is gathered, and no more. */
export function hasRoom(bytes: number, records: number, limits: FlushLimits): boolean {
  return bytes < 2 * limits.bytes && records < 2 * limits.records;
}

/** Pause before the second try, ms. */
const FIRST_PAUSE = 500;
/** Longest pauses before a table is written again, and before brokers are asked again, ms. */
export const WRITE_PAUSE = 30_000;
export const READ_PAUSE = 5_000;

/**
 * How long to wait after so many failures in a row, ms: doubled each time up to `longest`, and spread by chance (`random`
 * in [0, 1)).
 */
export function backoff(failures: number, longest: number, random: number): number {
  const pause = Math.min(longest, FIRST_PAUSE * 2 ** Math.min(failures - 1, 16));
  return Math.round(pause * (0.5 + random / 2));
}
