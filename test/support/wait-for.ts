import { setTimeout as sleep } from 'node:timers/promises';

/** Far more than any step takes, so that a slow machine does not make a test fail. ms. */
const LIMIT = 60_000;
/** ms. */
const STEP = 10;

/** Waits until the condition holds; throws, naming `what` was waited for, when it does not come to hold. */
export async function waitFor(condition: () => boolean | Promise<boolean>, what: string, limit = LIMIT): Promise<void> {
  const end = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
    await sleep(STEP);
  }
}
