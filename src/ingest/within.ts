/** The time of the invocation is up. What was under way may still be committed; its events are then duplicates. */
class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'DEADLINE';
}

/** Gives up waiting for one table, so that the others are answered for in time. */
export async function within<T>(ms: number, work: Promise<T>, table: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`the time is up before ${table} was done`)), Math.max(ms, 0));
  });
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
