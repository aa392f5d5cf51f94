import { familyOf } from '../kafka/resources.ts';

/**
 * Runs for `limit` ms at most: then all processes end that were started meanwhile, and it throws. They are those of the
 * contender, as long as nothing else runs beside it.
 */
export async function inTurn<T>(limit: number, run: () => Promise<T>): Promise<T> {
  const before = familyOf(process.pid);
  const turn = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    turn.reject(new Error(`stopped after ${limit / 60_000} minutes, see --turn`));
    for (const pid of familyOf(process.pid)) if (!before.has(pid)) end(pid);
  }, limit);
  try {
    return await Promise.race([run(), turn.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
