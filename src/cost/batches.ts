/** How what comes evenly over the day is cut into batches. */
export interface Gathering {
  readonly perDay: number;
  /** Seconds that a batch is gathered. */
  readonly window: number;
  /** Of a batch at most. */
  readonly batchSize: number;
}

/** Of one batch, on average; one at least. */
export function gathered({ perDay, window, batchSize }: Gathering): number {
  return Math.min(batchSize, Math.max(1, (perDay / SECONDS_OF_A_DAY) * window));
}

/** Of so many things, each for one of the groups by chance, so many different groups are met. */
export function groupsMet(things: number, groups: number): number {
  return groups * (1 - (1 - 1 / groups) ** things);
}

const SECONDS_OF_A_DAY = 86_400;
