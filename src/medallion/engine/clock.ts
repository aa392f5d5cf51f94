import { EngineError } from './errors.ts';

/** The time of a session, and its end. */
export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** Throws EngineError `TIME_UP` when the time is up. */
  checkTime(): void;
  /** Does what has a beginning and an end, and interrupts it when the time is up. */
  limit<T>(work: () => Promise<T>, interrupt: () => void): Promise<T>;
}

/** ms between the interruptions of what goes on: each ends one statement, of which a piece of work may have several. */
const INTERRUPT_INTERVAL = 50;

export function createClock(now: () => number, deadline: number): Clock {
  const checkTime = () => {
    if (now() < deadline) return;
    throw new EngineError('TIME_UP', `The time of the session was up at ${new Date(deadline).toISOString()}`, {
      deadline,
    });
  };
  return {
    now,
    checkTime,
    async limit(work, interrupt) {
      checkTime();
      if (deadline === Number.POSITIVE_INFINITY) return work();
      const timer = setInterval(() => {
        if (now() >= deadline) interrupt();
      }, INTERRUPT_INTERVAL);
      timer.unref();
      try {
        return await work();
      } finally {
        clearInterval(timer);
      }
    },
  };
}
